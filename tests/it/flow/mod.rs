//! Whole builds in process: the core's two stages against the emulated cloud, without sockets, on a paused clock.

mod cloud_http;
mod faults;
pub(crate) mod scene;
mod story;
