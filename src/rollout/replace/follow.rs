//! Follows a deployment to its end. A host registers open, so each one is drained as soon as it shows.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::plan::{Part, Plan};
use crate::arm::deployment::{Operation, State};
use crate::arm::operation::Status;
use crate::arm::pace::Pace;
use crate::inputs::OnRolloutFailure;
use crate::rollout::codes;
use crate::rollout::event::{Event, ReplacementEvent};
use crate::rollout::host::Host;
use crate::rollout::outcome::{NotRolledOut, Refused};
use crate::rollout::own_deployments::cause;
use crate::rollout::step::RolloutStep;
use crate::secret::Secret;

/// A deployment that takes longer is canceled: an extension is stuck.
const LONGEST: Duration = Duration::from_secs(60 * 60);
/// How often the hosts are listed.
pub(super) const LIST: Duration = Duration::from_secs(60);
/// How often the resources of a deployment are read.
const RESOURCES: Duration = Duration::from_secs(120);
/// A resource that takes longer is named.
const SLOW: Duration = Duration::from_secs(600);
/// How often the log says that it still goes on.
const HEARTBEAT: Duration = Duration::from_secs(300);
/// How long reads may fail before the step gives up.
const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);

/// What is known of a deployment that goes on.
struct Followed<'a> {
    plan: &'a Plan,
    part: &'a Part,
    operation: Option<Secret>,
    pace: Pace,
    start: Instant,
    listed: Instant,
    looked: Instant,
    spoken: Instant,
    news: Instant,
    slow: Vec<String>,
}

