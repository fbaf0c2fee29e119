//! The log of a build, `customization.log`, in each of the forms that the service has written since 2019.
//!
//! The service runs Packer and keeps what it says. Three families of lines are known: `[id] PACKER OUT ...` and `[id] PACKER ERR ...` up to
//! 2023, `[id] PACKER <time> ui: ...` since, and the bare payload in the log of the build container
//! (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot>). [`Lines`] cuts bytes into lines, [`Line`] is one
//! of them without its prefix, [`Steps`] knows which customizer is at work. All of it streams: memory does not grow with the log.

mod line;
mod progress;
mod redaction;
mod single_tests;
mod steps;
mod window;

pub use line::Lines;
pub use line::{CONTENTS, Kind, Line};
pub use progress::Repetition;
pub use redaction::Redaction;
pub use single_tests::{SingleTest, SingleTests, TestState};
pub use steps::{Change, Step, Steps};
pub use window::{New, Window};
