//! The VM on which the image is built; a test in a VM reads its size here, too.

use super::manifest::{
    BUILD_VM_IDENTITIES, CONTAINER_INSTANCE_SUBNET_ID, Input, OS_DISK_SIZE_GB, PROXY_VM_SIZE,
    VM_SIZE, VNET_SUBNET_ID,
};
use super::problem::{Code, Form, Problem, quoted};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::{IDENTITY, SUBNET};
use super::spelling::{tidy, whole_vm_size};
use crate::resource::ResourceId;
use crate::template::model::{VmProfile, VnetConfig};

const SIZE: Form = Form {
    what: "the size of a VM",
    format: "letters, digits, '_' and '-'",
    example: "Standard_D2ds_v5",
};

/// The size that the original task declares as its default. It has one core and boots generation 1 only; see "Windows build fails" in
/// <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot>.
const OLD_SIZE: &str = "Standard_D1_v2";

/// None where the inputs say nothing of it.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Option<VmProfile>, AlreadyReported> {
    let size = size(reader);
    let network = network(reader);
    let identities = identities(reader);
    let disk_size_gb = reader.number(&OS_DISK_SIZE_GB, 0..=LARGEST_DISK_GB, DISK_SIZE);
    let profile = VmProfile {
        vm_size: size?,
        os_disk_size_gb: disk_size_gb?.filter(|gigabytes| *gigabytes > 0),
        user_assigned_identities: identities?,
        vnet_config: network?,
        ..VmProfile::default()
    };
    Ok(Some(profile).filter(|profile| *profile != VmProfile::default()))
}

/// The largest OS disk (<https://learn.microsoft.com/azure/virtual-machines/managed-disks-overview#os-disk>).
const LARGEST_DISK_GB: u32 = 4095;

const DISK_SIZE: Form = Form {
    what: "the size of an OS disk",
    format: "0 for the size of the source, or up to 4095 GB",
    example: "128",
};

/// One id per line; commas separate as well.
fn identities(reader: &mut Reader<'_>) -> Result<Option<Vec<String>>, AlreadyReported> {
    let text = reader.optional(&BUILD_VM_IDENTITIES)?.unwrap_or_default();
    let ids = text.split(['\n', ',', ';']).map(tidy);
    let read: Vec<_> = ids
        .filter(|id| !id.is_empty())
        .map(|id| reader.id_of(&BUILD_VM_IDENTITIES, id, IDENTITY))
        .collect();
    let mut identities = Vec::new();
    for id in read {
        let id = id?;
        if !identities.contains(&id) {
            identities.push(id);
        }
    }
    let identities: Vec<String> = identities.iter().map(ResourceId::to_string).collect();
    Ok(Some(identities).filter(|identities| !identities.is_empty()))
}

fn network(reader: &mut Reader<'_>) -> Result<Option<VnetConfig>, AlreadyReported> {
    let subnet = reader.optional_id(&VNET_SUBNET_ID, SUBNET);
    // Both are hidden in the editor without a subnet.
    if matches!(subnet, Ok(None)) {
        return Ok(None);
    }
    let container = reader.optional_id(&CONTAINER_INSTANCE_SUBNET_ID, SUBNET);
    let proxy = vm_size(reader, &PROXY_VM_SIZE, PROXY_SIZE);
    let (subnet, container) = (subnet?, container?);
    let Some(subnet) = subnet else {
        return Ok(None);
    };
    let container_subnet = match container {
        Some(container) => Some(container_subnet(reader, &subnet, container)?),
        None => None,
    };
    let mut proxy = proxy?;
    if container_subnet.is_some() && proxy.take().is_some() {
        let reason = format!(
            "because there is no proxy VM with '{}'",
            CONTAINER_INSTANCE_SUBNET_ID.name
        );
        let hint = format!("remove '{}'", PROXY_VM_SIZE.name);
        reader.warn_without_effect(&PROXY_VM_SIZE, &reason, &hint);
    }
    Ok(Some(VnetConfig {
        subnet_id: Some(subnet.to_string()),
        container_instance_subnet_id: container_subnet.map(|id| id.to_string()),
        proxy_vm_size: proxy.map(str::to_owned),
        ..VnetConfig::default()
    }))
}

/// The rules are those of <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking>.
fn container_subnet(
    reader: &mut Reader<'_>,
    subnet: &ResourceId,
    container: ResourceId,
) -> Result<ResourceId, AlreadyReported> {
    let fault = if &container == subnet {
        "is also the subnet of the build VM"
    } else if container.parent() != subnet.parent() {
        "is in a different virtual network than the subnet of the build VM"
    } else {
        return Ok(container);
    };
    let sentence = format!(
        "{} {fault}; expected another subnet of the same network as input '{}', delegated to container groups",
        quoted(container.as_str()),
        VNET_SUBNET_ID.name
    );
    let input = &CONTAINER_INSTANCE_SUBNET_ID;
    Err(reader.report(Problem::new(Code::Contradiction, input, sentence, None)))
}

const PROXY_SIZE: Form = Form {
    example: "Standard_A1_v2",
    ..SIZE
};

fn vm_size<'a>(
    reader: &mut Reader<'a>,
    input: &Input,
    form: Form,
) -> Result<Option<&'a str>, AlreadyReported> {
    let Some(text) = reader.optional(input)? else {
        return Ok(None);
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-".contains(c);
    if !text.chars().all(plain) {
        return Err(reader.malformed(input, text, form, None));
    }
    if let Some(whole) = whole_vm_size(text) {
        let sentence = format!(
            "{} is not the size of a VM; sizes begin with 'Standard_'",
            quoted(text)
        );
        let hint = Some(format!("did you mean '{whole}'?"));
        return Err(reader.report(Problem::new(Code::Malformed, input, sentence, hint)));
    }
    Ok(Some(text))
}

pub(super) fn size(reader: &mut Reader<'_>) -> Result<Option<String>, AlreadyReported> {
    let Some(text) = vm_size(reader, &VM_SIZE, SIZE)? else {
        return Ok(None);
    };
    if text.eq_ignore_ascii_case(OLD_SIZE) {
        let sentence = format!(
            "Input '{}': '{text}' is an old size with one core; Windows builds often fail on it, and it cannot start generation 2 images",
            VM_SIZE.name
        );
        let hint = format!("set '{}' to '{}'", VM_SIZE.name, SIZE.example);
        reader.warn(Code::Retired, sentence, Some(hint));
    }
    Ok(Some(text.to_owned()))
}
