#![doc = include_str!("ARCHITECTURE.md")]

pub mod agent;
pub mod arm;
pub mod check;
pub mod diagnosis;
pub mod error;
pub mod inputs;
pub mod job;
pub mod log;
pub mod report;
pub mod resource;
pub mod run;
pub mod secret;
pub mod storage;
pub mod template;
