//! One deployment with a registration token, which is announced for masking before anything else, sent as a secure parameter, and kept nowhere. It
//! takes effect once: a deployment of an earlier attempt is followed, and after a lost answer Azure is asked whether the deployment exists.

use http::StatusCode;
use serde_json::{Map, Value, json};
use time::Duration;
use tokio::time::sleep;

use super::plan::{Part, Plan};
use crate::arm::Failure;
use crate::arm::deployment::{Asked, Deployment, State};
use crate::rollout::codes;
use crate::rollout::event::{Event, ReplacementEvent};
use crate::rollout::health_watch::LOOK_AGAIN;
use crate::rollout::method::template;
use crate::rollout::outcome::{NotRolledOut, Refused};
use crate::rollout::step::RolloutStep;
use crate::secret::Secret;

/// How often a request is sent if its answer gets lost and Azure shows no deployment.
const MOST_TRIES: u32 = 3;

/// A token that ends sooner is renewed: the last host registers long after the first request.
const SHORTEST_LIFE: Duration = Duration::hours(2);
/// How long a new token is valid.
const NEW_LIFE: Duration = Duration::hours(4);

/// What became of a request to deploy.
enum Sent {
    /// Azure took it; where to ask for the operation.
    Taken(Option<Secret>),
    /// One of ours goes on already.
    GoesOn,
}

impl RolloutStep<'_> {
    /// Makes the hosts of `part`: `true` when the deployment has succeeded, `false` when nobody waits for it.
    pub(super) async fn deploy(
        &self,
        plan: &Plan,
        part: &Part,
        known: Option<&Deployment>,
    ) -> Result<bool, NotRolledOut> {
        let own = known.filter(|known| plan.is_own(known));
        let operation = match own.map(|own| own.state) {
            Some(State::Succeeded) => {
                self.emit(Event::Changed);
                self.emit(Event::Replace(ReplacementEvent::Made {
                    deployment: part.name.clone(),
                }));
                return Ok(true);
            }
            Some(State::Going) => {
                self.emit(Event::Changed);
                self.emit(Event::Replace(ReplacementEvent::Following {
                    deployment: part.name.clone(),
                }));
                None
            }
            Some(State::Failed | State::Canceled) | None => {
                let token = self.token().await?;
                self.emit(Event::Replace(ReplacementEvent::Deploying {
                    deployment: part.name.clone(),
                    hosts: (
                        plan.host_name(part.new.start),
                        plan.host_name(part.new.end.saturating_sub(1)),
                    ),
                    count: part.new.end.saturating_sub(part.new.start),
                }));
                self.note_ongoing(plan.ongoing(part));
                self.emit(Event::Changed);
                match self.send(plan, part, known, &token).await {
                    Ok(Sent::Taken(operation)) => operation,
                    Ok(Sent::GoesOn) => {
                        self.emit(Event::Replace(ReplacementEvent::Following {
                            deployment: part.name.clone(),
                        }));
                        None
                    }
                    Err(error) => {
                        self.forget_ongoing();
                        return Err(error);
                    }
                }
            }
        };
        self.note_ongoing(plan.ongoing(part));
        if !self.request.is_followed() {
            return Ok(false);
        }
        let followed = self.follow(plan, part, operation).await;
        self.forget_ongoing();
        followed.map(|()| true)
    }

    async fn send(
        &self,
        plan: &Plan,
        part: &Part,
        known: Option<&Deployment>,
        token: &Secret,
    ) -> Result<Sent, NotRolledOut> {
        let template = template(self.request)?;
        let asked = Asked {
            template: &template.document,
            parameters: self.parameters(plan, part, token),
            tags: plan
                .tags()
                .into_iter()
                .map(|(name, value)| (name, json!(value)))
                .collect(),
        };
        let before = known.map(|known| known.correlation.as_str());
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.arm.deploy(&plan.group, &part.name, &asked).await {
                Ok(started) => return Ok(Sent::Taken(started.operation)),
                Err(failure) => failure,
            };
            let lost = failure.may_have_acted();
            if lost || failure.is(StatusCode::CONFLICT) {
                let now = self.arm.deployment(&plan.group, &part.name).await?;
                let own = now.as_ref().filter(|now| plan.is_own(now));
                let is_new = |now: &&Deployment| Some(now.correlation.as_str()) != before;
                if own.is_some_and(|own| own.state == State::Going)
                    || (lost && own.as_ref().is_some_and(is_new))
                {
                    return Ok(Sent::GoesOn);
                }
            }
            if !lost || tries >= MOST_TRIES {
                return Err(not_taken(part, failure));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// A token of the pool that is valid for two hours at least.
    async fn token(&self) -> Result<Secret, NotRolledOut> {
        let pool = &self.request.pool;
        if let Some(token) = self.lasting_token().await? {
            return Ok(token);
        }
        self.emit(Event::Changed);
        match self
            .arm
            .renew_registration(pool, self.now() + NEW_LIFE)
            .await
        {
            Ok(()) => {}
            // The read below shows whether Azure made the token.
            Err(failure) if failure.may_have_acted() => {
                if self.lasting_token().await?.is_none() {
                    self.arm
                        .renew_registration(pool, self.now() + NEW_LIFE)
                        .await?;
                }
            }
            Err(failure) => return Err(failure.into()),
        }
        self.lasting_token().await?.ok_or_else(|| {
            let text = format!(
                "Creating a registration token for host pool '{}' failed: Azure shows none that is valid for two hours",
                pool.name()
            );
            let hint = "run the step again; nothing was deployed by this request".to_owned();
            Refused::new(codes::NOT_DEPLOYED, text, Some(hint)).into()
        })
    }

    async fn lasting_token(&self) -> Result<Option<Secret>, NotRolledOut> {
        let found = self.arm.registration(&self.request.pool).await?;
        let enough = self.now() + SHORTEST_LIFE;
        let lasts =
            |until: Option<time::OffsetDateTime>| until.is_some_and(|until| until >= enough);
        Ok(found.filter(|it| lasts(it.until)).map(|it| it.token))
    }

    /// The author's parameters, and those that the task fills in, by the names of the template.
    fn parameters(&self, plan: &Plan, part: &Part, token: &Secret) -> Map<String, Value> {
        let mut all = self.request.parameters.values.clone();
        let template = self.request.template.as_ref();
        let mut put = |name: &str, value: Value| {
            let declared = template.and_then(|template| template.parameter(name));
            if let Some(declared) = declared {
                all.insert(declared.name.clone(), json!({"value": value}));
            }
        };
        put("imageVersionId", json!(self.request.image.to_string()));
        put("hostPoolName", json!(self.request.pool.name()));
        put("registrationToken", json!(token.reveal()));
        put("namePrefix", json!(plan.prefix));
        put("count", json!(part.span.count));
        put("firstIndex", json!(part.span.first));
        all
    }
}

/// The error if Azure refused the deployment. A missing permission and a network error keep their own texts.
fn not_taken(part: &Part, failure: Failure) -> NotRolledOut {
    let Some(refusal) = failure.refusal() else {
        return failure.into();
    };
    if [StatusCode::FORBIDDEN, StatusCode::UNAUTHORIZED].contains(&refusal.status) {
        return failure.into();
    }
    let text = format!(
        "Deploying session hosts failed: deployment '{}': {refusal}",
        part.name
    );
    let hint = "correct the template or its parameters, and run the step again; this deployment created no host, and the old ones are unchanged".to_owned();
    Refused::new(codes::NOT_DEPLOYED, text, Some(hint)).into()
}
