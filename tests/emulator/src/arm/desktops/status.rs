//! The status of updates and of provisioning: one document for each, of the last one.

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::management::without_state;
use super::update::{Stage, Update};
use super::{Object, compact};
use crate::arm::answer::{Answer, Refusal};
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::switches::{StatusMembers, UpdateTimes};

/// What a status says.
pub(super) struct Shown {
    pub(super) id: String,
    pub(super) status: String,
    pub(super) start: String,
    pub(super) end: Option<String>,
    pub(super) percent: f64,
    pub(super) error: Value,
    /// What comes twice: at the top and under `properties`.
    pub(super) rest: Value,
}

/// The share that is done; 100 once all has ended, whatever was done (recorded).
pub(super) fn percent(done: usize, of: usize, ended: bool) -> f64 {
    let number = |count: usize| u32::try_from(count).map_or(0.0, f64::from);
    if ended || of == 0 {
        return if ended { 100.0 } else { 0.0 };
    }
    number(done) * 100.0 / number(of)
}

pub(super) fn status_document(shown: Shown, members: StatusMembers) -> Value {
    let mut document = Object::new();
    document.insert("id".to_owned(), json!(shown.id));
    document.insert("status".to_owned(), json!(shown.status));
    document.insert("startTime".to_owned(), json!(shown.start));
    document.insert("endTime".to_owned(), json!(shown.end));
    document.insert("percentComplete".to_owned(), json!(shown.percent));
    document.insert("error".to_owned(), shown.error);
    if members != StatusMembers::Properties {
        document.extend(shown.rest.as_object().cloned().unwrap_or_default());
    }
    if members != StatusMembers::Top {
        document.insert("properties".to_owned(), shown.rest);
    }
    Value::Object(document)
}

impl Arm {
    /// The last update that shows: a new one does some 20 s after it was asked for (documented).
    pub(crate) fn get_update_status(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (members, times) = (
            self.switches.desktops.status_members,
            self.switches.desktops.update_times,
        );
        // None was recorded.
        let pause = self.switches.retry_after;
        let pool = self.pool_mut(asked)?;
        let id = format!("{}/sessionHostUpdateStatuses/default", pool.id);
        if let Some(update) = &mut pool.update {
            update.count_poll();
        }
        let shown = pool.update.as_ref().filter(|update| update.shows());
        let Some(update) = shown.or(pool.before.as_ref()) else {
            return Err(self.desktop_refusal(asked, 404, "SessionHostUpdate does not exist"));
        };
        let answer = compact(status_document(shown_of(update, id, times), members));
        Ok(answer.with_some("retry-after", pause))
    }
}

fn shown_of(update: &Update, id: String, times: UpdateTimes) -> Shown {
    let local = |time: OffsetDateTime| match times {
        UpdateTimes::Local => update.zone.shown(time),
        UpdateTimes::Utc => time,
    };
    let start = update.scheduled.unwrap_or(update.asked_at);
    let error = update.error.as_ref().map_or(
        Value::Null,
        |(code, message)| json!({"code": code, "message": message}),
    );
    Shown {
        id,
        status: update.stage.name().to_owned(),
        start: clock::seconds(local(start)),
        end: update.ended.map(|end| clock::seconds(local(end))),
        percent: percent(update.completed, update.total, update.ended.is_some()),
        error,
        rest: json!({
            "correlationId": update.correlation,
            "progress": {
                "totalSessionHosts": update.total,
                "sessionHostsRollbackFailed": update.rollback_failed,
                // The same time as `startTime`, without a zone, unlike that of provisioning (recorded).
                "executionStartTime": clock::without_zone(local(start)),
                "sessionHostsInProgress": if update.stage == Stage::Failed { 0 } else { update.batch.len() },
                "sessionHostsCompleted": update.completed,
            },
            "scheduledDateTime": update.scheduled.map(|time| clock::seconds(local(time))),
            "sessionHostManagement": {"properties": without_state(&update.management)},
        }),
    }
}
