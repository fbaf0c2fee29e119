//! Signing in: a token for an audience.

/// No token was to be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct SignInFailure {
    /// Who refused, and why.
    pub reason: String,
    /// What to do next.
    pub hint: Option<String>,
}
