//! From the texts that a job gives to a validated [`Plan`].
//!
//! Everything here is pure, but for one look at the folder of the package: no clock, no environment, no network. All problems are found
//! before any is reported, because a pipeline author who corrects one input per run waits an agent's queue for each.

pub mod connection;
pub mod declared;
pub mod given;
pub mod plan;
pub mod problem;

mod build_vm;
mod customization;
mod marketplace;
mod oidc;
mod package;
mod reading;
mod resource_kind;
mod service_connection;
mod source;
mod spelling;
mod target;

pub use connection::{Cloud, Connection, KnownCloud, OidcRequest, Scheme};
pub use given::{Given, GivenConnection};
pub use plan::{
    ArchiveFormat, BuildVm, Customization, Package, Plan, Provisioner, PurchasePlan, Source, Target,
};
pub use problem::{CODES, Code, Problem, Problems, Warning};

use declared::{BUILD_TIMEOUT_IN_MINUTES, IB_AZURE_RESOURCE_GROUP, IB_LOCATION, MANAGED_IDENTITY};
use problem::Form;
use reading::{Reading, Reported};

use crate::resource::{IMAGE_TEMPLATE, ResourceId};
use crate::secret::Masker;

/// The service connection alone, for a step that removes what an earlier one left.
pub fn connection(given: &Given, masker: &dyn Masker) -> Result<Connection, Problems> {
    let mut reading = Reading::new(given);
    let read = service_connection::read(&mut reading, masker);
    Ok(reading.finish(read)?.0)
}

/// Understands what a job gives, or says everything that is wrong with it. Secrets are announced to `masker` before they go anywhere.
pub fn plan(given: &Given, masker: &dyn Masker) -> Result<Plan, Problems> {
    let mut reading = Reading::new(given);
    let read = read(&mut reading, masker);
    let (plan, warnings) = reading.finish(read)?;
    Ok(Plan { warnings, ..plan })
}

/// Every part is read before the first `?`, so that each part reports its problems.
fn read(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Plan, Reported> {
    reading.warn_of_undeclared();
    let connection = service_connection::read(reading, masker);
    let resource_group = resource_group(reading);
    let location = reading.required(&IB_LOCATION, REGION);
    let location = location.and_then(|text| reading.region(&IB_LOCATION, text));
    let identity = reading.required_id(&MANAGED_IDENTITY, resource_kind::IDENTITY);
    let source = source::read(reading);
    let customization = customization::read(reading);
    let format = customization.as_ref().ok().map(Customization::format);
    let package = package::read(reading, format);
    let target = target::read(reading, &location);
    let build_vm = build_vm::read(reading);
    let build_timeout_minutes = build_timeout(reading);
    if let (Ok(source), Ok(target)) = (&source, &target) {
        target::check_against(reading, source, target)?;
    }
    let (connection, resource_group) = (connection?, resource_group?);
    let template_name = reading.given().template_name();
    Ok(Plan {
        template_id: ResourceId::in_group(
            &connection.subscription,
            &resource_group,
            IMAGE_TEMPLATE,
            &template_name,
        ),
        template_name,
        connection,
        resource_group,
        location: location?,
        identity: identity?,
        source: source?,
        customization: customization?,
        package: package?,
        target: target?,
        build_vm: build_vm?,
        build_timeout_minutes: build_timeout_minutes?,
        warnings: Vec::new(),
    })
}

const REGION: Form = Form {
    what: "a region",
    looks: "letters and digits",
    example: "westeurope",
};

const RESOURCE_GROUP: Form = Form {
    what: "the name of a resource group",
    looks: "up to 90 letters, digits and '-_.()' without a '.' at the end",
    example: "rg-images",
};

/// The rules are those of <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources>.
fn resource_group(reading: &mut Reading<'_>) -> Result<String, Reported> {
    let text = reading.required(&IB_AZURE_RESOURCE_GROUP, RESOURCE_GROUP)?;
    let plain = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    if text.chars().all(plain) && text.chars().count() <= 90 && !text.ends_with('.') {
        return Ok(text.to_owned());
    }
    let hint = last_of_id(text).map(|name| format!("the name alone is enough: '{name}'"));
    Err(reading.malformed(&IB_AZURE_RESOURCE_GROUP, text, RESOURCE_GROUP, hint))
}

/// The last segment, where an author gave the id of something that is wanted by its name.
fn last_of_id(text: &str) -> Option<&str> {
    let id = text.starts_with('/').then(|| text.trim_end_matches('/'))?;
    id.rsplit('/').next().filter(|name| !name.is_empty())
}

const BUILD_TIMEOUT: Form = Form {
    what: "a build timeout",
    looks: "0 for the service's own limit, or 6 to 960 minutes",
    example: "120",
};

/// The limits are those of <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-buildtimeoutinminutes>.
fn build_timeout(reading: &mut Reading<'_>) -> Result<u32, Reported> {
    let text = reading.optional(&BUILD_TIMEOUT_IN_MINUTES)?.unwrap_or("0");
    let minutes = text.parse::<u32>().ok();
    match minutes {
        Some(minutes @ (0 | 6..=960)) => Ok(minutes),
        Some(1..=5) => {
            let hint = "the service ends a build of less than 6 minutes at once, because its own sign-in to the build VM would expire";
            Err(reading.malformed(
                &BUILD_TIMEOUT_IN_MINUTES,
                text,
                BUILD_TIMEOUT,
                Some(hint.to_owned()),
            ))
        }
        _ => Err(reading.malformed(&BUILD_TIMEOUT_IN_MINUTES, text, BUILD_TIMEOUT, None)),
    }
}
