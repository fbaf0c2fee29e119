//! What will be built, line by line, before anything is sent.

use crate::error::duration;
use crate::inputs::{Follow, Plan, Provisioner};
use crate::resource::ResourceId;
use crate::template::model::{Distributor, Source, json};
use crate::wording::counted;

/// The lines of the log's first group. The first two have the form that pipelines of the original task search for.
pub(super) fn lines(plan: &Plan) -> Vec<String> {
    let properties = &plan.properties;
    let mut lines = vec![
        format!("template name:  {}", plan.template_name),
        format!("Source for image:  {}", source(properties.source.as_ref())),
        format!("steps:  {}", steps(plan)),
    ];
    for target in properties.targets() {
        lines.push(format!("target:  {}", display_name(target)));
        let regions = target.regions();
        if !regions.is_empty() {
            lines.push(format!("regions:  {}", regions.join(", ")));
        }
    }
    lines.push(format!("build VM:  {}", machine(plan)));
    lines.push(format!(
        "time limit of the run:  {}",
        duration(plan.effective_build_timeout())
    ));
    lines.push(format!(
        "image template:  in resource group {}, {}",
        plan.resource_group, plan.location
    ));
    lines.push(match &plan.package {
        Some(package) => format!(
            "package:  {}, through storage account {}",
            package.folder.display(),
            package.storage_account
        ),
        None => "package:  none".to_owned(),
    });
    lines
}

/// What is waited for, or started.
pub(super) fn lines_of_wait(follow: &Follow) -> Vec<String> {
    let template = follow.template_name.as_deref();
    let template = template.map_or("the one of this pipeline run".to_owned(), str::to_owned);
    let mut lines = vec![format!(
        "image template:  {template}, in resource group {}",
        follow.group.name()
    )];
    if let Some(limit) = follow.wait_limit {
        lines.push(format!("time limit of the step:  {}", duration(limit)));
    }
    lines
}

fn source(source: Option<&Source>) -> String {
    match source {
        Some(Source::PlatformImage(it)) => {
            [&it.publisher, &it.offer, &it.sku, it.version_or_latest()].join(":")
        }
        Some(Source::ManagedImage(it)) => it.image_id.clone(),
        Some(Source::SharedImageVersion(it)) => it.image_version_id.clone(),
        Some(Source::Unknown(value)) => json(value).to_string(),
        None => "none".to_owned(),
    }
}

/// What happens in the build VM, in the order in which it does.
fn steps(plan: &Plan) -> String {
    let mut words = Vec::new();
    if plan.package.is_some() {
        words.push("the package".to_owned());
    }
    if let Some(steps) = &plan.steps {
        let steps = counted(steps.len(), "customizer");
        words.push(format!("{steps} of the template file"));
    } else {
        let it = &plan.customization;
        let shell = match it.provisioner {
            Provisioner::Shell => "shell",
            Provisioner::PowerShell => "PowerShell",
        };
        if !it.inline.is_empty() {
            let lines = counted(it.inline.len(), "line");
            words.push(format!("a {shell} script of {lines}"));
        }
        if it.windows_update {
            words.push("Windows Update".to_owned());
        }
    }
    if plan.contents.listed {
        words.push("the list of contents".to_owned());
    }
    if words.is_empty() {
        return "none".to_owned();
    }
    words.join(", ")
}

fn display_name(target: &Distributor) -> String {
    match target {
        Distributor::SharedImage(it) => {
            let Some((definition, version)) = it.image() else {
                return it.gallery_image_id.clone();
            };
            let version = version.map_or("a new version".to_owned(), |it| format!("version {it}"));
            format!(
                "{version} of image definition {} in gallery {}",
                definition.name(),
                definition.name_at(0).unwrap_or_default()
            )
        }
        Distributor::ManagedImage(it) => match it.image_id.parse::<ResourceId>() {
            Ok(id) => format!(
                "managed image {} in resource group {}",
                id.name(),
                id.resource_group()
            ),
            Err(_) => it.image_id.clone(),
        },
        Distributor::Vhd(it) => match it.uri.as_deref().filter(|uri| !uri.is_empty()) {
            Some(uri) => format!("VHD {uri}"),
            None => "VHD in the staging resource group of the template".to_owned(),
        },
        Distributor::Unknown(_) => target.kind().to_owned(),
    }
}

/// What is not said is the service's choice, or the source's.
fn machine(plan: &Plan) -> String {
    let profile = plan.properties.vm_profile.as_ref();
    let size = profile.and_then(|it| it.vm_size.as_deref());
    let size = size.filter(|size| !size.is_empty());
    let size = size.unwrap_or("of the service's own size").to_owned();
    let disk = profile.and_then(|it| it.os_disk_size_gb);
    let disk = disk.filter(|disk| *disk > 0);
    let disk = disk.map(|disk| format!("disk of {disk} GB"));
    let subnet = profile.and_then(|it| it.vnet_config.as_ref()?.subnet_id.as_deref());
    let subnet = subnet.and_then(|id| id.parse::<ResourceId>().ok());
    let subnet = subnet.map(|id| format!("subnet {}", id.name()));
    [Some(size), disk, subnet]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(", ")
}
