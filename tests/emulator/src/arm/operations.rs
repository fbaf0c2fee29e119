//! Long-running operations: their URLs, documents and ends.

use std::time::Duration;

use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::answer::Refusal;
use crate::clock;
use crate::ids::{Ids, Purpose};
use crate::progress::Progress;
use crate::switches::OperationUrls;

/// How an operation ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    Failed { code: String, message: String },
    Canceled,
}

#[derive(Debug)]
enum State {
    /// The work is going on.
    Running,
    /// The work has ended, the operation has not yet.
    Closing {
        since: OffsetDateTime,
        lag: Duration,
        polls: u32,
        end: End,
    },
    Ended {
        at: OffsetDateTime,
        end: End,
    },
}

/// One operation. Its document stays readable for ever.
#[derive(Debug)]
pub(crate) struct Operation {
    /// In lower case, as in the URL.
    pub(crate) id: String,
    /// The key of the template that it works on, or of the gallery image version.
    pub(crate) subject: String,
    started: OffsetDateTime,
    state: State,
    /// The queries of the URLs that were given out; no other is accepted.
    queries: Vec<String>,
}

impl Operation {
    pub(crate) fn new(id: String, subject: String, started: OffsetDateTime) -> Self {
        Self {
            id,
            subject,
            started,
            state: State::Running,
            queries: Vec::new(),
        }
    }

    /// A URL of this operation. Each call signs anew, so that two URLs differ as text although they name the same operation.
    pub(crate) fn url(
        &mut self,
        path: &str,
        version: &str,
        form: OperationUrls,
        ids: &mut Ids,
        now: OffsetDateTime,
    ) -> String {
        let mut query = version.to_owned();
        if form == OperationUrls::Signed {
            let signed_at = clock::ticks(now)
                + i128::try_from(self.queries.len()).unwrap_or_default() * 156_267;
            // The lengths are those of a recording of 2025.
            let ids = ids.of(Purpose::Signature, &self.id);
            query = format!(
                "{version}&t={signed_at}&c={}&s={}&h={}",
                ids.opaque(2575),
                ids.opaque(342),
                ids.opaque(43)
            );
        }
        let url = format!("{path}?{query}");
        self.queries.push(query);
        url
    }

    /// Refuses a URL that was not given out byte for byte. What the service answers to one was never recorded.
    pub(crate) fn check_query(&self, query: &str) -> Result<(), Refusal> {
        if self.queries.iter().any(|given| given == query) {
            return Ok(());
        }
        Err(Refusal::new(
            403,
            "InvalidOperationUrlSignature",
            format!(
                "The URL of operation '{}' is not one that was given out: its query was altered, cut or put together anew. Send the URL of \
                 the header 'Azure-AsyncOperation' or 'Location' back byte for byte.",
                self.id
            ),
        ))
    }

    /// The work has ended; the operation follows after a while.
    pub(crate) fn close(&mut self, at: OffsetDateTime, lag: Duration, end: End) {
        self.state = State::Closing {
            since: at,
            lag,
            polls: 0,
            end,
        };
    }

    /// The work and the operation have ended.
    pub(crate) fn end(&mut self, at: OffsetDateTime, end: End) {
        self.state = State::Ended { at, end };
    }

    /// A GET has seen the operation, or its template, in this state.
    pub(crate) fn count_poll(&mut self) {
        if let State::Closing { polls, .. } = &mut self.state {
            *polls = polls.saturating_add(1);
        }
    }

    /// Ends the operation when its work has ended long enough ago.
    pub(crate) fn settle(&mut self, progress: &Progress, now: OffsetDateTime) {
        if let State::Closing {
            since,
            lag,
            polls,
            end,
        } = &self.state
            && let Some(at) = due(progress, *lag, *since, *polls, now)
        {
            let end = end.clone();
            self.end(at, end);
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Ended { .. })
    }

