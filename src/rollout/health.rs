//! Whether a session host is fit for users: its status, its heartbeat, and its own checks.
//!
//! The service shows `Available` for hosts that have been gone for days (recorded in 2026: a heartbeat three and a half days old), so the heartbeat
//! counts as well, by the time of the answer and never by the agent's clock.

use time::{Duration, OffsetDateTime};

use crate::arm::desktops::{HealthCheck, SessionHost};

/// An older heartbeat is that of a host that is gone: a host sends one every 30 seconds or so.
const LONGEST_SILENCE: Duration = Duration::minutes(10);

/// How the reason begins that grows older by itself.
pub(super) const OLD_HEARTBEAT: &str = "its last heartbeat was";

/// Whether users can work on a session host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Health {
    /// Users can work on it.
    Healthy {
        /// The checks that have not come to a result.
        unknown: Vec<String>,
    },
    /// Users are kept away from it.
    Ill {
        /// Status, heartbeat, failing checks; at least one.
        reasons: Vec<String>,
    },
}

impl Health {
    /// Whether users can work on the host.
    pub(super) fn is_healthy(&self) -> bool {
        matches!(self, Self::Healthy { .. })
    }
}

/// How `host` is at `now`, the time of the answer that brought it.
pub(super) fn of(host: &SessionHost, now: OffsetDateTime) -> Health {
    let mut reasons = Vec::new();
    if !host.status.eq_ignore_ascii_case("Available") {
        reasons.push(match host.status.as_str() {
            "" => "it has no status".to_owned(),
            status => format!("its status is {status}"),
        });
    }
    match host.last_heartbeat {
        None => reasons.push("it has never sent a heartbeat".to_owned()),
        Some(heartbeat) if now - heartbeat > LONGEST_SILENCE => {
            let minutes = (now - heartbeat).whole_minutes();
            reasons.push(format!("{OLD_HEARTBEAT} {minutes} minutes ago"));
        }
        Some(_) => {}
    }
    let (mut unknown, mut shut_down) = (Vec::new(), Vec::new());
    for check in &host.checks {
        match check.result.to_ascii_lowercase().as_str() {
            "healthchecksucceeded" => {}
            "unknown" => unknown.push(check.name.clone()),
            // The text of such a check is that of the time before.
            "sessionhostshutdown" => shut_down.push(check.name.as_str()),
            _ => reasons.push(in_words(check)),
        }
    }
    if !shut_down.is_empty() {
        reasons.push(format!("SessionHostShutdown: {}", shut_down.join(", ")));
    }
    if reasons.is_empty() {
        Health::Healthy { unknown }
    } else {
        Health::Ill { reasons }
    }
}

/// `DomainTrustCheck: HealthCheckFailed (the trust relationship is lost)`.
fn in_words(check: &HealthCheck) -> String {
    let result = match check.result.as_str() {
        "" => "no result",
        result => result,
    };
    match check.message.trim() {
        "" => format!("{}: {result}", check.name),
        text => format!("{}: {result} ({text})", check.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use serde_json::{Value, json};
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-11-29 10:00 UTC);

    fn host(status: &str, heartbeat: &str, checks: &[(&str, &str, &str)]) -> Health {
        let checks: Vec<Value> = checks
            .iter()
            .map(|(name, result, text)| {
                json!({"healthCheckName": name, "healthCheckResult": result, "additionalFailureDetails": {"message": text, "errorCode": 0}})
            })
            .collect();
        let properties = json!({"status": status, "lastHeartBeat": heartbeat, "sessionHostHealthCheckResults": checks});
        let host = json!({"name": "hp/avd-0", "properties": properties});
        of(&SessionHost::read(&host).unwrap(), NOW)
    }

    fn ill(reasons: &[&str]) -> Health {
        Health::Ill {
            reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        }
    }

    fn well(unknown: &[&str]) -> Health {
        Health::Healthy {
            unknown: unknown.iter().map(|name| (*name).to_owned()).collect(),
        }
    }

    const FRESH: &str = "2026-11-29T09:59:31.73Z";

    #[test]
    fn a_host_is_fit_by_its_status_its_heartbeat_and_every_check() {
        let good = ("DomainJoinedCheck", "HealthCheckSucceeded", "");
        assert_eq!(host("Available", FRESH, &[good]), well(&[]));
        assert_eq!(
            host("Available", FRESH, &[("UrlsCheck", "Unknown", ""), good]),
            well(&["UrlsCheck"])
        );
        assert_eq!(
            host(
                "NeedsAssistance",
                FRESH,
                &[
                    (
                        "AADJoinedHealthCheck",
                        "HealthCheckFailed",
                        "the VM is not joined"
                    ),
                    good,
                    ("FSLogixHealthCheck", "SessionHostShutdown", ""),
                    ("DomainTrustCheck", "SessionHostShutdown", "it was healthy"),
                    ("NewCheck", "Levitating", ""),
                    ("NoCheck", "", ""),
                ]
            ),
            ill(&[
                "its status is NeedsAssistance",
                "AADJoinedHealthCheck: HealthCheckFailed (the VM is not joined)",
                "NewCheck: Levitating",
                "NoCheck: no result",
                "SessionHostShutdown: FSLogixHealthCheck, DomainTrustCheck",
            ])
        );
    }

    #[test]
    fn only_available_is_a_healthy_status() {
        for status in [
            "Unavailable",
            "Shutdown",
            "Disconnected",
            "Upgrading",
            "UpgradeFailed",
            "NoHeartbeat",
            "NotJoinedToDomain",
            "DomainTrustRelationshipLost",
            "SxSStackListenerNotReady",
            "FSLogixNotHealthy",
            "NeedsAssistance",
            "Levitating",
        ] {
            let expected = format!("its status is {status}");
            assert_eq!(host(status, FRESH, &[]), ill(&[&expected]));
        }
        assert_eq!(host("", FRESH, &[]), ill(&["it has no status"]));
        assert_eq!(host("available", FRESH, &[]), well(&[]));
    }

    /// `Available` was recorded of a host whose heartbeat was days old.
    #[test]
    fn a_heartbeat_counts_by_the_time_of_the_answer() {
        assert_eq!(host("Available", "2026-11-29T09:50:00Z", &[]), well(&[]));
        assert_eq!(
            host("Available", "2026-11-29T09:49:59Z", &[]),
            ill(&["its last heartbeat was 10 minutes ago"])
        );
        assert_eq!(
            host("Available", "2026-11-26T10:00:00Z", &[]),
            ill(&["its last heartbeat was 4320 minutes ago"])
        );
        // Times with an offset are the same moment.
        assert_eq!(
            host("Available", "2026-11-29T10:59:00+01:00", &[]),
            well(&[])
        );
        // A clock that is a little ahead does no harm.
        assert_eq!(host("Available", "2026-11-29T10:00:20Z", &[]), well(&[]));
        for none in ["", "yesterday"] {
            assert_eq!(
                host("Available", none, &[]),
                ill(&["it has never sent a heartbeat"])
            );
        }
    }
}
