//! From a [`Plan`] to its image template, in the types of [`model`]. Pure.

mod customizers;
mod file_steps;
pub mod model;
mod own_script;
mod package_link;
mod quoting;
mod strictness;
mod tags;
mod unpacking;
mod vm_script;

use crate::inputs::Plan;
use model::{Identity, ImageTemplate, Other, Properties};
use package_link::LinkedPackage;

pub use package_link::{Address, PackageLink};
pub use tags::{add_image_tags, tag_images, tag_template};
pub use vm_script::{PARAMETER, script_in_vm};

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
