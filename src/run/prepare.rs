//! What comes before the template is submitted: a look around, the package in storage, the template with its tags.

use super::event::{Event, Events};
use super::leftover::Leftovers;
use super::{marks, package, provenance, unchanged};
use crate::arm::Arm;
use crate::check::{Finding, Job, preflight};
use crate::error::Error;
use crate::inputs::{Package, Plan};
use crate::storage::{Sha256, StorageAccount};
use crate::template::model::ImageTemplate;
use crate::template::{add_tags, compose, mark, mark_images};

/// A package, and the account that it goes to.
type Destination<'a> = Option<(&'a Package, StorageAccount)>;

/// What is known when everything has been checked.
pub(super) struct Around<'a> {
    destination: Destination<'a>,
    source_version: Option<String>,
}

/// What is certain to fail is refused before anything is made; the rest of what was found is told, and goes to `suspected`. The storage account
/// is looked up at the same time.
pub(super) async fn look_around<'a>(
    plan: &'a Plan,
    arm: &Arm,
    job: Job,
    events: &dyn Events,
    suspected: &mut Vec<Finding>,
) -> Result<Around<'a>, Error> {
    let account = async {
        let package = plan.package.as_ref()?;
        let found = package::find_account(plan, package, arm).await;
        Some(found.map(|account| (package, account)))
    };
    let (known, account) = tokio::join!(Box::pin(preflight(plan, arm, job)), account);
    if !known.suspected.is_empty() {
        events.emit(Event::Suspected(known.suspected.clone()));
        *suspected = known.suspected;
    }
    if known.blockers.is_empty() {
        if let Some(version) = &known.source_version {
            events.emit(Event::SourceVersion(version.clone()));
        }
        Ok(Around {
            destination: account.transpose()?,
            source_version: known.source_version,
        })
    } else {
        Err(Error::Preflight(known.blockers))
    }
}

/// What is submitted.
pub(super) struct Prepared {
    /// The template.
    pub(super) template: ImageTemplate,
    /// SHA-256 of the package's archive.
    pub(super) package: Option<String>,
}

/// Brings the package to storage and composes the template of `plan`, which was asked for as `asked`. `content` is the sum of the package, `inputs` that of everything that the image is
/// made of, where they are known.
pub(super) async fn prepare(
    (plan, asked): (&Plan, &Plan),
    arm: &Arm,
    around: Around<'_>,
    (content, inputs): (Option<Sha256>, Option<String>),
    events: &dyn Events,
    leftovers: &mut Leftovers<'_>,
) -> Result<Prepared, Error> {
    let asked = unchanged::asked(asked, content.as_ref());
    let link = match &around.destination {
        Some((package, account)) => {
            let sending = package::Sending {
                origin: &plan.origin,
                second_attempt: plan.life.second_attempt,
                subscription: &plan.connection.subscription,
                package,
                arm,
                account,
                events,
            };
            Some(sending.upload(plan, content, leftovers).await?)
        }
        None => None,
    };
    let mut template = compose(plan, link.as_ref());
    let package = link.map(|link| link.sha256);
    if plan.provenance.as_tags {
        let mut tags =
            provenance::record(plan, around.source_version.as_deref(), package.as_deref());
        tags.extend(inputs.map(|sum| (unchanged::INPUTS, sum)));
        mark_images(&mut template, &marks::of_image(&plan.origin, Some(&asked)));
        add_tags(&mut template, &tags);
    }
    let account = around.destination.as_ref().map(|(_, account)| account);
    let marks = marks::of(plan, account, &asked, arm.client.azure_time());
    mark(&mut template, &marks);
    Ok(Prepared { template, package })
}
