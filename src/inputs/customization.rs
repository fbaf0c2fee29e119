//! What is done to the source.

use super::manifest::{
    INLINE_SCRIPT, PROVISIONER, RUN_AS_SYSTEM, RUN_ELEVATED, STOP_ON_ERROR,
    WINDOWS_UPDATE_PROVISIONER,
};
use super::plan::{Customization, Provisioner};
use super::reader::{AlreadyReported, Reader};
use super::spelling::lines;
use super::template_file::TemplateFile;
use super::template_file::overrides::CUSTOMIZE;

const PROVISIONERS: &[(&str, Provisioner)] = &[
    ("shell", Provisioner::Shell),
    ("powershell", Provisioner::PowerShell),
];

/// With the customizers of a template file, only the system is of interest, which they mostly tell.
pub(super) fn read(
    reader: &mut Reader<'_>,
    file: &TemplateFile,
) -> Result<Customization, AlreadyReported> {
    if file.has(CUSTOMIZE) {
        let of_file = file.provisioner();
        return Ok(Customization {
            provisioner: of_file.map_or_else(|| provisioner(reader), Ok)?,
            inline: Vec::new(),
            run_elevated: false,
            run_as_system: false,
            stop_on_error: false,
            windows_update: false,
        });
    }
    let provisioner = provisioner(reader);
    let elevated = reader.flag(&RUN_ELEVATED);
    let system = reader.flag(&RUN_AS_SYSTEM);
    let update = reader.flag(&WINDOWS_UPDATE_PROVISIONER);
    let stop = reader.flag(&STOP_ON_ERROR);
    let provisioner = provisioner?;
    let (elevated, system, update) = (elevated?, system?, update?);
    let windows = provisioner == Provisioner::PowerShell;
    if !windows {
        let reason = format!("because '{}' is 'shell'", PROVISIONER.name);
        let hint = format!(
            "for a Windows image set '{}' to 'powershell'",
            PROVISIONER.name
        );
        for (input, set) in [
            (&WINDOWS_UPDATE_PROVISIONER, update),
            (&RUN_ELEVATED, elevated),
        ] {
            if set {
                reader.warn_without_effect(input, &reason, &hint);
            }
        }
    }
    let reason = format!("because '{}' is not 'true'", RUN_ELEVATED.name);
    let hint = format!("set '{}' as well", RUN_ELEVATED.name);
    if windows && system && !elevated {
        reader.warn_without_effect(&RUN_AS_SYSTEM, &reason, &hint);
    }
    Ok(Customization {
        provisioner,
        inline: lines(reader.raw(&INLINE_SCRIPT)),
        run_elevated: windows && elevated,
        run_as_system: windows && elevated && system,
        stop_on_error: windows && stop?,
        windows_update: windows && update,
    })
}

/// An empty text is the default, as it is for the original task.
pub(super) fn provisioner(reader: &mut Reader<'_>) -> Result<Provisioner, AlreadyReported> {
    match reader.optional(&PROVISIONER)? {
        Some(_) => reader.choice(&PROVISIONER, PROVISIONERS),
        None => Ok(Provisioner::Shell),
    }
}
