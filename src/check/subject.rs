//! What a template names, as a build would send it: the inputs and the template file are one here.

use crate::inputs::{PackageAccess, Plan};
use crate::resource::{IMAGE_VERSION, ResourceGroupId, ResourceId, plain_region};
use crate::template::compose;
use crate::template::model::{self, Customizer, Distributor};

/// What the job tells of itself.
#[derive(Debug, Clone, Copy, Default)]
pub struct Job {
    /// The job's own time limit in minutes, 0 for none; unknown at a prompt.
    pub limit_minutes: Option<u64>,
}

/// A VM that is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Machine<'a> {
    /// Where it is made.
    pub group: &'a ResourceGroupId,
    /// Its subnet; the VM is in the region of the network.
    pub subnet: &'a ResourceId,
    /// Its size.
    pub size: &'a str,
    /// The image version or managed image that it boots.
    pub image: &'a ResourceId,
}

/// What there is to look at.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) subscription: String,
    pub(super) resource_group: String,
    /// The region of the template, `westeurope`.
    pub(super) location: String,
    /// Where else the result goes, in the same form, each region once.
    pub(super) regions: Vec<String>,
    /// The identity that the service acts as; a VM of a test has none.
    pub(super) identity: Option<ResourceId>,
    /// Whether it is a VM of a test's own, and no build.
    pub(super) is_test_vm: bool,
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
    /// The account in which lists of contents are kept, where no package goes there, too.
    pub(super) account_of_lists: Option<String>,
    pub(super) package_access: PackageAccess,
    pub(super) job: Job,
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
    pub(super) display_name: String,
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

impl Subject {
    pub(super) fn of(plan: &Plan, job: Job) -> Self {
        let properties = compose(plan, None).properties;
        let location = plan.location.as_str();
        let profile = properties.vm_profile.clone().unwrap_or_default();
        let network = profile.vnet_config.unwrap_or_default();
        let given = |text: Option<String>| text.filter(|text| !text.is_empty());
        let id = |text: Option<String>| text?.parse().ok();
        let package = plan.package.as_ref();
        let steps = steps(CUSTOMIZER, properties.customizers());
        let validations = self::steps("validation", properties.validators());
        Self {
            subscription: plan.connection.subscription.clone(),
            resource_group: plan.resource_group.clone(),
            location: location.to_owned(),
            regions: regions(properties.targets(), location),
            identity: Some(plan.identity.clone()),
            is_test_vm: false,
            source: Source::of(properties.source.as_ref()),
            targets: properties.targets().iter().filter_map(Target::of).collect(),
            steps: steps.chain(validations).collect(),
            in_file: plan.sections_of_file.clone(),
            vm_size: given(profile.vm_size),
            proxy_size: given(network.proxy_vm_size),
            subnet: id(network.subnet_id),
            container_subnet: id(network.container_instance_subnet_id),
            vm_identities: plan.vm_identities(),
            staging_group: given(properties.staging_resource_group.clone()),
            storage_account: package.map(|package| package.storage_account.clone()),
            account_of_lists: plan.storage_account.clone().filter(|_| package.is_none()),
            package_access: package.map_or_else(PackageAccess::default, |package| package.access),
            job,
            build_minutes: plan.effective_build_timeout().as_secs() / 60,
        }
    }

    /// A VM that a test makes in `location`.
    pub(super) fn of_machine(wanted: &Machine<'_>, location: &str) -> Self {
        let image = wanted.image.clone();
        Self {
            subscription: wanted.group.subscription().to_owned(),
            resource_group: wanted.group.name().to_owned(),
            location: location.to_owned(),
            regions: Vec::new(),
            identity: None,
            is_test_vm: true,
            source: if image.is(IMAGE_VERSION) {
                Source::GalleryVersion(image)
            } else {
                Source::ManagedImage(image)
            },
            targets: Vec::new(),
            steps: Vec::new(),
            in_file: Vec::new(),
            vm_size: Some(wanted.size.to_owned()),
            proxy_size: None,
            subnet: Some(wanted.subnet.clone()),
            container_subnet: None,
            vm_identities: Vec::new(),
            staging_group: None,
            storage_account: None,
            account_of_lists: None,
            package_access: PackageAccess::default(),
            job: Job::default(),
            build_minutes: 0,
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

/// The regions that targets name, without the template's own.
fn regions(targets: &[Distributor], location: &str) -> Vec<String> {
    let mut regions: Vec<String> = Vec::new();
    for name in targets
        .iter()
        .flat_map(Distributor::regions)
        .map(plain_region)
    {
        if !name.is_empty() && name != location && !regions.contains(&name) {
            regions.push(name);
        }
    }
    regions
}

fn steps(what: &str, customizers: &[Customizer]) -> impl Iterator<Item = Step> {
    customizers.iter().enumerate().map(move |(index, step)| {
        let display_name = match step.name() {
            "" => format!("{what} {}", index + 1),
            name => format!("{what} '{name}'"),
        };
        Step {
            kind: step.kind().to_owned(),
            display_name,
        }
    })
}

impl Source {
    fn of(source: Option<&model::Source>) -> Self {
        match source {
            Some(model::Source::PlatformImage(image)) => {
                let plan = image.plan_info.as_ref();
                Self::Marketplace {
                    publisher: image.publisher.clone(),
                    offer: image.offer.clone(),
                    sku: image.sku.clone(),
                    version: image.version_or_latest().to_owned(),
                    plan: plan.map(|plan| {
                        [&plan.plan_name, &plan.plan_product, &plan.plan_publisher]
                            .map(Clone::clone)
                    }),
                }
            }
            Some(model::Source::ManagedImage(image)) => {
                let id = image.image_id.parse();
                id.map_or(Self::Other, Self::ManagedImage)
            }
            Some(model::Source::SharedImageVersion(version)) => {
                let id = version.image_version_id.parse();
                id.map_or(Self::Other, Self::GalleryVersion)
            }
            Some(model::Source::Unknown(_)) | None => Self::Other,
        }
    }
}

impl Target {
    fn of(target: &Distributor) -> Option<Self> {
        match target {
            Distributor::SharedImage(target) => {
                let (definition, version) = target.image()?;
                Some(Self::Gallery {
                    definition,
                    version,
                })
            }
            Distributor::ManagedImage(target) => {
                target.image_id.parse().ok().map(Self::ManagedImage)
            }
            Distributor::Vhd(_) | Distributor::Unknown(_) => None,
        }
    }
}
