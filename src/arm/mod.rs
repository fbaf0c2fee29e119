//! Talking to Azure: one function that sends requests with a token or a signature (`client`), one for those that need neither (`without_token`),
//! sign-in, retry, failures, and what is asked of Azure Resource Manager.

pub mod api;
mod api_version;
pub mod auth;
pub mod authorization;
pub mod client;
mod clocks;
pub mod cloud;
pub mod container_log;
pub mod deployment;
pub mod desktops;
pub mod failure;
pub mod gallery;
pub mod http;
pub mod image_template;
pub mod image_users;
pub mod machine;
pub mod machine_image;
pub mod machine_part;
pub mod managed_image;
pub mod network_settings;
pub mod operation;
pub mod pace;
pub mod refusal;
pub mod resource_graph;
pub mod resource_manager;
pub mod retry;
pub mod run_command;
pub mod storage_account;
pub mod template_state;
mod without_token;

pub use client::{Call, Client, Signer};
pub use failure::{Cause, Failure};
pub use refusal::Refusal;
pub use resource_manager::{Arm, Changed};
