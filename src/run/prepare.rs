//! What comes before the template is submitted: a look around, the package in storage, the template with its tags.

use serde_json::Value;

use super::event::Events;
use super::leftover::Leftovers;
use super::{marks, package, provenance, unchanged};
use crate::arm::Arm;
use crate::check::preflight;
use crate::error::Error;
use crate::inputs::{Package, Plan};
use crate::storage::{Sha256, StorageAccount};
use crate::template::{add_tags, compose, mark};

/// A package, and the account that it goes to.
type Destination<'a> = Option<(&'a Package, StorageAccount)>;

/// What is certain to fail is refused before anything is made. The storage account is looked up at the same time. The text is the source's version.
async fn looked_around<'a>(
    plan: &'a Plan,
    arm: &Arm,
) -> Result<(Destination<'a>, Option<String>), Error> {
    let account = async {
        let package = plan.package.as_ref()?;
        let found = package::find_account(plan, package, arm).await;
        Some(found.map(|account| (package, account)))
    };
    let (known, account) = tokio::join!(Box::pin(preflight(plan, arm)), account);
    if known.in_the_way.is_empty() {
        Ok((account.transpose()?, known.source_version))
    } else {
        Err(Error::Preflight(known.in_the_way))
    }
}

/// What is submitted.
pub(super) struct Prepared {
    /// The template.
    pub(super) template: Value,
    /// SHA-256 of the package's archive.
    pub(super) package: Option<String>,
}

/// Brings the package to storage and composes the template. `content` is the sum of the package, `inputs` that of everything that the image is
/// made of, where they are known.
pub(super) async fn prepare(
    plan: &Plan,
    arm: &Arm,
    (content, inputs): (Option<Sha256>, Option<String>),
    events: &dyn Events,
    leftovers: &mut Leftovers<'_>,
) -> Result<Prepared, Error> {
    let (destination, version) = looked_around(plan, arm).await?;
    let link = match &destination {
        Some((package, account)) => {
            let sending = package::Sending {
                plan,
                package,
                arm,
                account,
                events,
            };
            Some(sending.upload(content, leftovers).await?)
        }
        None => None,
    };
    let mut template = compose(plan, link.as_ref());
    let package = link.map(|link| link.sha256);
    if plan.provenance.as_tags {
        let mut tags = provenance::record(plan, version.as_deref(), package.as_deref());
        tags.extend(inputs.map(|sum| (unchanged::INPUTS, sum)));
        add_tags(&mut template, &tags);
    }
    let account = destination.as_ref().map(|(_, account)| account);
    let marks = marks::of(plan, account, arm.client.azure_time());
    mark(&mut template, &marks);
    Ok(Prepared { template, package })
}
