//! The template that would be sent, for people to read: no sign-in, nothing is sent.

use crate::agent::{Agent, Console, TaskResult};
use crate::file;
use crate::inputs::manifest::{IB_SUBSCRIPTION, MANAGED_IDENTITY};
use crate::inputs::{Package, Plan, RawConnection, RawInputs};
use crate::report::{self, with_hint};
use crate::run::image::record;
use crate::secret::{Masker, Secret};
use crate::storage::CONTAINER;
use crate::template::model::json;
use crate::template::{Address, PackageLink, add_missing_image_tags, compose};

/// A value in place of a secret is none, and is to be read.
struct Placeholder;

impl Masker for Placeholder {
    fn mask(&self, _value: &str) {}
}

/// Writes the template to the log, and to a file that is attached to it.
pub(super) fn write(agent: &Agent, plan: &Plan) {
    let console = agent.console();
    report::report_warnings(console, &plan.warnings);
    let text = template(plan);
    console.group(&format!("Image template {}", plan.template_name));
    console.line(&text);
    console.end_group();
    let folder = agent.environment().temp_directory();
    let path = folder.join(format!("{}.json", plan.template_name));
    match file::write(&path, console.hidden(&text)) {
        Ok(()) => {
            console.upload_file(&path);
            let result = if plan.warnings.is_empty() {
                TaskResult::Succeeded
            } else {
                TaskResult::SucceededWithIssues
            };
            console.complete(result, "The image template was rendered; nothing was sent");
        }
        Err(error) => console.complete(
            TaskResult::Failed,
            &format!("Writing '{}' failed: {error}", path.display()),
        ),
    }
}

/// Prints the template and nothing else, for another program to read. Warnings go where that program does not read.
pub(super) fn print(console: &Console, plan: &Plan) {
    for warning in &plan.warnings {
        let text = with_hint(&warning.text, warning.hint.as_deref());
        console.beside(&format!("warning {}: {text}", warning.code.as_str()));
    }
    console.line(&template(plan));
}

/// The template as people read it, with a placeholder for the signature of the package's link.
fn template(plan: &Plan) -> String {
    let link = plan.package.as_ref().map(|package| PackageLink {
        address: address(package),
        sha256: "{SHA-256 of the package}".to_owned(),
    });
    let mut template = compose(plan, link.as_ref());
    if plan.provenance.as_tags {
        add_missing_image_tags(&mut template, &record(plan, None, None));
    }
    format!("{:#}\n", json(&template))
}

/// What a build would use that knows of no role.
fn address(package: &Package) -> Address {
    let url = format!(
        "https://{}.blob.core.windows.net/{CONTAINER}/{}",
        package.storage_account, package.blob_name
    );
    Address::Signed(Secret::new(format!("{url}?{{signature}}"), &Placeholder))
}

/// At a prompt there is no service connection, and none is needed: the template does not name who sends it. The subscription is that of
/// the identity.
pub(super) fn stand_in_for_connection(given: &mut RawInputs) {
    if given.connection.is_some() {
        return;
    }
    let identity = MANAGED_IDENTITY.name.to_lowercase();
    let identity = given.inputs.get(&identity).map_or("", String::as_str);
    let nobody = "00000000-0000-0000-0000-000000000000";
    // An identity that cannot be read is a problem of its own, and not one of the connection.
    let subscription = identity.split('/').nth(2).filter(|it| !it.is_empty());
    let subscription = subscription.unwrap_or(nobody).to_owned();
    let id = "prompt".to_owned();
    given
        .inputs
        .insert(IB_SUBSCRIPTION.name.to_lowercase(), id.clone());
    let parameters = [
        ("tenantid", nobody),
        ("serviceprincipalid", nobody),
        ("serviceprincipalkey", "nobody signs in"),
    ];
    given.connection = Some(RawConnection {
        id,
        url: Some("https://management.azure.com/".to_owned()),
        scheme: Some("ServicePrincipal".to_owned()),
        parameters: parameters
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into(),
        data: [("subscriptionid".to_owned(), subscription)].into(),
    });
}
