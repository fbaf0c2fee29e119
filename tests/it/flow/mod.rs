//! Whole builds in process: the core's two stages against the emulated cloud, without sockets, on a paused clock.

mod cloud_http;
mod faults;
mod removal;
pub(crate) mod scene;
mod sockets;
mod story;
mod switches;
