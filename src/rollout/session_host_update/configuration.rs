//! Changing the image of the session host configuration: 202 with a place to ask (recorded in 2025), or whatever comes of it.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::preflight::{LastUpdate, UpdateState};
use crate::arm::Failure;
use crate::arm::api::{HOST_POOLS, address};
use crate::arm::desktops::{HostConfiguration, ImageInfo, UpdateStatus, changing};
use crate::arm::operation::{Started, Status};
use crate::arm::pace::{Pace, READ_AFTER_WRITE};
use crate::resource::quoted;
use crate::rollout::codes;
use crate::rollout::event::{Event, UpdateEvent};
use crate::rollout::host;
use crate::rollout::outcome::{NotRolledOut, Refused};
use crate::rollout::step::{Ongoing, RolloutStep};

/// A public script waits a quarter of an hour.
const FOLLOWED: Duration = Duration::from_secs(30 * 60);
/// How long reads may fail before the step gives up.
const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);
/// The pause between two reads.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// How often the log says that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// How often the change is asked for: again only when the configuration shows that the request before came to nothing.
const MOST_REQUESTS: u32 = 3;

/// How one request for a change ended.
enum Asked {
    /// The configuration has the image.
    Done,
    /// It has not, and there is no sign that the request arrived.
    Lost(Failure),
    /// The service is busy with the session hosts.
    Busy(Failure),
}

