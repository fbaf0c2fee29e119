//! Session host updates: asked for, validated, carried out host by host, paused, canceled, tried again.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::configuration::merged;
use super::management::malformed_update;
use super::validation::error;
use super::zone::Zone;
use super::{Object, Pool};
use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::due;
use crate::arm::{Arm, Asked};
use crate::ids::Purpose;
use crate::pools::UpdateFate;
use crate::progress::Progress;
use crate::switches::SecondUpdate;

/// Where an update is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// Accepted, and not shown yet.
    Registering,
    Scheduled,
    Validating,
    Updating,
    Pausing,
    Paused,
    Cancelling,
    Canceled,
    Succeeded,
    Failed,
    Error,
}

impl Stage {
    /// `status`, in the letters of the definition.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Registering | Self::Validating => "ValidatingSessionHostUpdate",
            Self::Scheduled => "Scheduled",
            Self::Updating => "UpdatingSessionHosts",
            Self::Pausing => "Pausing",
            Self::Paused => "Paused",
            Self::Cancelling => "Cancelling",
            Self::Canceled => "Canceled",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Error => "Error",
        }
    }
}

/// One update of a pool.
#[derive(Debug, Clone)]
pub(crate) struct Update {
    pub(super) correlation: String,
    pub(super) asked_at: OffsetDateTime,
    pub(super) ended: Option<OffsetDateTime>,
    pub(super) scheduled: Option<OffsetDateTime>,
    pub(super) zone: Zone,
    /// The properties of the management, with the settings of this update.
    pub(super) management: Value,
    pub(super) stage: Stage,
    /// When the present state or batch began, and how many GETs have seen it.
    entered: OffsetDateTime,
    polls: u32,
    pub(super) total: usize,
    pub(super) completed: usize,
    pub(super) rollback_failed: usize,
    pub(super) queue: VecDeque<String>,
    pub(super) batch: Vec<String>,
    pub(super) error: Option<(String, String)>,
    pub(super) fate: UpdateFate,
    /// Whether hosts were touched.
    worked: bool,
}

impl Update {
    pub(super) fn count_poll(&mut self) {
        self.polls = self.polls.saturating_add(1);
    }

    pub(super) fn shows(&self) -> bool {
        self.stage != Stage::Registering
    }

    /// Whether it is neither over nor waiting after a failure.
    pub(super) fn goes_on(&self) -> bool {
        ![Stage::Canceled, Stage::Succeeded, Stage::Failed].contains(&self.stage)
    }

    fn waits(&self) -> bool {
        self.stage == Stage::Failed && self.worked
    }

    pub(super) fn enter(&mut self, stage: Stage, at: OffsetDateTime) {
        self.stage = stage;
        self.entered = at;
        self.polls = 0;
        if [Stage::Canceled, Stage::Succeeded, Stage::Failed].contains(&stage) {
            self.ended = Some(at);
        }
    }

    pub(super) fn setting(&self, name: &str) -> Option<&Value> {
        self.management.get("update")?.get(name)
    }
}

impl Arm {
    /// 204 and nothing else (recorded).
    pub(crate) fn initiate_update(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let pool = self.pool(asked)?;
        let switches = self.switches.desktops.clone();
        if pool.configuration.is_none() {
            let text = "The host pool has no session host configuration";
            return Err(self.desktop_refusal(asked, switches.standard_pool_status, text));
        }
        let current = pool.update.as_ref();
        let second = if current.is_some_and(Update::goes_on) {
            Some(switches.update_while_updating)
        } else if current.is_some_and(Update::waits) {
            Some(switches.update_while_failed)
        } else {
            None
        };
        let goes_on = current.is_some_and(Update::goes_on);
        let management = pool.host_management.clone().unwrap_or_default();
        let (zone, scheduled, settings) = self.update_sent(asked, &management)?;
        match second {
            Some(SecondUpdate::Refused) => {
                let text = "A session host update is in progress or waits";
                return Err(self.desktop_refusal(asked, 409, text));
            }
            Some(SecondUpdate::Taken) if goes_on => return Ok(Answer::new(204, Body::None)),
            _ => {}
        }
        let fate = self.update_fates.pop_front().unwrap_or(switches.update);
        let key = self.pool_key(asked)?;
        let ids = self.ids.of(Purpose::Desktop, &format!("update {key}"));
        let correlation = ids.guid();
        let pool = self.pool_mut(asked)?;
        let before = pool.update.take().filter(Update::shows);
        pool.before = before.or_else(|| pool.before.take());
        pool.update = Some(Update {
            correlation,
            asked_at: asked.now,
            ended: None,
            scheduled,
            zone,
            management: Value::Object(settings),
            stage: Stage::Registering,
            entered: asked.now,
            polls: 0,
            total: 0,
            completed: 0,
            rollback_failed: 0,
            queue: VecDeque::new(),
            batch: Vec::new(),
            error: None,
            fate,
            worked: false,
        });
        self.updates_asked = self.updates_asked.saturating_add(1);
        Ok(Answer::new(204, Body::None))
    }

