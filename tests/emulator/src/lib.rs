//! An emulator of the part of Azure that VM Image Builder pipelines talk to.
//!
//! It knows none of the product's types: it is an independent reading of the published API definitions and of recorded traffic.
//! [`Cloud`] answers requests without sockets and without reading the clock of the machine; the server puts it behind HTTPS.
//! What is kept, simplified and refused stands in `FIDELITY.md`, each row with its source.

mod arm;
pub mod blob;
mod certificates;
mod clock;
mod cloud;
mod control;
pub mod devops;
pub mod entra;
mod estate;
mod faults;
mod ids;
mod inventory;
mod journal;
mod json;
mod pools;
mod progress;
mod reply;
mod scene;
mod server;
mod surroundings;
mod switches;
#[cfg(test)]
mod tests;
pub mod tokens;
mod world;

pub use arm::Message;
pub use clock::Clock;
pub use cloud::{Cloud, operation_names};
pub use estate::{Lock, LockLevel, SceneResource, SceneVersion, SoftDelete, Subscription};
pub use faults::{Effect, Fault, Matcher};
pub use inventory::Inventory;
pub use journal::{Entry, Service};
pub use pools::{
    CommandFate, DeploymentFate, HealthCheck, HostPool, HostView, MachineFate, Management,
    ScalingPlan, SessionHost, UpdateFate, UserSession, machine_of_version,
};
pub use progress::{Durations, Fate, Progress, RunFate, SubState};
pub use reply::{Outcome, Reply};
pub use server::{RunningServer, Server, ServerOptions};
pub use surroundings::{Deprecation, ImageFacts, Role, RoleAssignment, Usage, VmSize};
pub use switches::{
    BadConfiguration, Busy, CanceledOperation, DefaultVersion, DesktopSwitches, ImageDisk,
    ListScope, MissingToken, NestedResources, OperationUrls, PartialOperation, PatchedTags,
    ReadOnlyMembers, SecondDeletion, SecondUpdate, SoftDeletedName, StagingAccess, StatusMembers,
    Switches, UpdateTimes, ValidationLog, VersionSwitches,
};
pub use world::{
    Addresses, BlobAddress, Gallery, Identity, ImageDefinition, Pipelines, PlatformImage,
    ResourceGroup, ServiceConnection, StorageAccount, Subnet, World,
};
