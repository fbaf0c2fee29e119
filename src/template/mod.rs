//! From a [`Plan`] to its image template, in the types of [`model`]. Pure.

mod customizers;
pub mod model;
mod own_script;
mod quoting;
mod script;
mod steps;
mod strictness;
mod tags;
mod unpacking;

use crate::inputs::{Package, Plan};
use crate::resource::ResourceId;
use crate::secret::Secret;
use model::{Identity, ImageTemplate, Other, Properties};

pub use script::{PARAMETER, script_in_vm};
pub use tags::{add_tags, mark, mark_images};

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
    /// The script gets the address as a parameter of its own, apart from its text.
    Parameter,
}

impl Address {
    fn url(&self) -> &str {
        match self {
            Self::Signed(url) => url.reveal(),
            Self::ForService(url) | Self::ForVm { url, .. } => url,
            Self::Parameter => "",
        }
    }
}

/// The package, and the link by which it gets into the build VM.
type Link<'a> = (&'a Package, &'a PackageLink);

/// The image template of `plan` as Azure VM Image Builder takes it from api-version 2024-02-01 on, which is strict about members and their case
/// (<https://github.com/Azure/azure-rest-api-specs/tree/main/specification/imagebuilder>). It holds the link: not for logs.
pub fn compose(plan: &Plan, package_link: Option<&PackageLink>) -> ImageTemplate {
    let package = plan.package.as_ref().zip(package_link);
    let customize = match &plan.steps {
        _ if plan.tests => Vec::new(),
        None => customizers::customizers(plan, package),
        Some(steps) => steps::customizers(steps, plan.customization.provisioner, package),
    };
    let contents = plan.contents.listed.then(|| customizers::contents(plan));
    let customize = customize.into_iter().chain(contents).collect();
    let mut properties = Properties {
        customize: Some(customize),
        ..plan.properties.clone()
    };
    let validate = properties.validate.iter_mut();
    for validator in validate.flat_map(|it| it.in_vm_validations.iter_mut().flatten()) {
        *validator = steps::with_own_script(validator);
    }
    if let Some(link) = package.filter(|_| plan.tests)
        && let Some(validate) = &mut properties.validate
    {
        let provisioner = plan.customization.provisioner;
        let mut validators = customizers::package_of_test(provisioner, link);
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
