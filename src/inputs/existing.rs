//! What `status` and `cancel` need: a template that is there, and nothing of what a build needs.

use super::connection::Connection;
use super::declared::{KEEP_TEMPLATE, PREVIEW};
use super::origin::Origin;
use super::problem::Warning;
use super::reading::{Reading, Reported};
use super::{Action, life, resource_group, service_connection};
use crate::resource::ResourceGroupId;
use crate::secret::Masker;

/// A template that is to be looked at, or whose run is to be canceled.
#[derive(Debug, Clone)]
pub struct Existing {
    /// Who signs in, and where.
    pub connection: Connection,
    /// Where the template is.
    pub group: ResourceGroupId,
    /// Its name; without one it is the template of this pipeline run.
    pub template_name: Option<String>,
    /// Which step of which pipeline run asks.
    pub origin: Origin,
    /// Whether template and package stay after a cancel.
    pub keep: bool,
    /// Whether it is only said what a cancel would do.
    pub preview: bool,
    /// The name of the files that the step writes.
    pub files: String,
    /// What is worth telling the author although it does not stop the step.
    pub warnings: Vec<Warning>,
}

/// What `status` or `cancel` is asked for.
pub(super) fn read(
    reading: &mut Reading<'_>,
    masker: &dyn Masker,
    action: Action,
) -> Result<Existing, Reported> {
    let connection = service_connection::read(reading, masker);
    let group = resource_group(reading);
    let template_name = life::template_name(reading);
    let (keep, preview) = if action == Action::Cancel {
        (reading.flag(&KEEP_TEMPLATE), reading.flag(&PREVIEW))
    } else {
        (Ok(false), Ok(false))
    };
    let connection = connection?;
    let given = reading.given();
    Ok(Existing {
        group: ResourceGroupId::new(&connection.subscription, &group?),
        connection,
        template_name: template_name?,
        origin: Origin::of(given),
        keep: keep?,
        preview: preview?,
        files: given.template_name(),
        warnings: Vec::new(),
    })
}
