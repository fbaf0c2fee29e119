//! What `action: report` needs: image definitions, and the host pools whose hosts are looked at.

use super::connection::Connection;
use super::declared::{FAIL_WHEN, GALLERY_IMAGE_ID, REPORT_HOST_POOLS};
use super::problem::Warning;
use super::reading::{Reading, Reported};
use super::resource_kind::{HOST_POOL, IMAGE_DEFINITION};
use super::service_connection;
use crate::resource::ResourceId;
use crate::secret::Masker;

/// What is to be reported on.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Who signs in, and where.
    pub connection: Connection,
    /// The image definitions.
    pub definitions: Vec<ResourceId>,
    /// The host pools.
    pub host_pools: Vec<ResourceId>,
    /// What fails the step, as the author writes it.
    pub fail_when: Vec<String>,
    /// What the names of files begin with.
    pub name: String,
    /// What is worth telling the author although it does not stop the step.
    pub warnings: Vec<Warning>,
}

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(reading: &mut Reading<'_>, masker: &dyn Masker) -> Result<Fleet, Reported> {
    let connection = service_connection::read(reading, masker);
    let definitions = reading.required_id(&GALLERY_IMAGE_ID, IMAGE_DEFINITION);
    let host_pools = reading.optional_id(&REPORT_HOST_POOLS, HOST_POOL);
    let fail_when = reading.optional_lines(&FAIL_WHEN);
    let words = fail_when?.unwrap_or_default().split([',', '\n']);
    let words = words.map(str::trim).filter(|word| !word.is_empty());
    Ok(Fleet {
        connection: connection?,
        definitions: vec![definitions?],
        host_pools: host_pools?.into_iter().collect(),
        fail_when: words.map(str::to_owned).collect(),
        name: reading.given().template_name(),
        warnings: Vec::new(),
    })
}
