//! What `sweep` needs: a resource group, and how old is old.

use std::time::Duration;

use super::connection::Connection;
use super::declared::{OLDER_THAN_HOURS, PREVIEW, STORAGE_ACCOUNT_NAME};
use super::problem::{Form, Warning};
use super::reading::{Reading, Reported};
use super::{package, resource_group, service_connection};
use crate::resource::ResourceGroupId;
use crate::secret::Masker;

/// What is to be swept.
#[derive(Debug, Clone)]
pub struct Sweep {
    /// Who signs in, and where.
    pub connection: Connection,
    /// Where the templates are.
    pub group: ResourceGroupId,
    /// What is younger stays.
    pub older_than: Duration,
    /// The storage account whose packages are swept, too.
    pub storage_account: Option<String>,
    /// Whether it is only said what would be deleted.
    pub preview: bool,
    /// The name of the files that the step writes.
    pub files: String,
    /// What is worth telling the author although it does not stop the step.
    pub warnings: Vec<Warning>,
}

const HOURS: Form = Form {
    what: "a number of hours",
    looks: "a whole number from 1 to 87600",
    example: "24",
};
/// Ten years.
const MOST_HOURS: u32 = 87_600;
const DEFAULT_HOURS: u32 = 24;

/// What `sweep` is asked for.
pub(super) fn read(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Sweep, Reported> {
    let connection = service_connection::read(reading, masker);
    let group = resource_group(reading);
    let hours = reading.number(&OLDER_THAN_HOURS, 1..=MOST_HOURS, HOURS);
    let storage_account = if reading.is_set(&STORAGE_ACCOUNT_NAME) {
        package::storage_account(reading, true).map(Some)
    } else {
        Ok(None)
    };
    let preview = reading.flag(&PREVIEW);
    let connection = connection?;
    let hours = hours?.unwrap_or(DEFAULT_HOURS);
    Ok(Sweep {
        group: ResourceGroupId::new(&connection.subscription, &group?),
        connection,
        older_than: Duration::from_secs(u64::from(hours) * 3600),
        storage_account: storage_account?,
        preview: preview?,
        files: reading.given().template_name(),
        warnings: Vec::new(),
    })
}
