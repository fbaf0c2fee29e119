//! What helps a build and decides nothing. Best effort: a failure here is a line or a warning, and never fails the build.

pub(super) mod contents;
pub(super) mod failed_script;
pub(super) mod live_log;
mod log_access;
pub(super) mod log_file;
pub(super) mod replication;
