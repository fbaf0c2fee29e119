//! What `action: diff` needs: two image versions whose lists of contents are kept.

use super::connection::Connection;
use super::inventory::{self, Contents};
use super::problem::Warning;
use super::reading::{Reading, Reported};
use super::{given_version, package, service_connection};
use crate::resource::ResourceId;
use crate::secret::Masker;

/// Two image versions that are to be compared.
#[derive(Debug, Clone)]
pub struct Diff {
    /// Who signs in, and where.
    pub connection: Connection,
    /// The version as it is now.
    pub version: ResourceId,
    /// What it is compared with, and where the lists are.
    pub contents: Contents,
    /// The storage account of the lists.
    pub storage_account: String,
    /// What the names of files begin with.
    pub name: String,
    /// What is worth telling the author although it does not stop the step.
    pub warnings: Vec<Warning>,
}

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Diff, Reported> {
    let connection = service_connection::read(reading, masker);
    let version = given_version::read(reading);
    let contents = inventory::of_diff(reading);
    let storage_account = package::storage_account(reading, true);
    Ok(Diff {
        connection: connection?,
        version: version?,
        contents: contents?,
        storage_account: storage_account?,
        name: reading.given().template_name(),
        warnings: Vec::new(),
    })
}
