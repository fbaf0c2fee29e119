//! Whether the source can become a managed image.

use super::azure::Azure;
use super::facts::{self, Facts, is_demanded};
use super::subject::Target;
use super::table::MISMATCH;
use super::{Seen, Verdict};
use crate::inputs::declared::DISTRIBUTE_TYPE;
use crate::resource::ResourceId;

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Seen> {
    let source = facts::of_source(azure).await;
    let mut seen = Vec::new();
    for target in &azure.subject.targets {
        if let Target::ManagedImage(id) = target {
            seen.push(judge(azure, id, &source));
        }
    }
    if seen.is_empty() {
        seen.push(Seen::fine("the result becomes none"));
    }
    seen
}

/// <https://learn.microsoft.com/azure/virtual-machines/capture-image-resource>, and for the two refusals of Azure
/// <https://github.com/hashicorp/packer/issues/13189> and <https://learn.microsoft.com/azure/virtual-machines/trusted-launch#unsupported-features>.
fn judge(azure: &Azure<'_>, id: &ResourceId, source: &Facts) -> Seen {
    let name = format!("managed image '{}'", id.name());
    let security = source.security.as_deref().unwrap_or_default();
    let (verdict, text) = if source.is_arm() {
        (
            Verdict::Certain(MISMATCH),
            format!("{name} cannot be made: the source image is Arm64, and a managed image is x64"),
        )
    } else if is_demanded(security) {
        (
            Verdict::Certain(MISMATCH),
            format!(
                "{name} cannot be made: the source image demands security type {security}, which managed images do not support"
            ),
        )
    } else if security.ends_with("Supported") {
        (
            Verdict::Warning(MISMATCH),
            format!(
                "{name} loses the source's security type {security}: managed images do not support Trusted Launch, and Azure refuses to make one of a VM that has it"
            ),
        )
    } else {
        return Seen::fine(format!("the source can become {name}"));
    };
    let change = if azure.subject.is_in_file("distribute") {
        "distribute to a gallery in the template file (type SharedImage)".to_owned()
    } else {
        format!("write '{}: sig'", DISTRIBUTE_TYPE.name)
    };
    let fix = format!("{change}, with an image definition that fits the source");
    Seen::new(verdict, text).fix(fix)
}
