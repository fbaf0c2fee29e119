//! Talking to Azure Resource Manager: one send function, sign-in, retry, long-running operations, failures.

pub mod client;
pub mod failure;
pub mod http;
pub mod image_template;
mod oidc;
pub mod operation;
pub mod refusal;
pub mod retry;
pub mod sign_in;
pub mod template_state;
mod transport;

pub use client::{Call, Client};
pub use failure::{Cause, Failure};
pub use image_template::Arm;
pub use refusal::Refusal;
