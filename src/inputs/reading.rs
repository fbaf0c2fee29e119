//! One pass over what a job gives: hands out texts, collects problems and warnings.

mod resource;
mod undeclared;

use std::ops::RangeInclusive;

use super::declared::Input;
use super::given::Given;
use super::problem::{Code, Form, Problem, Problems, Warning, list, quoted};
use super::spelling::{nearest, unexpanded_macro};

/// What was given, and what has been found wrong with it so far.
pub(super) struct Reading<'a> {
    given: &'a Given,
    problems: Vec<Problem>,
    warnings: Vec<Warning>,
}

/// A value that is not to be had, because of a problem that has been reported. Only reporting makes one.
#[derive(Debug, Clone)]
pub(super) struct Reported(Problem);

impl<'a> Reading<'a> {
    pub(super) fn new(given: &'a Given) -> Self {
        Self {
            given,
            problems: Vec::new(),
            warnings: Vec::new(),
        }
    }

    pub(super) fn given(&self) -> &'a Given {
        self.given
    }

    /// The value and the warnings, if nothing was wrong.
    pub(super) fn finish<T>(
        self,
        value: Result<T, Reported>,
    ) -> Result<(T, Vec<Warning>), Problems> {
        let Self {
            problems, warnings, ..
        } = self;
        match (value, problems.first().cloned()) {
            (Ok(value), None) => Ok((value, warnings)),
            (Ok(_), Some(problem)) | (Err(Reported(problem)), _) => {
                Err(Problems::new(problems, problem, warnings))
            }
        }
    }

    pub(super) fn report(&mut self, problem: Problem) -> Reported {
        self.problems.push(problem.clone());
        Reported(problem)
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
    ) -> Reported {
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

    /// The trimmed text, if there is one. The agent trims what is written in YAML, but not what a variable brings in.
    pub(super) fn optional(&mut self, input: &Input) -> Result<Option<&'a str>, Reported> {
        self.whole(input, self.raw(input).trim())
    }

    /// The text of an input, unless it is empty or a macro in it was left alone.
    pub(super) fn whole<'t>(
        &mut self,
        input: &Input,
        text: &'t str,
    ) -> Result<Option<&'t str>, Reported> {
        match unexpanded_macro(text) {
            Some(name) => Err(self.report(Problem::new(
                Code::Macro,
                input,
                format!("{} still has the macro '$({name})', because no variable '{name}' is defined", quoted(text)),
                Some(format!("define the variable '{name}' for this job; a variable of a later step, another job or another stage is not seen here")),
            ))),
            None => Ok(Some(text).filter(|text| !text.is_empty())),
        }
    }

    /// The trimmed text of an input that must have one.
    pub(super) fn required(&mut self, input: &Input, form: Form) -> Result<&'a str, Reported> {
        match self.optional(input)? {
            Some(text) => Ok(text),
            None => Err(self.missing(input, &form.expected())),
        }
    }

    /// The input is empty. A name that looks like it may be there instead.
    pub(super) fn missing(&mut self, input: &Input, expected: &str) -> Reported {
        let undeclared = self.undeclared();
        let hint = nearest(input.name, undeclared)
            .map(|name| format!("input '{name}' is given; did you mean '{}'?", input.name));
        let text = format!("it is required and empty; {expected}");
        self.report(Problem::new(Code::Missing, input, text, hint))
    }

    /// A `true` or `false`. Agents hand booleans over in any case; the original task took every other text for `false`.
    pub(super) fn flag(&mut self, input: &Input) -> Result<bool, Reported> {
        let text = self.optional(input)?.unwrap_or_default();
        if !text.is_empty()
            && !text.eq_ignore_ascii_case("false")
            && !text.eq_ignore_ascii_case("true")
        {
            let sentence = format!(
                "Input '{}': {} is neither 'true' nor 'false' and counts as 'false'",
                input.name,
                quoted(text)
            );
            self.warn(Code::NotOneOf, sentence, None);
        }
        Ok(text.eq_ignore_ascii_case("true"))
    }

    /// One of `spellings`, ignoring case, blanks and hyphens. Problems name the declared options, not every spelling.
    pub(super) fn choice<T: Copy>(
        &mut self,
        input: &Input,
        spellings: &[(&'static str, T)],
    ) -> Result<T, Reported> {
        let options = list(input.options.iter().filter(|option| !option.is_empty()));
        let Some(text) = self.optional(input)? else {
            return Err(self.missing(input, &format!("expected one of {options}")));
        };
        let plain: String = text
            .chars()
            .filter(|c| !c.is_whitespace() && !"-_".contains(*c))
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
    ) -> Result<Option<T>, Reported> {
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
    ) -> Result<Option<u32>, Reported> {
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