impl RolloutStep<'_> {
    /// Waits for the end of the deployment; the hosts that register meanwhile are drained.
    pub(super) async fn follow(
        &self,
        plan: &Plan,
        part: &Part,
        operation: Option<Secret>,
    ) -> Result<(), NotRolledOut> {
        let now = Instant::now();
        let mut followed = Followed {
            plan,
            part,
            operation,
            pace: Pace::new(None),
            start: now,
            listed: now,
            looked: now,
            spoken: now,
            news: now,
            slow: Vec::new(),
        };
        loop {
            let (state, word) = self.ask(&mut followed).await?;
            if state != State::Going {
                self.emit(Event::Replace(ReplacementEvent::Ended {
                    deployment: part.name.clone(),
                    state: word,
                    elapsed: followed.start.elapsed(),
                }));
                // What has registered since the last list. Nobody else has let users in there: this attempt has seen the deployment run.
                self.drain_new(plan, part).await;
                return match state {
                    State::Succeeded | State::Going => Ok(()),
                    State::Failed | State::Canceled => {
                        Err(self.deployment_failed(&followed, state).await)
                    }
                };
            }
            if followed.start.elapsed() >= LONGEST {
                return Err(self.too_long(&followed).await);
            }
            self.look_meanwhile(&mut followed, &word).await;
            sleep(followed.pace.pause()).await;
        }
    }

    /// Where the deployment stands, and Azure's word for it: by its operation, or by itself where that is not to be had.
    async fn ask(&self, followed: &mut Followed<'_>) -> Result<(State, String), NotRolledOut> {
        let name = &followed.part.name;
        let failure = if let Some(operation) = &followed.operation {
            let doing = format!("Following deployment '{name}'");
            match self.arm.operation(&doing, operation).await {
                Ok(seen) => {
                    followed.news = Instant::now();
                    followed.pace.asked(seen.pause);
                    let (state, word) = match seen.value {
                        Status::InProgress => (State::Going, "Running"),
                        Status::Succeeded => (State::Succeeded, "Succeeded"),
                        Status::Failed { .. } => (State::Failed, "Failed"),
                        Status::Canceled => (State::Canceled, "Canceled"),
                    };
                    return Ok((state, word.to_owned()));
                }
                Err(failure) => {
                    if failure.refusal().is_some() && !failure.is_passing() {
                        followed.operation = None;
                    }
                    failure
                }
            }
        } else {
            match self.arm.deployment(&followed.plan.group, name).await {
                Ok(Some(deployment)) => {
                    followed.news = Instant::now();
                    followed.pace.asked(None);
                    return Ok((deployment.state, deployment.word));
                }
                Ok(None) => {
                    let text = format!(
                        "Deploying session hosts failed: deployment '{name}' is gone; someone has deleted it"
                    );
                    let hint = Some("run the step again".to_owned());
                    return Err(Refused::new(codes::NOT_DEPLOYED, text, hint).into());
                }
                Err(failure) if failure.is_passing() => failure,
                Err(failure) => return Err(failure.into()),
            }
        };
        if followed.news.elapsed() >= LONGEST_SILENCE {
            return Err(failure.into());
        }
        self.no_news(failure.to_string());
        Ok((State::Going, "Running".to_owned()))
    }

    /// Drains what has registered, names what takes long, says that it goes on; each at its own pace.
    async fn look_meanwhile(&self, followed: &mut Followed<'_>, word: &str) {
        if followed.listed.elapsed() >= LIST {
            self.drain_new(followed.plan, followed.part).await;
            followed.listed = Instant::now();
        }
        if followed.looked.elapsed() >= RESOURCES {
            followed.looked = Instant::now();
            for operation in self.operations(followed).await {
                let is_slow = operation.goes_on() && operation.duration >= SLOW;
                if is_slow && !followed.slow.contains(&operation.resource) {
                    followed.slow.push(operation.resource.clone());
                    followed.spoken = Instant::now();
                    self.emit(Event::Replace(ReplacementEvent::Slow {
                        resource: operation.resource,
                        duration: operation.duration,
                    }));
                }
            }
        }
        if followed.spoken.elapsed() >= HEARTBEAT {
            followed.spoken = Instant::now();
            self.emit(Event::Replace(ReplacementEvent::Going {
                deployment: followed.part.name.clone(),
                state: word.to_owned(),
                elapsed: followed.start.elapsed(),
            }));
        }
    }

    async fn operations(&self, followed: &Followed<'_>) -> Vec<Operation> {
        let name = &followed.part.name;
        let found = self
            .arm
            .deployment_operations(&followed.plan.group, name)
            .await;
        match found {
            Ok(all) => all
                .into_iter()
                .filter(|operation| !operation.resource.is_empty())
                .collect(),
            Err(failure) => {
                self.no_news(failure.to_string());
                Vec::new()
            }
        }
    }

    fn no_news(&self, reason: String) {
        self.emit(Event::Replace(ReplacementEvent::NoNews { reason }));
    }

    /// Drains the hosts of `part` that have registered and let users in. Nobody else has let them in: their deployment runs, or has just ended
    /// before the eyes of this attempt.
    pub(super) async fn drain_new(&self, plan: &Plan, part: &Part) {
        let hosts = match self.hosts().await {
            Ok(hosts) => hosts,
            Err(error) => return self.no_news(error.to_string()),
        };
        let is_new = |host: &&Host| {
            let number = plan.number(host);
            host.host.allow_new_session && number.is_some_and(|number| part.new.contains(&number))
        };
        for host in hosts.iter().filter(is_new) {
            let name = host.host.name.clone();
            self.emit(Event::Replace(ReplacementEvent::Registered { host: name }));
            if let Err(error) = self.allow_new_sessions(&host.host.name, false).await {
                self.no_news(error.to_string());
            }
        }
    }

    /// Why it failed: what the deployment says in its innermost details, and what its resources say.
    async fn deployment_failed(&self, followed: &Followed<'_>, state: State) -> NotRolledOut {
        let name = &followed.part.name;
        let found = self.arm.deployment(&followed.plan.group, name).await;
        let error = found.ok().flatten().and_then(|found| found.error);
        let said = cause(error.as_ref(), self.operations(followed).await);
        let what = match state {
            State::Canceled => "was canceled in Azure".to_owned(),
            _ => format!("failed: {said}"),
        };
        let text = format!("Deploying session hosts failed: deployment '{name}' {what}");
        let new = if self.request.on_failure == OnRolloutFailure::Back {
            "are removed"
        } else {
            "are drained"
        };
        let hint = format!(
            "the old hosts serve users as before, and new ones {new}; correct what is named, and run the job again: it sends the deployment '{name}' once more"
        );
        Refused::new(codes::NOT_DEPLOYED, text, Some(hint)).into()
    }

    /// Cancels it, and names what it waited for.
    async fn too_long(&self, followed: &Followed<'_>) -> NotRolledOut {
        let name = &followed.part.name;
        let stuck: Vec<String> = self
            .operations(followed)
            .await
            .into_iter()
            .filter(Operation::goes_on)
            .map(|operation| operation.resource)
            .collect();
        let stuck = if stuck.is_empty() {
            String::new()
        } else {
            format!("; still at work: {}", stuck.join(", "))
        };
        self.drain_new(followed.plan, followed.part).await;
        let ended = match self.arm.cancel_deployment(&followed.plan.group, name).await {
            Ok(true) => "it was canceled".to_owned(),
            Ok(false) => "it has ended in the meantime".to_owned(),
            Err(failure) => format!("canceling it failed as well: {failure}"),
        };
        let text = format!(
            "Deploying session hosts failed: deployment '{name}' has not ended within 60 minutes; {ended}{stuck}"
        );
        let hint = "the old hosts serve users as before; an extension that takes so long cannot reach what it needs (the host pool's service, a domain controller, a download): check the network of the subnet and the log of the extension on the VM; a host that still registers lets users in".to_owned();
        Refused::new(codes::NOT_DEPLOYED, text, Some(hint)).into()
    }
}
