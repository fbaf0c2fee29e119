//! `$(name)` in a template file.

use crate::inputs::macros;
use crate::inputs::raw_inputs::Variables;
use crate::inputs::reader::undefined;

/// A macro that cannot be replaced.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unexpandable {
    /// No variable of this name.
    #[error("variable '{0}' is not defined")]
    Undefined(String),
    /// Its value is secret.
    #[error(
        "variable '{0}' is secret; everybody with read permission on the image template could read it there"
    )]
    Secret(String),
}

impl Unexpandable {
    pub(super) fn hint(&self) -> String {
        match self {
            Self::Undefined(name) => undefined(name),
            Self::Secret(_) => {
                "let the build VM read the secret from a key vault with its own managed identity"
                    .to_owned()
            }
        }
    }
}

/// Replaces the macros of `text`. In a script, what is no variable is the shell's own and stays; elsewhere it must be one.
pub(super) fn expand(
    text: &str,
    variables: &Variables,
    is_script: bool,
) -> Result<String, Unexpandable> {
    macros::replaced(text, |name| match variables.get(name) {
        _ if !macros::is_variable_name(name) => Ok(None),
        Some(value) => Ok(Some(value.to_owned())),
        None if variables.is_secret(name) => Err(Unexpandable::Secret(name.to_owned())),
        None if is_script => Ok(None),
        None => Err(Unexpandable::Undefined(name.to_owned())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_are_replaced_by_pipeline_variables() {
        let public = [("Build.BuildId", "4711"), ("my name", "$(x)")];
        let variables = Variables::new(
            public.map(|(name, value)| (name.to_owned(), value.to_owned())),
            ["key".to_owned()],
        );
        let check = |text: &str, is_script: bool, expected: Result<&str, &str>| {
            let found = expand(text, &variables, is_script).map_err(|error| error.to_string());
            assert_eq!(found.as_deref().map_err(String::as_str), expected, "{text}");
        };
        check(
            "a $(Build.BuildId).$(build_BUILDID) b",
            false,
            Ok("a 4711.4711 b"),
        );
        check("$(my name)", false, Ok("$(x)"));
        check("$(none)", false, Err("variable 'none' is not defined"));
        check("$(none) $(Build.BuildId)", true, Ok("$(none) 4711"));
        check("$(ls /tmp) $( $()", true, Ok("$(ls /tmp) $( $()"));
        check("$(ls /tmp)", false, Ok("$(ls /tmp)"));
        let secret = "variable 'KEY' is secret; everybody with read permission on the image template could read it there";
        check("$(KEY)", true, Err(secret));
    }
}
