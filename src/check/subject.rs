//! What a template names, as a build would send it: the inputs and the template file are one here.

use serde::Deserialize;
use serde_json::Value;

use super::place::plain;
use crate::inputs::declared::{REPLICATION_REGIONS, TARGET_REGIONS};
use crate::inputs::{PackageAccess, Plan};
use crate::resource::ResourceId;
use crate::template::compose;

/// What there is to look at.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) subscription: String,
    pub(super) resource_group: String,
    /// The region of the template, `westeurope`.
    pub(super) location: String,
    /// Where else the result goes, in the same form, each region once.
    pub(super) regions: Vec<String>,
    pub(super) identity: ResourceId,
    pub(super) source: Source,
    pub(super) targets: Vec<Target>,
    /// The customizers and the validations, in their order.
    pub(super) steps: Vec<Step>,
    /// The sections of the template that come from the template file, so that the inputs for them have no effect.
    in_file: Vec<String>,
    /// The size of the build VM, if the service does not choose it.
    pub(super) vm_size: Option<String>,
    /// The size of the VM through which the service reaches the build VM in a subnet, if it is given.
    pub(super) proxy_size: Option<String>,
    pub(super) subnet: Option<ResourceId>,
    pub(super) container_subnet: Option<ResourceId>,
    pub(super) vm_identities: Vec<ResourceId>,
    pub(super) staging_group: Option<String>,
    pub(super) storage_account: Option<String>,
    pub(super) package_access: PackageAccess,
    /// The build's own limit in minutes.
    pub(super) build_minutes: u64,
}

/// What the image starts from.
#[derive(Debug)]
pub(super) enum Source {
    Marketplace {
        publisher: String,
        offer: String,
        sku: String,
        version: String,
        /// Name, product and publisher of the purchase plan that is given.
        plan: Option<[String; 3]>,
    },
    ManagedImage(ResourceId),
    GalleryVersion(ResourceId),
    /// Something that this program does not know.
    Other,
}

/// How a customizer is called.
pub(super) const CUSTOMIZER: &str = "customizer";

/// A customizer or a validation.
#[derive(Debug)]
pub(super) struct Step {
    /// `Shell`, `PowerShell`, `File`, `WindowsRestart`, `WindowsUpdate`.
    pub(super) kind: String,
    /// What it is called, for a sentence.
    pub(super) called: String,
}

/// A gallery as a target, on the wire.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SharedImage {
    gallery_image_id: String,
}

/// What the result becomes, where that is a resource.
#[derive(Debug)]
pub(super) enum Target {
    Gallery {
        definition: ResourceId,
        version: Option<String>,
    },
    ManagedImage(ResourceId),
}

/// Where the group of a resource begins.
pub(super) fn group_of(id: &ResourceId) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}",
        id.subscription(),
        id.resource_group()
    )
}

