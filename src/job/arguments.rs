//! What a person at a prompt gives: `name=value`, inputs and variables of the pipeline.

use crate::inputs::Given;
use crate::inputs::declared::ALL_INPUTS;

/// Adds the arguments to what the environment gives; they win. Names that are no inputs are variables.
pub(super) fn add(
    given: &mut Given,
    arguments: impl Iterator<Item = String>,
) -> Result<(), String> {
    for argument in arguments {
        let Some((name, value)) = argument.split_once('=') else {
            return Err(format!(
                "'{argument}' is neither an input nor a variable; expected name=value, for example ibLocation=westeurope"
            ));
        };
        let is_input = ALL_INPUTS
            .iter()
            .any(|input| input.name.eq_ignore_ascii_case(name));
        if is_input {
            given.inputs.insert(name.to_lowercase(), value.to_owned());
        } else {
            given.variables.set(name, value);
        }
    }
    Ok(())
}