    /// When it ended.
    pub(crate) fn ended_at(&self) -> Option<OffsetDateTime> {
        match &self.state {
            State::Ended { at, .. } => Some(*at),
            State::Running | State::Closing { .. } => None,
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        matches!(
            &self.state,
            State::Ended {
                end: End::Failed { .. },
                ..
            }
        )
    }

    /// The document of the image builder: the id in capitals, times with `Z`.
    pub(crate) fn builder_document(&self) -> Value {
        let mut document = Map::new();
        document.insert("name".to_owned(), json!(self.id.to_ascii_uppercase()));
        document.insert("status".to_owned(), json!(self.status()));
        document.insert(
            "startTime".to_owned(),
            json!(clock::ticks_text(self.started)),
        );
        if let State::Ended { at, end } = &self.state {
            document.insert("endTime".to_owned(), json!(clock::ticks_text(*at)));
            if let End::Failed { code, message } = end {
                document.insert(
                    "error".to_owned(),
                    json!({"code": code, "message": message}),
                );
            }
        }
        Value::Object(document)
    }

    /// The document of Microsoft.Compute: another order, the id in lower case, times with `+00:00`.
    pub(crate) fn compute_document(&self) -> Value {
        let mut document = Map::new();
        document.insert(
            "startTime".to_owned(),
            json!(clock::with_offset(self.started)),
        );
        if let State::Ended { at, .. } = &self.state {
            document.insert("endTime".to_owned(), json!(clock::with_offset(*at)));
        }
        document.insert("status".to_owned(), json!(self.status()));
        if let State::Ended {
            end: End::Failed { code, message },
            ..
        } = &self.state
        {
            let error = json!({"code": code, "message": message});
            document.insert("error".to_owned(), error);
        }
        document.insert("name".to_owned(), json!(self.id));
        Value::Object(document)
    }

    /// Code and message of one that has failed.
    pub(crate) fn failure(&self) -> Option<(&str, &str)> {
        match &self.state {
            State::Ended {
                end: End::Failed { code, message },
                ..
            } => Some((code, message)),
            _ => None,
        }
    }

    pub(crate) fn status(&self) -> &'static str {
        match &self.state {
            State::Running | State::Closing { .. } => "InProgress",
            State::Ended {
                end: End::Succeeded,
                ..
            } => "Succeeded",
            State::Ended {
                end: End::Failed { .. },
                ..
            } => "Failed",
            State::Ended {
                end: End::Canceled, ..
            } => "Canceled",
        }
    }
}

/// When a state ends that began at `entered` and was seen by `polls` GETs; `None` while it lasts.
pub(crate) fn due(
    progress: &Progress,
    duration: Duration,
    entered: OffsetDateTime,
    polls: u32,
    now: OffsetDateTime,
) -> Option<OffsetDateTime> {
    match progress {
        Progress::Immediate => Some(entered),
        Progress::AfterPolls(needed) => (polls >= *needed).then_some(now),
        Progress::ByClock(_) => Some(entered + duration).filter(|end| *end <= now),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    #[test]
    fn urls_are_long_differ_and_must_come_back_unaltered() {
        let now = datetime!(2025-04-30 06:06:41 UTC);
        let mut operation = Operation::new("a1".to_owned(), "t".to_owned(), now);
        let mut ids = Ids::new(1);
        let one = operation.url(
            "https://arm/op",
            "api-version=2022-07-01",
            OperationUrls::Signed,
            &mut ids,
            now,
        );
        let two = operation.url(
            "https://arm/op",
            "api-version=2022-07-01",
            OperationUrls::Signed,
            &mut ids,
            now,
        );
        assert!(one.len() > 3000, "{}", one.len());
        assert_ne!(one, two);
        let query = one.split_once('?').unwrap().1;
        assert!(operation.check_query(query).is_ok());
        assert!(
            operation
                .check_query(&query.replace("&h=", "&h=x"))
                .is_err()
        );
        assert!(operation.check_query("api-version=2022-07-01").is_err());
    }

    #[test]
    fn an_operation_ends_after_its_work() {
        let now = datetime!(2025-04-30 06:06:41 UTC);
        let mut operation = Operation::new("a1".to_owned(), "t".to_owned(), now);
        let progress = Progress::AfterPolls(1);
        operation.close(now, Duration::from_secs(65), End::Succeeded);
        operation.settle(&progress, now);
        assert!(!operation.is_over());
        operation.count_poll();
        operation.settle(&progress, now);
        assert_eq!(operation.builder_document()["status"], "Succeeded");
    }
}