impl Subject {
    pub(super) fn of(plan: &Plan) -> Self {
        let template = compose(plan, None);
        let text = |pointer: &str| {
            let text = template.pointer(pointer).and_then(Value::as_str);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let id = |pointer: &str| text(pointer)?.parse().ok();
        let list = |pointer: &str| {
            let list = template.pointer(pointer).and_then(Value::as_array);
            list.map_or(&[][..], Vec::as_slice)
        };
        let profile = "/properties/vmProfile";
        let network = format!("{profile}/vnetConfig");
        let vm_identities = list(&format!("{profile}/userAssignedIdentities"));
        let limit = template.pointer("/properties/buildTimeoutInMinutes");
        Self {
            subscription: plan.connection.subscription.clone(),
            resource_group: plan.resource_group.clone(),
            location: plan.location.as_str().to_owned(),
            regions: regions(list("/properties/distribute"), plan.location.as_str()),
            identity: plan.identity.clone(),
            source: Source::of(template.pointer("/properties/source")),
            targets: list("/properties/distribute")
                .iter()
                .filter_map(Target::of)
                .collect(),
            steps: steps(CUSTOMIZER, list("/properties/customize"))
                .chain(steps(
                    "validation",
                    list("/properties/validate/inVMValidations"),
                ))
                .collect(),
            in_file: in_file(plan),
            vm_size: text(&format!("{profile}/vmSize")),
            proxy_size: text(&format!("{network}/proxyVmSize")),
            subnet: id(&format!("{network}/subnetId")),
            container_subnet: id(&format!("{network}/containerInstanceSubnetId")),
            vm_identities: vm_identities
                .iter()
                .filter_map(|id| id.as_str()?.parse().ok())
                .collect(),
            staging_group: text("/properties/stagingResourceGroup"),
            storage_account: plan
                .package
                .as_ref()
                .map(|package| package.storage_account.clone()),
            package_access: plan
                .package
                .as_ref()
                .map_or_else(PackageAccess::default, |package| package.access),
            build_minutes: match limit.and_then(Value::as_u64) {
                Some(minutes) if minutes > 0 => minutes,
                _ => plan.effective_build_timeout().as_secs() / 60,
            },
        }
    }

    /// Whether a section comes from the template file.
    pub(super) fn is_in_file(&self, section: &str) -> bool {
        self.in_file.iter().any(|own| own == section)
    }

    /// Where the subscription begins, `/subscriptions/{id}`.
    pub(super) fn in_subscription(&self) -> String {
        format!("/subscriptions/{}", self.subscription)
    }

    /// Where the group of the template begins.
    pub(super) fn in_group(&self) -> String {
        format!(
            "/subscriptions/{}/resourceGroups/{}",
            self.subscription, self.resource_group
        )
    }
}

fn in_file(plan: &Plan) -> Vec<String> {
    let customize = plan.steps.as_ref().map(|_| "customize".to_owned());
    plan.sections.keys().cloned().chain(customize).collect()
}

/// The regions that targets name, without the template's own.
fn regions(targets: &[Value], location: &str) -> Vec<String> {
    let of_target = |target: &Value| {
        let list = |member: &str| target.get(member).and_then(Value::as_array).cloned();
        // These members of the template have the names of inputs.
        let listed = [TARGET_REGIONS.name, REPLICATION_REGIONS.name].map(list);
        let own = target.get("location").cloned();
        listed.into_iter().flatten().flatten().chain(own)
    };
    let mut regions: Vec<String> = Vec::new();
    for region in targets.iter().flat_map(of_target) {
        let name = region.as_str().or_else(|| region.get("name")?.as_str());
        let name = plain(name.unwrap_or_default());
        if !name.is_empty() && name != location && !regions.contains(&name) {
            regions.push(name);
        }
    }
    regions
}

fn steps(what: &str, list: &[Value]) -> impl Iterator<Item = Step> {
    list.iter().enumerate().map(move |(index, step)| {
        let text = |member: &str| step.get(member).and_then(Value::as_str).unwrap_or_default();
        let called = match text("name") {
            "" => format!("{what} {}", index + 1),
            name => format!("{what} '{name}'"),
        };
        Step {
            kind: text("type").to_owned(),
            called,
        }
    })
}

impl Source {
    fn of(source: Option<&Value>) -> Self {
        let text = |member: &str| {
            let text = source.and_then(|source| source.get(member)?.as_str());
            text.unwrap_or_default().to_owned()
        };
        let plan = source.and_then(|source| source.get("planInfo"));
        let plan = plan.map(|plan| {
            let text = |member: &str| plan.get(member).and_then(Value::as_str);
            let part = |member: &str| text(member).unwrap_or_default().to_owned();
            ["planName", "planProduct", "planPublisher"].map(part)
        });
        match (text("type").as_str(), text("imageId").parse()) {
            ("PlatformImage", _) => Self::Marketplace {
                publisher: text("publisher"),
                offer: text("offer"),
                sku: text("sku"),
                version: Some(text("version"))
                    .filter(|version| !version.is_empty())
                    .unwrap_or_else(|| "latest".to_owned()),
                plan,
            },
            ("ManagedImage", Ok(id)) => Self::ManagedImage(id),
            ("SharedImageVersion", _) => text("imageVersionId")
                .parse()
                .map_or(Self::Other, Self::GalleryVersion),
            _ => Self::Other,
        }
    }
}

impl Target {
    fn of(target: &Value) -> Option<Self> {
        let id = |member: &str| target.get(member)?.as_str()?.parse::<ResourceId>().ok();
        match target.get("type")?.as_str()? {
            "SharedImage" => {
                let shared = SharedImage::deserialize(target).ok()?;
                let id: ResourceId = shared.gallery_image_id.parse().ok()?;
                if id.is("Microsoft.Compute/galleries/images/versions") {
                    return Some(Self::Gallery {
                        definition: id.parent()?,
                        version: Some(id.name().to_owned()),
                    });
                }
                Some(Self::Gallery {
                    definition: id,
                    version: None,
                })
            }
            "ManagedImage" => id("imageId").map(Self::ManagedImage),
            _ => None,
        }
    }
}
