//! Inputs that were given and that the task does not have: the agent says nothing of them.

use super::Reading;
use crate::inputs::declared::ALL_INPUTS;
use crate::inputs::problem::{Code, list};
use crate::inputs::spelling::{did_you_mean, meant, tidy};

impl<'a> Reading<'a> {
    /// Names that were given and that the task does not declare.
    pub(super) fn undeclared(&self) -> Vec<&'a str> {
        let declared = |name: &str| {
            ALL_INPUTS
                .iter()
                .any(|input| input.name.eq_ignore_ascii_case(name))
        };
        let given = self.given.inputs.iter();
        given
            .filter(|(name, value)| !declared(name) && !tidy(value).is_empty())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// A misspelt input is ignored by the agent without a word, so it is named here.
    pub(in crate::inputs) fn warn_of_undeclared(&mut self) {
        let mut strange = Vec::new();
        for name in self.undeclared() {
            let all = ALL_INPUTS.iter().map(|input| input.name);
            match did_you_mean(&meant(name, all)) {
                Some(hint) => self.warn(
                    Code::Undeclared,
                    format!("Input '{name}' is not an input of this task and has no effect"),
                    Some(hint),
                ),
                None => strange.push(name),
            }
        }
        if !strange.is_empty() {
            let text = format!(
                "These are not inputs of this task and have no effect: {}",
                list(strange)
            );
            self.warn(Code::Undeclared, text, None);
        }
    }
}
