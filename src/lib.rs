//! The core of the Image Builder Task.

pub mod agent;
pub mod arm;
pub mod inputs;
pub mod resource;
pub mod secret;
pub mod storage;
pub mod template;
