//! What `wait` and `run` need: a template that is there, made by whomever.

use std::time::Duration;

use super::connection::Connection;
use super::declared::{KEEP_TEMPLATE, STORAGE_ACCOUNT_NAME, STREAM_LOGS};
use super::inventory::{self, Contents};
use super::life::{self, OnCancel, WhenNotReady};
use super::origin::Origin;
use super::problem::Warning;
use super::reading::{Reading, Reported};
use super::{Action, package, resource_group, service_connection};
use crate::resource::ResourceGroupId;
use crate::secret::Masker;

/// A run that is to be followed, and perhaps started.
#[derive(Debug, Clone)]
pub struct Follow {
    /// `wait`, or `run`, which starts it.
    pub action: Action,
    /// Who signs in, and where.
    pub connection: Connection,
    /// Where the template is.
    pub group: ResourceGroupId,
    /// Its name; without one it is the template of this pipeline run.
    pub template_name: Option<String>,
    /// What a canceled job does with the run; by default it depends on whose template it is, and who started the run.
    pub on_cancel: Option<OnCancel>,
    /// How long is waited; without it until the build's own limit.
    pub wait_limit: Option<Duration>,
    /// How the step ends when that is over.
    pub when_not_ready: WhenNotReady,
    /// Whether template and package stay at the end.
    pub keep: bool,
    /// Whether the output of the build shows in the job's log while it runs.
    pub stream_logs: bool,
    /// How the list of contents is kept and compared, if the template makes one.
    pub contents: Contents,
    /// The storage account of the lists.
    pub storage_account: Option<String>,
    /// Which step of which pipeline run it is.
    pub origin: Origin,
    /// A name for files where no template is known.
    pub name_of_files: String,
    /// What is worth telling the author although it does not stop the step.
    pub warnings: Vec<Warning>,
}

/// What `action` is asked for.
pub(super) fn read(
    reading: &mut Reading<'_>,
    masker: &dyn Masker,
    action: Action,
) -> Result<Box<Follow>, Reported> {
    let connection = service_connection::read(reading, masker);
    let group = resource_group(reading);
    let template_name = life::template_name(reading);
    let on_cancel = life::on_cancel(reading);
    let wait_limit = life::wait_limit(reading);
    let when_not_ready = if action == Action::Wait {
        life::when_not_ready(reading)
    } else {
        Ok(WhenNotReady::default())
    };
    let keep = reading.flag(&KEEP_TEMPLATE);
    let stream_logs = reading.flag(&STREAM_LOGS);
    let contents = inventory::compared(reading);
    let storage_account = if reading.is_set(&STORAGE_ACCOUNT_NAME) {
        package::storage_account(reading, true).map(Some)
    } else {
        Ok(None)
    };
    let (connection, group) = (connection?, group?);
    let given = reading.given();
    Ok(Box::new(Follow {
        action,
        group: ResourceGroupId::new(&connection.subscription, &group),
        connection,
        template_name: template_name?,
        on_cancel: on_cancel?,
        wait_limit: wait_limit?,
        when_not_ready: when_not_ready?,
        keep: keep?,
        stream_logs: stream_logs?,
        contents: contents?,
        storage_account: storage_account?,
        origin: Origin::of(given),
        name_of_files: given.template_name(),
        warnings: Vec::new(),
    }))
}
