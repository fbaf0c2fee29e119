//! From a [`Plan`] to the body that creates its image template. Pure.
//!
//! The wire shapes stay in this folder; what leaves it is JSON.

mod quoting;
mod unpacking;
mod wire;

use serde_json::Value;

use crate::inputs::{BuildVm, Customization, Plan, Provisioner, Source, Target};
use crate::secret::Secret;

/// Where the build VM reads the package.
#[derive(Debug, Clone)]
pub struct PackageLink {
    /// The archive's URL with everything that is needed to read it.
    pub url: Secret,
}

/// The image template of `plan` as Azure VM Image Builder takes it from api-version 2024-02-01 on, which is strict about members and their case
/// (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder>). It holds the link: not for logs.
pub fn compose(plan: &Plan, package_link: &PackageLink) -> Value {
    let template = wire::ImageTemplate {
        location: plan.location.as_str(),
        identity: wire::Identity::of(plan.identity.as_str()),
        properties: wire::Properties {
            source: source(&plan.source),
            customize: customizers(plan, package_link.url.reveal()),
            distribute: [distributor(plan)],
            vm_profile: vm_profile(&plan.build_vm),
            build_timeout_in_minutes: Some(plan.build_timeout_minutes)
                .filter(|minutes| *minutes > 0),
        },
    };
    wire::to_value(&template)
}

/// The template's source, as it is sent; the log shows it.
pub fn source_of(plan: &Plan) -> Value {
    serde_json::to_value(source(&plan.source)).unwrap_or_default()
}

fn source(source: &Source) -> wire::Source<'_> {
    match source {
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
    }
}

/// The names are those of the original task: people look for them in customization logs.
const FILE_COPY: &str = "vststask_file_copy";
const INLINE: &str = "vststask_inline";
const WAIT: &str = "5minWait_is_needed_before_windowsUpdate";

fn customizers<'a>(plan: &'a Plan, link: &'a str) -> Vec<wire::Customizer<'a>> {
    let name = plan.package.name.as_str();
    let own = plan.customization.inline.iter().cloned();
    match plan.customization.provisioner {
        Provisioner::Shell => vec![
            wire::Customizer::File {
                name: FILE_COPY,
                source_uri: link,
                destination: unpacking::linux_archive(name),
            },
            wire::Customizer::Shell {
                name: INLINE,
                inline: unpacking::linux(name).into_iter().chain(own).collect(),
            },
        ],
        Provisioner::PowerShell => {
            let lines = unpacking::windows(name, link).into_iter().chain(own);
            let mut customizers = vec![powershell(&plan.customization, INLINE, lines.collect())];
            if plan.customization.windows_update {
                let wait = vec!["Start-Sleep -Seconds 300".to_owned()];
                customizers.push(powershell(&plan.customization, WAIT, wait));
                customizers.push(ALL_BUT_PREVIEWS);
            }
            customizers
        }
    }
}

fn powershell(
    customization: &Customization,
    name: &'static str,
    inline: Vec<String>,
) -> wire::Customizer<'static> {
    wire::Customizer::PowerShell {
        name,
        run_elevated: customization.run_elevated,
        run_as_system: customization.run_as_system,
        inline,
    }
}

/// All updates that are not installed yet, previews left out, as the original task asks for them
/// (<https://github.com/rgl/packer-plugin-windows-update>).
const ALL_BUT_PREVIEWS: wire::Customizer<'static> = wire::Customizer::WindowsUpdate {
    search_criteria: "IsInstalled=0",
    filters: &["exclude:$_.Title -like '*Preview*'", "include:$true"],
};

fn distributor(plan: &Plan) -> wire::Distributor<'_> {
    let run_output_name = plan.run_output_name();
    match &plan.target {
        Target::Gallery {
            definition,
            version,
            regions,
        } => wire::Distributor::SharedImage {
            gallery_image_id: match version {
                Some(version) => format!("{definition}/versions/{version}"),
                None => definition.to_string(),
            },
            run_output_name,
            target_regions: regions
                .iter()
                .map(|region| wire::TargetRegion {
                    name: region.as_str(),
                })
                .collect(),
        },
        Target::ManagedImage { id, location } => wire::Distributor::ManagedImage {
            image_id: id.as_str(),
            location: location.as_str(),
            run_output_name,
        },
        Target::Vhd => wire::Distributor::Vhd { run_output_name },
    }
}

fn vm_profile(build_vm: &BuildVm) -> Option<wire::VmProfile<'_>> {
    let BuildVm { size, subnet } = build_vm;
    (size.is_some() || subnet.is_some()).then(|| wire::VmProfile {
        vm_size: size.as_deref(),
        vnet_config: subnet.as_ref().map(|subnet| wire::VnetConfig {
            subnet_id: subnet.as_str(),
        }),
    })
}
