//! How a host pool gets to serve an image, and what becomes of a roll-out that fails.

/// How a host pool gets to serve an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RolloutMethod {
    /// The service replaces the hosts.
    SessionHostUpdate,
    /// The step deploys new hosts, and drains the old ones.
    Replace,
    /// Hosts of the version that are there let users in, and the others are drained.
    Existing,
}

impl RolloutMethod {
    /// The word that authors write.
    pub fn name(self) -> &'static str {
        match self {
            Self::SessionHostUpdate => "sessionHostUpdate",
            Self::Replace => "replace",
            Self::Existing => "existing",
        }
    }
}

/// What becomes of a roll-out that fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnRolloutFailure {
    /// It is tried once more, then canceled.
    #[default]
    Retry,
    /// It is canceled.
    Cancel,
    /// It is canceled, and the image of before comes back.
    Back,
    /// Nothing is changed any more.
    Leave,
}
