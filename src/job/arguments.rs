//! What a person at a prompt gives: `name=value`, inputs and variables of the pipeline.

use crate::inputs::RawInputs;
use crate::inputs::manifest::{ALL_INPUTS, Input};
use crate::inputs::meant;

/// Adds the arguments to what the environment gives; they win. Names that are no inputs are variables. One that resembles an input which is not
/// given is kept among the inputs as well, so that the reading of inputs can name the right one.
pub(super) fn add(
    given: &mut RawInputs,
    arguments: impl IntoIterator<Item = String>,
) -> Result<(), String> {
    let mut others = Vec::new();
    for argument in arguments {
        let Some((name, value)) = argument.split_once('=') else {
            return Err(refused(&argument, &argument));
        };
        match declared(name) {
            Some(input) => {
                given
                    .inputs
                    .insert(input.name.to_lowercase(), value.to_owned());
            }
            None if name.trim().is_empty() || name.starts_with('-') => {
                return Err(refused(&argument, name));
            }
            None => {
                given.variables.set(name, value);
                others.push((name.to_lowercase(), value.to_owned()));
            }
        }
    }
    for (name, value) in others {
        let is_given = |input: &str| {
            let text = given.inputs.get(&input.to_lowercase());
            text.is_some_and(|text| !text.trim().is_empty())
        };
        let inputs = meant(&name, ALL_INPUTS.iter().map(|input| input.name));
        if !inputs.is_empty() && !inputs.into_iter().any(is_given) {
            given.inputs.insert(name, value);
        }
    }
    Ok(())
}

fn declared(name: &str) -> Option<&'static Input> {
    let mut all = ALL_INPUTS.iter();
    all.find(|input| input.name.eq_ignore_ascii_case(name))
}

/// Why an argument is none. `name` is what may be the name of an input in it.
fn refused(argument: &str, name: &str) -> String {
    let sentence = format!("'{argument}' is neither an input nor a variable; expected name=value");
    let plain = name.trim_start_matches('-');
    let inputs = meant(plain, ALL_INPUTS.iter().map(|input| input.name));
    match inputs.first() {
        Some(input) => format!("{sentence}; did you mean '{input}=…'?"),
        None => format!("{sentence}, for example ibLocation=westeurope"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(arguments: &[&str]) -> Result<RawInputs, String> {
        let mut given = RawInputs::default();
        let arguments = arguments.iter().map(|it| (*it).to_owned());
        add(&mut given, arguments).map(|()| given)
    }

    #[test]
    fn arguments_are_inputs_or_variables() {
        let given = added(&["IBLOCATION=westeurope", "Build.BuildId=1", "a=b=c"]).unwrap();
        assert_eq!(
            given.inputs.into_iter().collect::<Vec<_>>(),
            [("iblocation".to_owned(), "westeurope".to_owned())]
        );
        assert_eq!(given.variables.get("build.buildid"), Some("1"));
        assert_eq!(given.variables.get("a"), Some("b=c"));
    }

    #[test]
    fn what_looks_like_an_input_is_kept_for_the_reading() {
        let given = added(&["ibLocaton=x", "storageAccount=y"]).unwrap();
        let names: Vec<_> = given.inputs.keys().cloned().collect();
        assert_eq!(names, ["iblocaton", "storageaccount"]);
        // A variable may be called nearly like an input that is there.
        let given = added(&["managedIdentity=x", "managedIdentity2=y"]).unwrap();
        let names: Vec<_> = given.inputs.keys().cloned().collect();
        assert_eq!(names, ["managedidentity"]);
    }

    #[test]
    fn arguments_that_are_none() {
        let check = |argument: &str, expected: &str| {
            let text = added(&[argument]).unwrap_err();
            let expected = format!(
                "'{argument}' is neither an input nor a variable; expected name=value{expected}"
            );
            assert_eq!(text, expected);
        };
        check("here", ", for example ibLocation=westeurope");
        check("iblocation", "; did you mean 'ibLocation=…'?");
        check("--vmSize=a", "; did you mean 'vmSize=…'?");
        check("--verbose=1", ", for example ibLocation=westeurope");
        check("=x", ", for example ibLocation=westeurope");
    }
}