impl RolloutStep<'_> {
    /// Sets the wanted image in the configuration. Returns the update that is in progress, if one with the wanted image has started meanwhile.
    pub(super) async fn configure(
        &self,
        update: &UpdateState,
    ) -> Result<Option<UpdateStatus>, NotRolledOut> {
        // An earlier attempt, or someone else, may be changing it.
        let now = self.quiet_configuration().await?;
        let now = now.image.or_else(|| update.configured.clone());
        if now.as_ref().is_some_and(|image| image.is(&update.wanted)) {
            return Ok(None);
        }
        let before = now.as_ref();
        match self.set_image(before, &update.wanted).await? {
            None => Ok(None),
            Some(failure) => {
                // Someone has begun an update, or changes the configuration.
                let now = self.arm.host_configuration(&self.request.pool, false);
                let image = now.await?.and_then(|now| now.image);
                let is_configured = image.as_ref().is_some_and(|image| image.is(&update.wanted));
                let status = self.arm.update_status(&self.request.pool).await?.value;
                match self.last_update(status.as_ref(), is_configured, image.as_ref())? {
                    LastUpdate::GoesOn(status) | LastUpdate::WaitsForRetry(status) => {
                        Ok(Some(status))
                    }
                    LastUpdate::Over => Err(self.not_changed(&failure.to_string()).into()),
                }
            }
        }
    }

    /// Sets the image, `before` being the one that the configuration has. The last refusal where the service stays busy.
    pub(super) async fn set_image(
        &self,
        before: Option<&ImageInfo>,
        image: &ImageInfo,
    ) -> Result<Option<Failure>, NotRolledOut> {
        let from = before.map_or_else(|| "unknown".to_owned(), host::short);
        self.emit(Event::Update(UpdateEvent::Configuring {
            from,
            to: host::short(image),
        }));
        let mut last = None;
        self.note_ongoing(Ongoing::Configuration {
            to: host::short(image),
            from: before.cloned(),
        });
        for request in 1..=MOST_REQUESTS {
            self.emit(Event::Changed);
            match self.ask_for_image(image).await? {
                Asked::Done => {
                    self.forget_ongoing();
                    return Ok(None);
                }
                Asked::Lost(failure) if request == MOST_REQUESTS => return Err(failure.into()),
                Asked::Lost(failure) => {
                    let reason = failure.to_string();
                    self.emit(Event::Update(UpdateEvent::NoNews { reason }));
                }
                Asked::Busy(failure) => {
                    last = Some(failure);
                    let status = self.arm.update_status(&self.request.pool).await?.value;
                    if status.is_some_and(|status| !status.is_end()) {
                        break;
                    }
                    sleep(READ_AFTER_WRITE).await;
                }
            }
        }
        Ok(last)
    }

    async fn ask_for_image(&self, image: &ImageInfo) -> Result<Asked, NotRolledOut> {
        let pool = &self.request.pool;
        match self.arm.change_host_image(pool, image).await {
            Ok(changed) => {
                self.follow_change(&changed.started).await?;
                self.settled_configuration(image).await
            }
            Err(failure) if failure.may_have_acted() => {
                match self.settled_configuration(image).await? {
                    Asked::Lost(_) => Ok(Asked::Lost(failure)),
                    other => Ok(other),
                }
            }
            Err(failure) if failure.is(StatusCode::CONFLICT) => Ok(Asked::Busy(failure)),
            Err(failure) if failure.is(StatusCode::FORBIDDEN) || failure.refusal().is_none() => {
                Err(failure.into())
            }
            Err(failure) => Err(self.not_changed(&failure.cause.to_string()).into()),
        }
    }

    /// Follows the place that the answer named; without one the configuration itself tells enough.
    async fn follow_change(&self, started: &Started) -> Result<(), NotRolledOut> {
        let Some(address) = &started.operation else {
            return Ok(());
        };
        let doing = changing(&self.request.pool);
        let start = Instant::now();
        let mut pace = Pace::new(started.pause);
        let (mut news, mut spoken) = (start, start);
        while start.elapsed() < FOLLOWED {
            sleep(pace.pause()).await;
            match self.arm.operation(&doing, address).await {
                Ok(seen) => {
                    news = Instant::now();
                    pace.asked(seen.pause);
                    match seen.value {
                        Status::Succeeded => return Ok(()),
                        Status::InProgress => {
                            self.still_configuring("InProgress", start, &mut spoken);
                        }
                        Status::Failed { code, message } => {
                            return Err(self.not_changed(&ended(&code, &message)).into());
                        }
                        Status::Canceled => {
                            let why = "the change was canceled in Azure";
                            return Err(self.not_changed(why).into());
                        }
                    }
                }
                Err(failure) if failure.is_passing() && news.elapsed() < LONGEST_SILENCE => {}
                // The place is gone: the configuration itself tells enough.
                Err(failure) if failure.is(StatusCode::NOT_FOUND) || failure.is_passing() => {
                    return Ok(());
                }
                Err(failure) if failure.is(StatusCode::FORBIDDEN) => return Ok(()),
                Err(failure) => return Err(self.not_changed(&failure.cause.to_string()).into()),
            }
        }
        Ok(())
    }

    /// The configuration once nothing goes on with it, however that ended.
    async fn quiet_configuration(&self) -> Result<HostConfiguration, NotRolledOut> {
        let start = Instant::now();
        let mut spoken = start;
        loop {
            let now = self.configuration_now().await?;
            if is_end(&now.state) || start.elapsed() >= FOLLOWED {
                return Ok(now);
            }
            self.still_configuring(&now.state, start, &mut spoken);
            sleep(LOOK_AGAIN).await;
        }
    }

    /// Looks at the configuration until nothing goes on with it.
    async fn settled_configuration(&self, image: &ImageInfo) -> Result<Asked, NotRolledOut> {
        let start = Instant::now();
        let mut spoken = start;
        loop {
            let now = self.configuration_now().await?;
            let has_image = now.image.as_ref().is_some_and(|now| now.is(image));
            match now.state.to_ascii_lowercase().as_str() {
                "failed" | "canceled" | "cancelled" => {
                    let why = format!(
                        "the service could not make the change (state {})",
                        now.state
                    );
                    return Err(self.not_changed(&why).into());
                }
                "succeeded" | "" if has_image => return Ok(Asked::Done),
                "succeeded" | "" if start.elapsed() >= READ_AFTER_WRITE => {
                    let text = "the session host configuration still has another image".to_owned();
                    let cause = crate::arm::Cause::Unreadable(text);
                    let doing = changing(&self.request.pool);
                    return Ok(Asked::Lost(Failure::of(doing, cause)));
                }
                "succeeded" | "" => {}
                _ if start.elapsed() >= FOLLOWED => {
                    let why = format!("it is still in state {} after 30 minutes", now.state);
                    return Err(self.not_changed(&why).into());
                }
                _ => self.still_configuring(&now.state, start, &mut spoken),
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The configuration, asked for again for a while where Azure does not answer.
    async fn configuration_now(&self) -> Result<HostConfiguration, NotRolledOut> {
        let start = Instant::now();
        loop {
            let pool = &self.request.pool;
            match self.arm.host_configuration(pool, false).await {
                Ok(found) => return Ok(found.unwrap_or_default()),
                Err(failure) if failure.is_passing() && start.elapsed() < LONGEST_SILENCE => {
                    sleep(LOOK_AGAIN).await;
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    fn still_configuring(&self, state: &str, start: Instant, spoken: &mut Instant) {
        if spoken.elapsed() >= HEARTBEAT {
            *spoken = Instant::now();
            self.emit(Event::Update(UpdateEvent::StillConfiguring {
                state: state.to_owned(),
                elapsed: start.elapsed(),
            }));
        }
    }

    fn not_changed(&self, why: &str) -> Refused {
        let pool = &self.request.pool;
        let text = format!("{} failed: {why}", changing(pool));
        let hint = format!(
            "check that the image exists in the subscription and the region of the host pool, and that the pool's identity can read it (role 'Desktop Virtualization Virtual Machine Contributor' on the gallery); to show the configuration: az rest --url {}",
            quoted(&address(
                format_args!("{pool}/sessionHostConfigurations/default"),
                HOST_POOLS
            ))
        );
        Refused::new(codes::NOT_CONFIGURED, text, hint)
    }
}

/// Whether nothing goes on in this state.
fn is_end(state: &str) -> bool {
    let ends = ["", "Succeeded", "Failed", "Canceled", "Cancelled"];
    ends.iter().any(|end| end.eq_ignore_ascii_case(state))
}

fn ended(code: &str, message: &str) -> String {
    match (code, message) {
        ("", "") => "the service gave no reason".to_owned(),
        ("", text) | (text, "") => text.to_owned(),
        (code, message) => format!("{code}: {message}"),
    }
}
