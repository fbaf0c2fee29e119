//! Talking to Azure: one function that sends requests with a token or a signature (`client`), one for those that need neither (`repeated`),
//! sign-in, retry, failures, and what is asked of Azure Resource Manager.

pub mod api;
mod api_version;
mod call;
mod certificate;
pub mod client;
mod clock;
pub mod cloud;
pub mod container_log;
mod credential;
pub mod failure;
pub mod gallery;
pub mod http;
pub mod image_template;
pub mod managed_image;
pub mod network;
mod oidc;
pub mod operation;
pub mod pace;
pub mod refusal;
mod repeated;
pub mod resource_manager;
pub mod retry;
pub mod role;
mod server_clock;
pub mod sign_in;
mod sign_in_refusal;
mod template_list;
pub mod template_state;
mod transport;

pub use client::{Call, Client, Signer};
pub use failure::{Cause, Failure};
pub use image_template::Arm;
pub use refusal::Refusal;
pub use resource_manager::Changed;
