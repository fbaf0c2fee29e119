//! What comes before the template is submitted: the checks, the package in storage, the template with its tags.

use super::context::{Build, Context};
use super::event::Event;
use super::leftovers::Leftovers;
use super::package::PackageUpload;
use super::{image, package, template_tags};
use crate::check::{Finding, preflight};
use crate::error::Error;
use crate::inputs::Package;
use crate::resource::tag::INPUTS_SHA256;
use crate::storage::{Sha256, StorageAccount};
use crate::template::model::ImageTemplate;
use crate::template::{add_missing_image_tags, compose, tag_template};

/// What is known when everything has been checked.
pub(super) struct Checked<'a> {
    /// The package, and the account that it goes to.
    destination: Option<(&'a Package, StorageAccount)>,
    /// The version of the marketplace image that the build starts from.
    source_version: Option<String>,
}

/// What is certain to fail is refused before anything is made; the rest of what was found is told, and goes to `suspected`. The storage account
/// is looked up at the same time.
pub(super) async fn check<'a>(
    build: &Build<'a>,
    suspected: &mut Vec<Finding>,
) -> Result<Checked<'a>, Error> {
    let Build { plan, job, .. } = *build;
    let Context { arm, events, .. } = build.context;
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
        Ok(Checked {
            destination: account.transpose()?,
            source_version: known.source_version,
        })
    } else {
        Err(Error::Preflight(known.blockers))
    }
}

/// The sums of what the image is made of.
pub(super) struct Sums {
    /// Of the contents of the package, if there is one.
    pub(super) content: Option<Sha256>,
    /// Of what the step asks for, by which a later attempt knows it again.
    pub(super) asked: String,
    /// Of everything that the image is made of, where it is known.
    pub(super) made_of: Option<String>,
}

/// What is submitted.
pub(super) struct Prepared {
    /// The template.
    pub(super) definition: ImageTemplate,
    /// SHA-256 of the package's archive.
    pub(super) package: Option<String>,
}

/// Brings the package to storage, and composes the template.
pub(super) async fn prepare(
    build: &Build<'_>,
    checked: Checked<'_>,
    sums: Sums,
    leftovers: &mut Leftovers<'_>,
) -> Result<Prepared, Error> {
    let plan = build.plan;
    let Context { arm, events, .. } = build.context;
    let link = match &checked.destination {
        Some((package, account)) => {
            let upload = PackageUpload {
                origin: &plan.origin,
                second_attempt: plan.long_build.second_attempt,
                subscription: &plan.connection.subscription,
                package,
                arm,
                account,
                events,
            };
            Some(upload.upload(plan, sums.content, leftovers).await?)
        }
        None => None,
    };
    let mut definition = compose(plan, link.as_ref());
    let package = link.map(|link| link.sha256);
    if plan.provenance.as_tags {
        let version = checked.source_version.as_deref();
        let mut tags = image::record(plan, version, package.as_deref());
        tags.extend(sums.made_of.map(|sum| (INPUTS_SHA256, sum)));
        let (name, inputs) = (&plan.template_name, Some(sums.asked.as_str()));
        template_tags::tag_image(&mut definition, &plan.origin, name, inputs);
        add_missing_image_tags(&mut definition, &tags);
    }
    let account = checked.destination.as_ref().map(|(_, account)| account);
    let tags = template_tags::of(plan, account, &sums.asked, arm.client.azure_time());
    tag_template(&mut definition, &tags);
    Ok(Prepared {
        definition,
        package,
    })
}
