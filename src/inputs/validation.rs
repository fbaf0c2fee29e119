//! How the image is checked before it is distributed.

use super::manifest::{
    CONTINUE_DISTRIBUTE_ON_FAILURE, ENABLE_VALIDATION, SOURCE_VALIDATION_ONLY,
    VALIDATION_INLINE_SCRIPT,
};
use super::plan::Provisioner;
use super::problem::Code;
use super::reader::{AlreadyReported, Reader};
use super::spelling::lines;
use crate::template::model::{Customizer, Validate};

/// The name is that of the original task: people look for it in customization logs.
const NAME: &str = "vststask_validation";

/// The script runs in the shell of the customization. None unless it is switched on: the other inputs are hidden in the editor then.
pub(super) fn read(
    reader: &mut Reader<'_>,
    provisioner: Provisioner,
) -> Result<Option<Validate>, AlreadyReported> {
    if !reader.flag(&ENABLE_VALIDATION)? {
        return Ok(None);
    }
    let source_only = reader.flag(&SOURCE_VALIDATION_ONLY);
    let continue_on_failure = reader.flag(&CONTINUE_DISTRIBUTE_ON_FAILURE);
    let inline = lines(reader.raw(&VALIDATION_INLINE_SCRIPT));
    let nothing = inline.iter().all(|line| line.trim().is_empty());
    let (source_only, continue_on_failure) = (source_only?, continue_on_failure?);
    if nothing {
        let text = format!(
            "Input '{}': the validation has no script, so it checks nothing",
            ENABLE_VALIDATION.name
        );
        let hint = format!(
            "set '{}' to commands that fail if the image is faulty, for example: test -x /opt/webapp/bin/webapp",
            VALIDATION_INLINE_SCRIPT.name
        );
        reader.warn(Code::Contradiction, text, Some(hint));
    }
    let validator = match provisioner {
        Provisioner::Shell => Customizer::shell(Some(NAME), inline),
        Provisioner::PowerShell => Customizer::powershell(Some(NAME), inline),
    };
    Ok(Some(Validate {
        continue_distribute_on_failure: continue_on_failure.then_some(true),
        source_validation_only: source_only.then_some(true),
        in_vm_validations: (!nothing).then(|| vec![validator]),
        ..Validate::default()
    }))
}
