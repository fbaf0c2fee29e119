//! Whole builds in process: the core's two stages against the emulated cloud, without sockets, on a paused clock.

mod access;
mod cancel;
mod cloud_http;
mod contract;
mod doctor;
mod endless;
mod faults;
mod findings;
mod hostile;
mod ills;
mod live_secrets;
mod log_file;
mod look;
mod outlive;
mod ownership;
mod pictures;
mod preflight;
mod provenance;
mod refused_removal;
mod removal;
mod run_result;
mod run_start;
pub(crate) mod scene;
mod secret_files;
mod sockets;
pub(crate) mod somebody;
mod stops;
mod story;
mod sweep;
mod switches;
mod targets;

pub(crate) use live_secrets::LiveSecrets;
pub(crate) use scene::Output;
mod tokens;
mod unchanged;
mod words;
