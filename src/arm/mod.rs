//! Talking to Azure Resource Manager: one send function, sign-in, retry, long-running operations, failures.

pub mod failure;
pub mod http;
pub mod retry;
pub mod sign_in;
