//! From a [`Plan`] to its image template, in the types of [`model`], and to a script that a VM runs by itself. Pure.

mod customizers;
mod file_steps;
pub mod model;
mod own_script;
mod quoting;
mod stop_on_error;
mod tags;
mod unpacking;

use crate::inputs::{Package, Plan, Provisioner};
use model::{Identity, ImageTemplate, Other, Properties};
use unpacking::LinkedPackage;

pub use tags::{add_missing_image_tags, set_image_tags, tag_template};
pub use unpacking::{Address, PARAMETER, PackageLink};

/// The image template of `plan` as Azure VM Image Builder takes it from api-version 2024-02-01 on, which is strict about members and their case
/// (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder>). It holds the link: not for logs.
pub fn compose(plan: &Plan, package_link: Option<&PackageLink>) -> ImageTemplate {
    let package = plan.package.as_ref().zip(package_link);
    let package = package.map(|(package, link)| LinkedPackage { package, link });
    let customize = match &plan.steps {
        _ if plan.tests => Vec::new(),
        None => customizers::customizers(plan, package),
        Some(steps) => file_steps::customizers(steps, plan.customization.provisioner, package),
    };
    let contents = plan.contents.listed.then(|| customizers::contents(plan));
    let customize = customize.into_iter().chain(contents).collect();
    let mut properties = Properties {
        customize: Some(customize),
        ..plan.properties.clone()
    };
    let validate = properties.validate.iter_mut();
    for validator in validate.flat_map(|it| it.in_vm_validations.iter_mut().flatten()) {
        *validator = file_steps::with_own_script(validator);
    }
    if let Some(package) = package.filter(|_| plan.tests)
        && let Some(validate) = &mut properties.validate
    {
        let provisioner = plan.customization.provisioner;
        let mut validators = customizers::package_of_test(provisioner, package);
        validators.extend(validate.in_vm_validations.take().into_iter().flatten());
        validate.in_vm_validations = Some(validators);
    }
    ImageTemplate {
        location: plan.location.as_str().to_owned(),
        tags: plan.template_tags.clone(),
        identity: Some(Identity::user_assigned(&plan.identity)),
        properties,
        other: Other::new(),
    }
}

/// The text of a script that runs `lines`. With a package it first brings that to its place; `sha256` is the sum of the archive, whose address is
/// in parameter [`PARAMETER`]: the text can be read by others.
///
/// The image builder runs lines for Linux by `/bin/sh -e`, and ends Windows PowerShell with the exit code of the last program.
pub fn script_in_vm(
    provisioner: Provisioner,
    lines: &[String],
    package: Option<(&Package, &str)>,
) -> String {
    let mut script = Vec::new();
    match provisioner {
        Provisioner::Shell => {
            script.extend(["#!/bin/sh -e", "set -e"].map(str::to_owned));
            if let Some((package, sha256)) = package {
                script.push("(".to_owned());
                // A run command is run as root, and not every image has this program.
                script.push("command -v sudo > /dev/null 2>&1 || sudo() { \"$@\"; }".to_owned());
                script.extend(unpacking::linux_download(package));
                script.extend(unpacking::linux(package, sha256));
                script.push(") || exit 1".to_owned());
            }
            script.extend(lines.iter().cloned());
        }
        Provisioner::PowerShell => {
            if let Some((package, sha256)) = package {
                let link = PackageLink {
                    address: Address::Parameter,
                    sha256: sha256.to_owned(),
                };
                script.push(format!("param([string]${PARAMETER})"));
                script.extend(unpacking::windows(package, &link));
                script.push(format!("Remove-Variable -Name {PARAMETER}"));
            }
            let own = own_script::powershell(lines, false);
            script.extend(own);
            script.push("exit $LASTEXITCODE".to_owned());
        }
    }
    script.join("\n") + "\n"
}
