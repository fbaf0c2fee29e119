//! The VM on which the image is built.

use super::declared::{VM_SIZE, VNET_SUBNET_ID};
use super::plan::BuildVm;
use super::problem::{Code, Form};
use super::reading::{Reading, Reported};
use super::resource_kind::SUBNET;

const SIZE: Form = Form {
    what: "the size of a VM",
    looks: "letters, digits, '_' and '-'",
    example: "Standard_D2ds_v5",
};

/// The size that the original task declares as its default. It has one core and boots generation 1 only; see "Windows build fails" in
/// <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot>.
const OLD_SIZE: &str = "Standard_D1_v2";

pub(super) fn read(reading: &mut Reading<'_>) -> Result<BuildVm, Reported> {
    let size = size(reading);
    let subnet = match reading.optional(&VNET_SUBNET_ID)? {
        Some(_) => Some(reading.required_id(&VNET_SUBNET_ID, SUBNET)?),
        None => None,
    };
    Ok(BuildVm {
        size: size?,
        subnet,
    })
}

fn size(reading: &mut Reading<'_>) -> Result<Option<String>, Reported> {
    let Some(text) = reading.optional(&VM_SIZE)? else {
        return Ok(None);
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if !text.chars().all(plain) {
        return Err(reading.malformed(&VM_SIZE, text, SIZE, None));
    }
    if text.eq_ignore_ascii_case(OLD_SIZE) {
        let sentence = format!(
            "Input '{}': '{text}' is of an old series with one core; Windows builds often fail on it, and it cannot start images of generation 2",
            VM_SIZE.name
        );
        let hint = format!("set '{}' to '{}'", VM_SIZE.name, SIZE.example);
        reading.warn(Code::Retired, sentence, Some(hint));
    }
    Ok(Some(text.to_owned()))
}
