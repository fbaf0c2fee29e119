//! What the actions on templates that are there need: `wait` and `run`, `status`, `cancel` and `sweep`.

use std::time::Duration;

use super::connection::Connection;
use super::inventory::{self, Contents};
use super::long_build::{self, OnCancel, WhenNotReady};
use super::manifest::{
    KEEP_TEMPLATE, OLDER_THAN_HOURS, PREVIEW, STORAGE_ACCOUNT_NAME, STREAM_LOGS,
};
use super::origin::Origin;
use super::problem::{Form, Warning};
use super::reader::resource::resource_group;
use super::reader::{AlreadyReported, Reader};
use super::{Action, package, service_connection};
use crate::resource::ResourceGroupId;
use crate::secret::Masker;

/// A template that is to be looked at, or whose run is to be canceled.
#[derive(Debug, Clone)]
pub struct Existing {
    /// The service connection.
    pub connection: Connection,
    /// Where the template is.
    pub group: ResourceGroupId,
    /// Its name; without one it is the template of this pipeline run.
    pub template_name: Option<String>,
    /// Which step of which pipeline run asks.
    pub origin: Origin,
    /// Whether template and package stay after a cancel.
    pub keep: bool,
    /// Whether the step only reports what a cancel would do.
    pub preview: bool,
    /// The name of the files that the step writes.
    pub files: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

/// What `status` or `cancel` is asked for.
pub(super) fn read_existing(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
    action: Action,
) -> Result<Existing, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let group = resource_group(reader);
    let template_name = long_build::template_name(reader);
    let (keep, preview) = if action == Action::Cancel {
        (reader.flag(&KEEP_TEMPLATE), reader.flag(&PREVIEW))
    } else {
        (Ok(false), Ok(false))
    };
    let connection = connection?;
    let given = reader.raw_inputs();
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

/// A run that is to be followed, and perhaps started.
#[derive(Debug, Clone)]
pub struct Follow {
    /// `wait`, or `run`, which starts it.
    pub action: Action,
    /// The service connection.
    pub connection: Connection,
    /// Where the template is.
    pub group: ResourceGroupId,
    /// Its name; without one it is the template of this pipeline run.
    pub template_name: Option<String>,
    /// What a canceled job does with the run; by default it depends on whose template it is, and who started the run.
    pub on_cancel: Option<OnCancel>,
    /// How long the step waits; without it until the build's own time-out.
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
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

/// What `action` is asked for.
pub(super) fn read_follow(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
    action: Action,
) -> Result<Box<Follow>, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let group = resource_group(reader);
    let template_name = long_build::template_name(reader);
    let on_cancel = long_build::on_cancel(reader);
    let wait_limit = long_build::wait_limit(reader);
    let when_not_ready = if action == Action::Wait {
        long_build::when_not_ready(reader)
    } else {
        Ok(WhenNotReady::default())
    };
    let keep = reader.flag(&KEEP_TEMPLATE);
    let stream_logs = reader.flag(&STREAM_LOGS);
    let contents = inventory::compared(reader);
    let storage_account = if reader.is_set(&STORAGE_ACCOUNT_NAME) {
        package::storage_account(reader, true).map(Some)
    } else {
        Ok(None)
    };
    let (connection, group) = (connection?, group?);
    let given = reader.raw_inputs();
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

/// What is to be swept.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// The service connection.
    pub connection: Connection,
    /// Where the templates are.
    pub group: ResourceGroupId,
    /// Younger templates stay.
    pub older_than: Duration,
    /// The storage account whose packages are swept, too.
    pub storage_account: Option<String>,
    /// Whether the step only reports what it would delete.
    pub preview: bool,
    /// The name of the files that the step writes.
    pub files: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

const HOURS: Form = Form {
    what: "a number of hours",
    format: "a whole number from 1 to 87600",
    example: "24",
};
/// Ten years.
const MOST_HOURS: u32 = 87_600;
const DEFAULT_HOURS: u32 = 24;

/// What `sweep` is asked for.
pub(super) fn read_sweep(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Sweep, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let group = resource_group(reader);
    let hours = reader.number(&OLDER_THAN_HOURS, 1..=MOST_HOURS, HOURS);
    let storage_account = if reader.is_set(&STORAGE_ACCOUNT_NAME) {
        package::storage_account(reader, true).map(Some)
    } else {
        Ok(None)
    };
    let preview = reader.flag(&PREVIEW);
    let connection = connection?;
    let hours = hours?.unwrap_or(DEFAULT_HOURS);
    Ok(Sweep {
        group: ResourceGroupId::new(&connection.subscription, &group?),
        connection,
        older_than: Duration::from_secs(u64::from(hours) * 3600),
        storage_account: storage_account?,
        preview: preview?,
        files: reader.raw_inputs().template_name(),
        warnings: Vec::new(),
    })
}
