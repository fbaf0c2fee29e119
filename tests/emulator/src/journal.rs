//! What was asked of the emulator.

use http::Method;
use time::OffsetDateTime;

/// One request and how it was answered. Queries and bodies are left out: they may hold secrets.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The time on the emulator's clock.
    pub time: OffsetDateTime,
    /// The service that was asked.
    pub service: Service,
    /// The name of the route, for Azure Resource Manager.
    pub operation: Option<&'static str>,
    /// The HTTP method.
    pub method: Method,
    /// The path, without the query.
    pub path: String,
    /// The HTTP status, or `None` when the connection broke.
    pub status: Option<u16>,
}

impl std::fmt::Display for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (hour, minute, second) = self.time.to_hms();
        write!(
            formatter,
            "{hour:02}:{minute:02}:{second:02} {} {} {} ",
            self.service, self.method, self.path
        )?;
        match self.status {
            Some(status) => write!(formatter, "{status}"),
            None => formatter.write_str("reset"),
        }
    }
}

/// A service of the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Azure Resource Manager and the resource providers behind it.
    Arm,
    /// Microsoft Entra ID.
    Entra,
    /// Azure Pipelines.
    Pipelines,
    /// Blob storage.
    Blob,
    /// The metadata service of the agent's virtual machine.
    Metadata,
    /// No service has this address.
    Nobody,
}

impl std::fmt::Display for Service {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Arm => "arm",
            Self::Entra => "entra",
            Self::Pipelines => "pipelines",
            Self::Blob => "blob",
            Self::Metadata => "metadata",
            Self::Nobody => "nobody",
        })
    }
}
