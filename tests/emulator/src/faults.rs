//! Scripted trouble: what goes wrong, at which request, and whether it was met.

use std::fmt;
use std::time::Duration;

use http::Method;

/// Trouble for some requests.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The requests that count.
    pub matcher: Matcher,
    /// The first of them that meets the trouble, counted from 1 and from the moment that the fault was added.
    pub nth: u32,
    /// How many in a row meet it.
    pub times: u32,
    /// The trouble.
    pub effect: Effect,
}

impl Fault {
    /// Trouble for the first request that matches.
    pub fn once(matcher: impl Into<Matcher>, effect: Effect) -> Self {
        Self {
            matcher: matcher.into(),
            nth: 1,
            times: 1,
            effect,
        }
    }

    /// Trouble for each request that matches.
    pub fn always(matcher: impl Into<Matcher>, effect: Effect) -> Self {
        Self::once(matcher, effect).times(u32::MAX)
    }

    /// The same for so many requests in a row.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }

    /// The same from the request of this number on, counted from 1.
    #[must_use]
    pub fn starting_at(self, nth: u32) -> Self {
        Self { nth, ..self }
    }
}

/// Which requests a fault is for: all conditions that are given must hold.
#[derive(Debug, Clone, Default)]
pub struct Matcher {
    /// The name of the route in Azure Resource Manager, such as `RunTemplate`; see [`crate::operation_names`].
    pub operation: Option<String>,
    /// The HTTP method.
    pub method: Option<Method>,
    /// The path, without letter case; `*` stands for any characters.
    pub path: Option<String>,
    /// The host, with its port if it has one.
    pub authority: Option<String>,
}

impl From<&str> for Matcher {
    /// Requests to the route of this name.
    fn from(operation: &str) -> Self {
        Self::operation(operation)
    }
}

impl Matcher {
    /// Requests to one route of Azure Resource Manager.
    pub fn operation(name: &str) -> Self {
        Self {
            operation: Some(name.to_owned()),
            ..Self::default()
        }
    }

    /// Requests with this method and path, in whatever service.
    pub fn path(method: Method, pattern: &str) -> Self {
        Self {
            method: Some(method),
            path: Some(pattern.to_owned()),
            ..Self::default()
        }
    }

    fn matches(&self, seen: &Seen<'_>) -> bool {
        self.operation
            .as_deref()
            .is_none_or(|name| Some(name) == seen.operation)
            && self
                .method
                .as_ref()
                .is_none_or(|method| method == seen.method)
            && self
                .authority
                .as_deref()
                .is_none_or(|authority| authority.eq_ignore_ascii_case(seen.authority))
            && self.path.as_deref().is_none_or(|pattern| {
                glob(
                    pattern.to_ascii_lowercase().as_bytes(),
                    seen.path.to_ascii_lowercase().as_bytes(),
                )
            })
    }
}

/// What goes wrong.
#[derive(Debug, Clone)]
pub enum Effect {
    /// This answer comes, and the service does nothing.
    Status {
        /// The HTTP status.
        code: u16,
        /// Headers besides the content type.
        headers: Vec<(String, String)>,
        /// The body; sent as JSON when it is JSON, else as plain text.
        body: String,
    },
    /// The connection breaks before the service did anything.
    ResetBefore,
    /// The service acts, then the connection breaks.
    ResetAfter,
    /// The service acts, and half of the body arrives.
    Truncate,
    /// A gateway's HTML page with status 502 comes, and the service does nothing.
    NotJson,
    /// The service acts, and its answer comes late.
    Delay(Duration),
    /// The access token counts as expired for this request.
    ExpireToken,
}

impl Effect {
    /// An answer with this body, and no headers of its own.
    pub fn status(code: u16, body: impl fmt::Display) -> Self {
        Self::Status {
            code,
            headers: Vec::new(),
            body: body.to_string(),
        }
    }

    /// A refusal in the form of Azure Resource Manager.
    pub fn refusal(code: u16, error: &str, message: &str) -> Self {
        let body = serde_json::json!({"error": {"code": error, "message": message}});
        Self::status(code, body)
    }
}

/// What a fault looks at.
pub(crate) struct Seen<'request> {
    pub(crate) operation: Option<&'static str>,
    pub(crate) method: &'request Method,
    pub(crate) path: &'request str,
    pub(crate) authority: &'request str,
}

/// The faults of a cloud, with the account of what was met.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    scripted: Vec<Scripted>,
}

#[derive(Debug)]
struct Scripted {
    fault: Fault,
    matched: u32,
    met: u32,
}

impl Faults {
    pub(crate) fn add(&mut self, fault: Fault) {
        self.scripted.push(Scripted {
            fault,
            matched: 0,
            met: 0,
        });
    }

    /// The trouble for this request: that of the first fault whose turn it is. Each fault that matches counts the request.
    pub(crate) fn next(&mut self, seen: &Seen<'_>) -> Option<Effect> {
        let mut effect = None;
        for scripted in self
            .scripted
            .iter_mut()
            .filter(|scripted| scripted.fault.matcher.matches(seen))
        {
            scripted.matched = scripted.matched.saturating_add(1);
            let turn =
                scripted.matched >= scripted.fault.nth && scripted.met < scripted.fault.times;
            if turn && effect.is_none() {
                scripted.met += 1;
                effect = Some(scripted.fault.effect.clone());
            }
        }
        effect
    }

    /// The faults that no request has met.
    pub(crate) fn unconsumed(&self) -> Vec<Fault> {
        self.scripted
            .iter()
            .filter(|scripted| scripted.met == 0)
            .map(|scripted| scripted.fault.clone())
            .collect()
    }
}

fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((b'*', rest)) => {
            (0..=text.len()).any(|start| text.get(start..).is_some_and(|tail| glob(rest, tail)))
        }
        Some((byte, rest)) => text
            .split_first()
            .is_some_and(|(first, tail)| first == byte && glob(rest, tail)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(path: &'static str) -> Seen<'static> {
        Seen {
            operation: Some("GetTemplate"),
            method: &Method::GET,
            path,
            authority: "management.azure.emulator",
        }
    }

    #[test]
    fn a_fault_waits_for_its_turn_and_is_counted() {
        let mut faults = Faults::default();
        let fault = Fault::once("GetTemplate", Effect::ResetBefore);
        faults.add(fault.starting_at(2).times(2));
        assert!(faults.next(&seen("/a")).is_none());
        assert_eq!(faults.unconsumed().len(), 1);
        assert!(faults.next(&seen("/a")).is_some());
        assert!(faults.unconsumed().is_empty());
        assert!(faults.next(&seen("/a")).is_some());
        assert!(faults.next(&seen("/a")).is_none());
    }

    #[test]
    fn a_matcher_wants_all_its_conditions() {
        let check = |matcher: Matcher, expected: bool| {
            assert_eq!(
                matcher.matches(&seen("/Sub/x/Run")),
                expected,
                "{matcher:?}"
            );
        };
        check(Matcher::default(), true);
        check(Matcher::path(Method::GET, "/sub/*/run"), true);
        check(Matcher::path(Method::POST, "/sub/*/run"), false);
        check(Matcher::path(Method::GET, "/sub/*"), true);
        check(Matcher::path(Method::GET, "/sub"), false);
        check(Matcher::operation("RunTemplate"), false);
        check(
            Matcher {
                authority: Some("login".to_owned()),
                ..Matcher::default()
            },
            false,
        );
    }
}