    /// Zone, time and settings of a request for an update, checked by the definition.
    fn update_sent(
        &mut self,
        asked: &Asked<'_>,
        management: &Object,
    ) -> Result<(Zone, Option<OffsetDateTime>, Object), Refusal> {
        let body = asked.json()?;
        let body = body.as_object().cloned().unwrap_or_default();
        let known = ["scheduledDateTime", "scheduledDateTimeZone", "update"];
        if let Some(name) = body.keys().find(|name| !known.contains(&name.as_str())) {
            let text = format!("The property '{name}' is unknown");
            return Err(self.desktop_refusal(asked, 400, &text));
        }
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
        let zone = text(body.get("scheduledDateTimeZone"))
            .or_else(|| text(management.get("scheduledDateTimeZone")))
            .unwrap_or_else(|| "UTC".to_owned());
        let Some(named) = Zone::named(&zone) else {
            let text = format!("The time zone '{zone}' is unknown");
            return Err(self.desktop_refusal(asked, 400, &text));
        };
        let scheduled = match text(body.get("scheduledDateTime")) {
            None => None,
            Some(time) => {
                let parsed = OffsetDateTime::parse(&time, &Rfc3339).ok();
                let ahead = parsed.map(|at| at - asked.now);
                let permitted = time::Duration::ZERO..=time::Duration::days(14);
                if !ahead.is_some_and(|ahead| permitted.contains(&ahead)) {
                    let text = format!("The time '{time}' is not within the next 14 days");
                    return Err(self.desktop_refusal(asked, 400, &text));
                }
                parsed
            }
        };
        let mut settings = management.clone();
        if let Some(update) = body.get("update") {
            if let Some(problem) = malformed_update(update) {
                return Err(self.desktop_refusal(asked, 400, &problem));
            }
            let sent: Object = [("update".to_owned(), update.clone())]
                .into_iter()
                .collect();
            settings = merged(&settings, &sent);
        }
        settings.insert("scheduledDateTimeZone".to_owned(), json!(named.name));
        Ok((named, scheduled, settings))
    }

    /// 202 with `Location` (recorded for Cancel); refused where the action does not fit.
    pub(crate) fn control_update(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let actions = ["Start", "Pause", "Cancel", "Retry", "Resume"];
        let action = self.control_body(asked, &actions)?;
        let switches = self.switches.desktops.clone();
        let key = self.pool_key(asked)?;
        let another = switches.retry_is_another_update.then(|| {
            let ids = self.ids.of(Purpose::Desktop, &format!("update {key}"));
            ids.guid()
        });
        let now = asked.now;
        let by_clock = matches!(self.switches.progress, Progress::ByClock(_));
        let pool = self.pool_mut(asked)?;
        let Some(update) = pool.update.as_mut().filter(|update| update.shows()) else {
            let text = "SessionHostUpdate does not exist";
            return Err(self.desktop_refusal(asked, 404, text));
        };
        let stage = update.stage;
        let mut goes_on = false;
        match (action, stage) {
            ("Start", Stage::Scheduled) => {
                update.scheduled = None;
                update.enter(Stage::Validating, now);
            }
            ("Pause", Stage::Updating) => {
                update.stage = Stage::Pausing;
                update.polls = if by_clock { update.polls } else { 0 };
            }
            ("Resume", Stage::Paused) => goes_on = true,
            ("Retry", Stage::Failed) if update.worked => {
                update.error = None;
                update.ended = None;
                if let Some(another) = another {
                    update.correlation = another;
                    update.asked_at = now;
                }
                goes_on = true;
            }
            ("Cancel", Stage::Scheduled | Stage::Validating | Stage::Paused) => {
                update.enter(Stage::Canceled, now);
            }
            ("Cancel", Stage::Failed) if update.worked => update.enter(Stage::Canceled, now),
            ("Cancel", Stage::Updating | Stage::Pausing | Stage::Error) => {
                update.stage = Stage::Cancelling;
                update.polls = if by_clock { update.polls } else { 0 };
                if update.fate == UpdateFate::NeverEnds {
                    update.fate = UpdateFate::Deserved;
                }
            }
            _ => {
                let text = format!(
                    "{action} does not fit the state {} of the session host update",
                    stage.name()
                );
                let status = switches.refused_control_status;
                return Err(self.desktop_refusal(asked, status, &text));
            }
        }
        if goes_on {
            self.resume(&key, now);
        }
        self.start_control(asked)
    }

