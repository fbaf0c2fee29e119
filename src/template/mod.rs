//! From a [`Plan`] to the body that creates its image template. Pure.
//!
//! The wire shapes stay in this folder; what leaves it is JSON.

mod customizers;
mod distributor;
mod marks;
mod own_script;
pub mod model;
mod provenance;
mod quoting;
mod steps;
mod strictness;
mod unpacking;
mod wire;

use serde_json::{Map, Value};

use crate::inputs::template_file::members::IMAGE_TEMPLATE_PROPERTIES;
use crate::inputs::{BuildVm, OnError, Package, Plan, Provisioner, Settings, Source, Validation};
use crate::resource::ResourceId;
use crate::secret::Secret;

pub use marks::mark;
pub use provenance::add_tags;

/// The archive of the package.
#[derive(Debug, Clone)]
pub struct PackageLink {
    /// Where it is read, and by what right.
    pub address: Address,
    /// Its SHA-256: 64 hexadecimal digits in lower case.
    pub sha256: String,
}

/// Where the archive of the package is read, and by what right.
#[derive(Debug, Clone)]
pub enum Address {
    /// The address holds everything that is needed to read it.
    Signed(Secret),
    /// The service reads it as the template's identity, and brings it into the build VM.
    ForService(String),
    /// The build VM reads it as an identity of its own.
    ForVm {
        /// The address.
        url: String,
        /// The identity, one of the build VM's.
        identity: ResourceId,
    },
}

impl Address {
    fn url(&self) -> &str {
        match self {
            Self::Signed(url) => url.reveal(),
            Self::ForService(url) | Self::ForVm { url, .. } => url,
        }
    }
}

/// The image template of `plan` as Azure VM Image Builder takes it from api-version 2024-02-01 on, which is strict about members and their case
/// (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder>). It holds the link: not for logs.
pub fn compose(plan: &Plan, package_link: Option<&PackageLink>) -> Value {
    let package = plan.package.as_ref().zip(package_link);
    let template = wire::ImageTemplate {
        location: plan.location.as_str(),
        tags: tags(&plan.settings.template_tags),
        identity: wire::Identity::of(plan.identity.as_str()),
        properties: wire::Properties {
            source: source(&plan.source),
            customize: match &plan.steps {
                None => customizers::to_values(&customizers::customizers(plan, package)),
                Some(steps) => steps::customizers(steps, plan.customization.provisioner, package),
            },
            optimize: plan.settings.optimize_boot.then_some(wire::Optimize {
                vm_boot: wire::State { state: "Enabled" },
            }),
            validate: plan
                .validation
                .as_ref()
                .map(|validation| validate(validation, plan.customization.provisioner)),
            distribute: distributor::distributor(plan).into_iter().collect(),
            error_handling: error_handling(&plan.settings),
            vm_profile: vm_profile(&plan.build_vm),
            build_timeout_in_minutes: Some(plan.build_timeout_minutes)
                .filter(|minutes| *minutes > 0),
            staging_resource_group: plan.settings.staging_resource_group.as_deref(),
            managed_resource_tags: tags(&plan.settings.managed_resource_tags),
        },
    };
    let mut template = wire::to_value(&template);
    let properties = template
        .get_mut("properties")
        .and_then(Value::as_object_mut);
    if let Some(properties) = properties.filter(|_| !plan.sections.is_empty()) {
        properties.extend(plan.sections.clone());
        let validators = properties.get_mut("validate");
        let validators = validators.and_then(|validate| validate.get_mut("inVMValidations"));
        for validator in validators
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            *validator = steps::with_own_script(validator);
        }
        in_order(properties);
    }
    template
}

/// A section of the template file comes where the definition has it.
fn in_order(properties: &mut Map<String, Value>) {
    let members = IMAGE_TEMPLATE_PROPERTIES.members;
    let position = |name: &str| members.iter().position(|member| member.name == name);
    let mut sections: Vec<_> = std::mem::take(properties).into_iter().collect();
    sections.sort_by_key(|(name, _)| position(name));
    properties.extend(sections);
}

/// The package, and the link by which it gets into the build VM.
type Link<'a> = (&'a Package, &'a PackageLink);

/// The template's source, as it is sent; the log shows it.
pub fn source_of(plan: &Plan) -> Value {
    source(&plan.source)
}

fn source(source: &Source) -> Value {
    let source = match source {
        Source::InFile(source) => return source.clone(),
        Source::Marketplace {
            publisher,
            offer,
            sku,
            version,
            plan,
        } => wire::Source::PlatformImage {
            publisher,
            offer,
            sku,
            version,
            plan_info: plan.as_ref().map(|plan| wire::PlanInfo {
                name: &plan.name,
                product: &plan.product,
                publisher: &plan.publisher,
            }),
        },
        Source::ManagedImage(id) => wire::Source::ManagedImage {
            image_id: id.as_str(),
        },
        Source::GalleryVersion(id) => wire::Source::SharedImageVersion {
            image_version_id: id.as_str(),
        },
        Source::SharedDirectly(id) => wire::Source::SharedImageVersion {
            image_version_id: id,
        },
    };
    wire::to_value(&source)
}

/// The name is that of the original task: people look for it in customization logs.
const VALIDATION: &str = "vststask_validation";

fn tags(tags: &[(String, String)]) -> Map<String, Value> {
    let pairs = tags.iter().cloned();
    pairs
        .map(|(name, value)| (name, Value::String(value)))
        .collect()
}

/// The script runs in the shell of the customization.
fn validate(validation: &Validation, provisioner: Provisioner) -> wire::Validate {
    let inline = &validation.inline;
    let validator = match provisioner {
        Provisioner::Shell => wire::Customizer::Shell {
            name: VALIDATION,
            inline: inline.clone(),
        },
        Provisioner::PowerShell => wire::Customizer::PowerShell {
            name: VALIDATION,
            run_elevated: false,
            run_as_system: false,
            inline: own_script::powershell(inline, false),
        },
    };
    wire::Validate {
        continue_distribute_on_failure: validation.continue_on_failure,
        source_validation_only: validation.source_only,
        in_vm_validations: if validation.inline.is_empty() {
            Vec::new()
        } else {
            vec![validator]
        },
    }
}

/// Nothing is said where the service does the same by itself.
fn error_handling(settings: &Settings) -> Option<wire::ErrorHandling> {
    let word = |on_error| match on_error {
        OnError::Cleanup => "cleanup",
        OnError::Abort => "abort",
    };
    let (customizer, validation) = (settings.on_customizer_error, settings.on_validation_error);
    (customizer != OnError::Cleanup || validation != OnError::Cleanup).then(|| {
        wire::ErrorHandling {
            on_customizer_error: word(customizer),
            on_validation_error: word(validation),
        }
    })
}

fn vm_profile(build_vm: &BuildVm) -> Option<wire::VmProfile<'_>> {
    let BuildVm {
        size,
        network,
        identities,
        disk_size_gb,
    } = build_vm;
    let said =
        size.is_some() || network.is_some() || disk_size_gb.is_some() || !identities.is_empty();
    said.then(|| wire::VmProfile {
        vm_size: size.as_deref(),
        os_disk_size_g_b: *disk_size_gb,
        user_assigned_identities: identities.iter().map(ResourceId::as_str).collect(),
        vnet_config: network.as_ref().map(|network| wire::VnetConfig {
            subnet_id: network.subnet.as_str(),
            container_instance_subnet_id: network.container_subnet.as_ref().map(ResourceId::as_str),
            proxy_vm_size: network.proxy_size.as_deref(),
        }),
    })
}
