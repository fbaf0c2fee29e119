//! What the sources leave open about gallery image versions.

use crate::progress::Fate;

/// What becomes of a request to change or delete a version on which something is going on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Busy {
    /// 409 `Conflict`.
    Conflict,
    /// 409 `OperationNotAllowed`.
    NotAllowed,
    /// It is taken.
    Taken,
}

/// What becomes of a PUT on the name of a version that was deleted softly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SoftDeletedName {
    /// The old version comes back (recorded for a body of the location alone).
    Restores,
    /// The old version comes back when the body has nothing but the location and tags, or asks for it; any other body is refused with 409.
    RestoresWhenAsked,
}

/// The refusal to delete what has something in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NestedResources {
    /// As reported in 2026 (jenkins-infra/azure#1544).
    Named,
    /// As reported in 2020 (Azure/azure-rest-api-specs#11559).
    Unnamed,
}

/// The switches of gallery image versions.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is one open question")]
pub struct VersionSwitches {
    /// How a change or creation by a request ends. Default: [`Fate::Deserved`].
    pub change: Fate,
    /// A change while another one goes on. Default: `Conflict`; never recorded.
    pub change_while_busy: Busy,
    /// A deletion while a change, replication or deletion goes on. Default: `Conflict`; never recorded.
    pub deletion_while_busy: Busy,
    /// Members that a PUT leaves out stay as they were: end of life, flags, tags, safety. Default: no, they are reset.
    pub what_a_put_leaves_out_stays: bool,
    /// A region is removed although `allowDeletionOfReplicatedLocations` is not true. Default: no, it is refused, as the definition implies.
    pub regions_go_unasked: bool,
    /// A region's `excludeFromLatest` is answered only when it is true. Default: no, as it was sent; never recorded.
    pub false_flags_of_regions_are_left_out: bool,
    /// A version whose tags are empty is answered without `tags`. Default: no, as recorded in 2026; without are those that never had any.
    pub empty_tags_are_left_out: bool,
    /// The HTTP status of the refusal to delete before the end of life. Default: 409; never recorded.
    pub blocked_status: u16,
    /// A block of deletion without an end of life blocks nothing. Default: no, it blocks; never recorded.
    pub block_needs_an_end_of_life: bool,
    /// A version that is made with 2026-03-03 or later gets an end of life in six months and a block of deletion unless it is sent otherwise, as
    /// Azure CLI announces. Default: no.
    pub new_ones_are_blocked: bool,
    /// A PUT on the name of a version that was deleted softly. Default: [`SoftDeletedName::Restores`].
    pub soft_deleted_name: SoftDeletedName,
    /// The oldest api-version with the list of soft-deleted versions. Default: 2024-03-03, with which soft delete was recorded.
    pub soft_deleted_list_since: String,
    /// A version that was copied from another one does not tell it. Default: no, it does.
    pub copies_hide_their_source: bool,
    /// A copy needs a replica of its source in the copy's location. Default: no.
    pub copies_need_a_replica: bool,
    /// A version of `replicationMode` `Shallow` may have several regions. Default: no, as its description says.
    pub shallow_versions_replicate: bool,
    /// How the deletion of what has something in it is refused. Default: with names.
    pub nested_resources: NestedResources,
}

impl Default for VersionSwitches {
    fn default() -> Self {
        Self {
            change: Fate::Deserved,
            change_while_busy: Busy::Conflict,
            deletion_while_busy: Busy::Conflict,
            what_a_put_leaves_out_stays: false,
            regions_go_unasked: false,
            false_flags_of_regions_are_left_out: false,
            empty_tags_are_left_out: false,
            blocked_status: 409,
            block_needs_an_end_of_life: false,
            new_ones_are_blocked: false,
            soft_deleted_name: SoftDeletedName::Restores,
            soft_deleted_list_since: "2024-03-03".to_owned(),
            copies_hide_their_source: false,
            copies_need_a_replica: false,
            shallow_versions_replicate: false,
            nested_resources: NestedResources::Named,
        }
    }
}