    fn resume(&mut self, key: &str, now: OffsetDateTime) {
        if let Some(mut pool) = self.pools.remove(key) {
            if let Some(mut update) = pool.update.take() {
                self.next_batch(&mut pool, &mut update, now);
                pool.update = Some(update);
            }
            self.pools.insert(key.to_owned(), pool);
        }
    }

    /// Lets an update move on as far as it is due.
    pub(super) fn settle_update(&mut self, pool: &mut Pool, now: OffsetDateTime) {
        let Some(mut update) = pool.update.take() else {
            return;
        };
        while let Some(at) = self.update_due(&update, now) {
            self.step_update(pool, &mut update, at);
        }
        pool.update = Some(update);
    }

    /// When the present state ends; `None` while it lasts.
    fn update_due(&self, update: &Update, now: OffsetDateTime) -> Option<OffsetDateTime> {
        let fate = update.fate;
        if fate == UpdateFate::NeverStarts {
            return None;
        }
        let duration = match update.stage {
            Stage::Registering => self.lag(|durations| durations.update_shows),
            // Nobody waits for a day in the calendar by polls.
            Stage::Scheduled => {
                return update.scheduled.filter(|at| *at <= now);
            }
            Stage::Validating => self.lag(|durations| durations.validating_update),
            Stage::Updating | Stage::Pausing if fate == UpdateFate::NeverEnds => return None,
            Stage::Updating | Stage::Pausing | Stage::Cancelling => {
                self.lag(|durations| durations.updating_hosts)
            }
            Stage::Paused => {
                let end = update.entered + Duration::from_secs(14 * 24 * 3600);
                return Some(end).filter(|end| *end <= now);
            }
            Stage::Canceled | Stage::Succeeded | Stage::Failed | Stage::Error => return None,
        };
        let progress = &self.switches.progress;
        due(progress, duration, update.entered, update.polls, now)
    }

    fn step_update(&mut self, pool: &mut Pool, update: &mut Update, at: OffsetDateTime) {
        match update.stage {
            Stage::Registering => match update.scheduled {
                Some(time) if time > at => update.enter(Stage::Scheduled, at),
                _ => update.enter(Stage::Validating, at),
            },
            Stage::Scheduled => update.enter(Stage::Validating, at),
            Stage::Validating => self.validate_update(pool, update, at),
            Stage::Updating | Stage::Pausing | Stage::Cancelling => {
                self.finish_batch(pool, update, at);
            }
            Stage::Paused => update.enter(Stage::Canceled, at),
            Stage::Canceled | Stage::Succeeded | Stage::Failed | Stage::Error => {}
        }
    }

    fn validate_update(&mut self, pool: &mut Pool, update: &mut Update, at: OffsetDateTime) {
        if update.fate == UpdateFate::Error {
            update.enter(Stage::Error, at);
            return;
        }
        let version = pool.version();
        let outdated = pool
            .hosts
            .iter()
            .filter(|host| host.scene.configuration != version);
        let outdated: VecDeque<String> = outdated.map(|host| host.scene.name.clone()).collect();
        let faults = self.faults_of_update(pool, outdated.len(), update.fate);
        if !faults.is_empty() {
            update.error = Some(error(&faults));
            update.enter(Stage::Failed, at);
            return;
        }
        update.total = outdated.len();
        update.queue = outdated;
        update.worked = true;
        self.next_batch(pool, update, at);
    }
}

impl Pool {
    /// The version of the wanted configuration.
    pub(super) fn version(&self) -> Option<String> {
        let version = self.configuration.as_ref()?.get("version")?.as_str()?;
        Some(version.to_owned())
    }
}
