//! One pass over what a job gives: hands out texts, collects problems and warnings.

pub(super) mod resource;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::macros::{predefined, unexpanded};
use super::manifest::{ALL_INPUTS, Input};
use super::problem::{Code, Form, Problem, Problems, Warning, list, quoted};
use super::raw_inputs::RawInputs;
use super::spelling::{did_you_mean, is_invisible, meant, nearest, tidy, trimmed};

/// What was given, and what has been found wrong with it so far.
pub(super) struct Reader<'a> {
    given: &'a RawInputs,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
    /// The switches that were read, so that each is reported once.
    flags: BTreeMap<&'static str, Result<bool, AlreadyReported>>,
}

/// There is no value, because of a problem that has been reported. Only reporting makes one.
#[derive(Debug, Clone)]
pub(super) struct AlreadyReported(Problem);

impl<'a> Reader<'a> {
    pub(super) fn new(given: &'a RawInputs) -> Self {
        Self {
            given,
            problems: Vec::new(),
            warnings: Vec::new(),
            flags: BTreeMap::new(),
        }
    }

    pub(super) fn raw_inputs(&self) -> &'a RawInputs {
        self.given
    }

    /// The value and the warnings, if nothing was wrong.
    pub(super) fn finish<T>(
        self,
        value: Result<T, AlreadyReported>,
    ) -> Result<(T, Vec<Warning>), Problems> {
        let Self {
            problems, warnings, ..
        } = self;
        match (value, problems.first().cloned()) {
            (Ok(value), None) => Ok((value, warnings)),
            (Ok(_), Some(problem)) | (Err(AlreadyReported(problem)), _) => {
                Err(Problems::new(problems, problem, warnings))
            }
        }
    }

    pub(super) fn report(&mut self, problem: Problem) -> AlreadyReported {
        self.problems.push(problem.clone());
        AlreadyReported(problem)
    }

    pub(super) fn warn(&mut self, code: Code, text: impl Into<String>, hint: Option<String>) {
        self.warnings.push(Warning {
            code,
            text: text.into(),
            hint,
        });
    }

    /// The value does not have the form; `hint` where more can be said.
    pub(super) fn malformed(
        &mut self,
        input: &Input,
        value: &str,
        form: Form,
        hint: Option<String>,
    ) -> AlreadyReported {
        let text = format!(
            "{} is not {}; {}",
            quoted(value),
            form.what,
            form.expected()
        );
        self.report(Problem::new(Code::Malformed, input, text, hint))
    }

    /// The text as it was given, or the declared default where nothing was given: the agent does the same.
    pub(super) fn raw(&self, input: &Input) -> &'a str {
        let given = self.given.inputs.get(&input.name.to_ascii_lowercase());
        given.map_or(input.default, String::as_str)
    }

    /// The text without blanks and quotes around it, if there is one. The agent trims what is written in YAML, but not what a variable brings
    /// in.
    pub(super) fn optional(&mut self, input: &Input) -> Result<Option<&'a str>, AlreadyReported> {
        self.whole(input, tidy(self.raw(input)))
    }

    /// The text as [`optional`](Self::optional) has it, for an input in which quotes are the author's own.
    pub(super) fn optional_lines(
        &mut self,
        input: &Input,
    ) -> Result<Option<&'a str>, AlreadyReported> {
        self.whole(input, trimmed(self.raw(input)))
    }

    /// Whether the author gave a value that is not the declared default.
    pub(super) fn is_set(&self, input: &Input) -> bool {
        let text = tidy(self.raw(input));
        !text.is_empty() && !text.eq_ignore_ascii_case(tidy(input.default))
    }

    /// What `read` finds wrong with inputs of which it is not known whether they count: only what was given can be wrong, and nothing is
    /// warned of.
    pub(super) fn as_far_as_given<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, AlreadyReported>,
    ) -> Result<T, AlreadyReported> {
        let (problems, warnings) = (self.problems.len(), self.warnings.len());
        let value = read(self);
        let found = self.problems.split_off(problems);
        let wrong = found.into_iter().filter(|it| it.code != Code::Missing);
        self.problems.extend(wrong);
        self.warnings.truncate(warnings);
        value
    }

    /// The text of an input, unless it is empty or a macro in it was left alone.
    pub(super) fn whole<'t>(
        &mut self,
        input: &Input,
        text: &'t str,
    ) -> Result<Option<&'t str>, AlreadyReported> {
        match unexpanded(text) {
            Some(name) => Err(self.report(Problem::new(
                Code::Macro,
                input,
                format!(
                    "{} still contains the macro '$({name})', because variable '{name}' is not defined",
                    quoted(text)
                ),
                Some(undefined(name)),
            ))),
            None => Ok(Some(text).filter(|text| !text.is_empty())),
        }
    }

    /// The trimmed text of an input that must have one.
    pub(super) fn required(
        &mut self,
        input: &Input,
        form: Form,
    ) -> Result<&'a str, AlreadyReported> {
        match self.optional(input)? {
            Some(text) => Ok(text),
            None => Err(self.missing(input, &form.expected())),
        }
    }

    /// The input is empty. A name that looks like it may be there instead.
    pub(super) fn missing(&mut self, input: &Input, expected: &str) -> AlreadyReported {
        self.missing_unless(input, expected, None)
    }

    /// The input is empty; `otherwise` says what needs none. A name that looks like it may be there instead.
    pub(super) fn missing_unless(
        &mut self,
        input: &Input,
        expected: &str,
        otherwise: Option<String>,
    ) -> AlreadyReported {
        let hint = self.given_instead(input).or(otherwise);
        let text = format!("it is required but empty; {expected}");
        self.report(Problem::new(Code::Missing, input, text, hint))
    }

    fn given_instead(&self, input: &Input) -> Option<String> {
        let mut undeclared = self.undeclared().into_iter();
        let name = undeclared.find(|name| !meant(name, [input.name]).is_empty())?;
        Some(format!(
            "input '{name}' is set; did you mean '{}'?",
            input.name
        ))
    }

    /// A `true` or `false`. Agents hand booleans over in any letter case; the original task took every other text for `false`.
    pub(super) fn flag(&mut self, input: &Input) -> Result<bool, AlreadyReported> {
        if let Some(known) = self.flags.get(input.name) {
            return known.clone();
        }
        let flag = self.new_flag(input);
        self.flags.insert(input.name, flag.clone());
        flag
    }

    fn new_flag(&mut self, input: &Input) -> Result<bool, AlreadyReported> {
        let Some(text) = self.optional(input)? else {
            return Ok(false);
        };
        let plain = text.to_ascii_lowercase();
        let meant = match plain.as_str() {
            "true" => return Ok(true),
            "false" => return Ok(false),
            "yes" | "y" | "on" | "1" | "$true" | "enabled" => Some("true"),
            "no" | "n" | "off" | "0" | "$false" | "disabled" => Some("false"),
            other => nearest(other, ["true", "false"]),
        };
        let sentence = format!("{} is neither 'true' nor 'false'", quoted(text));
        let hint = meant.map(|word| format!("write '{word}'"));
        Err(self.report(Problem::new(Code::NotOneOf, input, sentence, hint)))
    }

    /// One of `spellings`, ignoring case, blanks and hyphens. Problems name the declared options, not every spelling.
    pub(super) fn choice<T: Copy>(
        &mut self,
        input: &Input,
        spellings: &[(&'static str, T)],
    ) -> Result<T, AlreadyReported> {
        let options = list(input.options.iter().filter(|option| !option.is_empty()));
        let Some(text) = self.optional(input)? else {
            return Err(self.missing(input, &format!("expected one of {options}")));
        };
        let plain: String = text
            .chars()
            .filter(|c| !is_invisible(*c) && !"-_".contains(*c))
            .collect();
        let found = spellings
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(&plain));
        if let Some((_, value)) = found {
            return Ok(*value);
        }
        let names = spellings.iter().map(|(name, _)| *name);
        let hint = nearest(text, input.options.iter().copied())
            .or_else(|| nearest(&plain, names))
            .map(|name| format!("did you mean '{name}'?"));
        let sentence = format!("{} is not one of {options}", quoted(text));
        Err(self.report(Problem::new(Code::NotOneOf, input, sentence, hint)))
    }

    /// One of `spellings`, if there is a text.
    pub(super) fn choice_or_default<T: Copy>(
        &mut self,
        input: &Input,
        spellings: &[(&'static str, T)],
    ) -> Result<Option<T>, AlreadyReported> {
        match self.optional(input)? {
            Some(_) => self.choice(input, spellings).map(Some),
            None => Ok(None),
        }
    }

    /// A whole number within `range`, if there is a text.
    pub(super) fn number(
        &mut self,
        input: &Input,
        range: RangeInclusive<u32>,
        form: Form,
    ) -> Result<Option<u32>, AlreadyReported> {
        let Some(text) = self.optional(input)? else {
            return Ok(None);
        };
        let number = text.parse().ok().filter(|number| range.contains(number));
        match number {
            Some(number) => Ok(Some(number)),
            None => Err(self.malformed(input, text, form, None)),
        }
    }

    /// An input that the author set although it does nothing. The tasks that this one follows ignore such inputs without a word, so it must
    /// not stop a build.
    pub(super) fn warn_without_effect(&mut self, input: &Input, reason: &str, hint: &str) {
        let text = format!("Input '{}': it has no effect, {reason}", input.name);
        self.warn(Code::Contradiction, text, Some(hint.to_owned()));
    }
}

/// What to do about a variable that is not defined.
pub(super) fn undefined(name: &str) -> String {
    match predefined(name) {
        Some(near) => format!("did you mean '$({near})'?"),
        None => format!(
            "define variable '{name}' for this job; variables of later steps, other jobs and other stages are not available here"
        ),
    }
}

impl<'a> Reader<'a> {
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
