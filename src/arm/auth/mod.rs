//! Signing in to Microsoft Entra ID: a credential for each scheme of a service connection, its tokens, and the explanation of a refusal.

mod azure_core_adapter;
mod certificate;
mod credential;
mod oidc;
mod sign_in;
mod sign_in_refusal;
mod token;

pub use sign_in::ServiceConnectionTokens;
pub use token::{
    CODE_AZURE_CLI, CODE_CERTIFICATE, CODE_MANAGED_IDENTITY, CODE_NO_CLOUD,
    CODE_NO_FEDERATED_CREDENTIAL, CODE_NO_OIDC_TOKEN, CODE_REFUSED, Freshness, SignInFailure,
    TokenSource,
};
