//! Runs: start, cancel, run outputs, and how a run passes through its states.

use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::operations::End;
use crate::arm::template::{Provisioning, RunOutput, RunStatus, Stage, Template, Work};
use crate::arm::{Arm, Asked, echo};
use crate::blob::BlobService;
use crate::ids::Purpose;
use crate::progress::{Progress, RunFate, SubState};
use crate::switches::{CanceledOperation, PartialOperation};

/// `lastRunStatus.startTime` is a little before the operation's, and has all nine digits (recorded: 0.1 to 0.6 s before).
const HEAD_START: Duration = Duration::nanoseconds(369_015_961);

impl Arm {
    pub(crate) fn run_template(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let template = self.template(asked)?;
        if template.provisioning != Provisioning::Succeeded || template.work.is_some() {
            return Err(self.not_allowed(template, "run/action"));
        }
        let (key, location) = (template.key(), template.location.clone());
        let (operation, headers) = self.start_operation(asked, &key, &location, true);
        self.begin_run(&key, operation, asked.now);
        Ok(Answer::new(202, Body::Empty).with_all(headers))
    }

    /// A run begins, asked for or by itself.
    pub(crate) fn begin_run(&mut self, key: &str, operation: String, now: OffsetDateTime) {
        let fate = self
            .fates
            .pop_front()
            .unwrap_or_else(|| self.switches.run.clone());
        let log = self.ids.of(Purpose::Log, key).guid();
        if let Some(template) = self.templates.get_mut(key) {
            let stages = stages(template, self.switches.source_validation_writes);
            let fate = own_fate(template).unwrap_or(fate);
            let mut work = Work::new(
                operation,
                stages.iter().map(|state| Stage::Run(*state)),
                now,
            );
            if let RunFate::NeverEnd { at } = &fate {
                work.stuck_at = stages
                    .iter()
                    .find(|state| *state >= at)
                    .or(stages.last())
                    .map(|state| Stage::Run(*state));
            }
            template.run_before = template.last_run.take();
            template.last_run = Some(RunStatus {
                start: now - HEAD_START,
                end: None,
                state: "Running",
                sub_state: Some(SubState::Queued),
                message: String::new(),
            });
            template.work = Some(work);
            template.run = Some(crate::arm::template::Run {
                fate,
                log,
                published: Vec::new(),
            });
            template.outputs.clear();
        }
    }

    pub(crate) fn cancel_template(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let template = self.template(asked)?;
        if template
            .last_run
            .as_ref()
            .is_none_or(|run| run.state != "Running")
        {
            return Err(self.not_allowed(template, "cancel/action"));
        }
        let key = template.key();
        let stuck_at = self.switches.cancel_never_ends.then_some(Stage::Canceling);
        if let Some(template) = self.templates.get_mut(&key)
            && let (Some(run), Some(work)) = (&mut template.last_run, &mut template.work)
        {
            (run.state, run.sub_state) = ("Canceling", None);
            "Canceling image build".clone_into(&mut run.message);
            *work = Work {
                stuck_at,
                ..Work::new(work.operation.clone(), [Stage::Canceling], asked.now)
            };
        }
        let mut answer = Answer::new(204, Body::None);
        answer.delay = self.switches.cancel_call;
        Ok(answer)
    }

    pub(crate) fn list_run_outputs(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let template = self.template(asked)?;
        let outputs: Vec<Value> = self
            .outputs_that_show(template, asked.now)
            .iter()
            .map(|output| echo::run_output(template, output))
            .collect();
        Ok(Answer::new(200, Body::Builder(json!({"value": outputs}))))
    }

    pub(crate) fn get_run_output(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let template = self.template(asked)?;
        let name = asked.path.get("output");
        let output = self
            .outputs_that_show(template, asked.now)
            .iter()
            .find(|output| output.name.eq_ignore_ascii_case(name))
            .ok_or_else(|| {
                let full_name = format!("{}/{name}", template.name);
                Refusal::not_found(
                    "Microsoft.VirtualMachineImages/imageTemplates/runOutputs",
                    &full_name,
                    &template.group,
                )
            })?;
        Ok(Answer::new(
            200,
            Body::Builder(echo::run_output(template, output)),
        ))
    }

    /// The outputs of the last run, once they can be read.
    fn outputs_that_show<'arm>(
        &self,
        template: &'arm Template,
        now: OffsetDateTime,
    ) -> &'arm [RunOutput] {
        let end = template.last_run.as_ref().and_then(|run| run.end);
        if end.is_some_and(|end| now < end + self.switches.run_outputs_after) {
            return &[];
        }
        &template.outputs
    }

    /// A state of a run has ended: the run fails, is done, or goes on to the next state.
    pub(crate) fn leave_sub_state(
        &mut self,
        key: &str,
        left: SubState,
        blobs: &mut BlobService,
        at: OffsetDateTime,
    ) {
        let Some(template) = self.templates.get(key) else {
            return;
        };
        let next = template
            .work
            .as_ref()
            .and_then(|work| work.stages.front())
            .and_then(|stage| match stage {
                Stage::Run(state) => Some(*state),
                _ => None,
            });
        let fate = template
            .run
            .as_ref()
            .map_or(RunFate::Succeed, |run| run.fate.clone());
        if let RunFate::Fail {
            at: place,
            code,
            message,
        } = &fate
            && left <= *place
            && next.is_none_or(|next| next > *place)
        {
            self.fail_run(key, left, code, message, blobs, at);
            return;
        }
        match next {
            Some(state) => {
                if state == SubState::Distributing {
                    self.write_log(key, None, blobs, at);
                    self.publish_versions(key, at);
                }
                if let Some(run) = self
                    .templates
                    .get_mut(key)
                    .and_then(|template| template.last_run.as_mut())
                {
                    run.sub_state = Some(state);
                }
            }
            None => self.complete_run(key, &fate, blobs, at),
        }
    }

    fn complete_run(
        &mut self,
        key: &str,
        fate: &RunFate,
        blobs: &mut BlobService,
        at: OffsetDateTime,
    ) {
        let (count, state, message) = match fate {
            RunFate::PartiallySucceed { outputs, message } => {
                (*outputs, "PartiallySucceeded", message.clone())
            }
            RunFate::EndAs { state, outputs } => (*outputs, *state, String::new()),
            _ => (usize::MAX, "Succeeded", String::new()),
        };
        let template = self.templates.get(key);
        let writes = self.switches.source_validation_writes
            || !template.is_some_and(Template::only_validates);
        if !writes {
            self.write_log(key, None, blobs, at);
        }
        self.distribute(key, if writes { count } else { 0 }, blobs, at);
        let fails = matches!(fate, RunFate::PartiallySucceed { .. })
            && self.switches.partial_operation == PartialOperation::Failed;
        let end = if fails {
            End::Failed {
                code: "InternalOperationError".to_owned(),
                message: message.clone(),
            }
        } else {
            End::Succeeded
        };
        self.finish_run(key, state, message, end, at);
    }

    fn fail_run(
        &mut self,
        key: &str,
        at_state: SubState,
        code: &str,
        message: &str,
        blobs: &mut BlobService,
        at: OffsetDateTime,
    ) {
        let message = self.fill_in(key, message);
        self.write_log(key, Some(&message), blobs, at);
        let distributes_anyway = self.templates.get(key).is_some_and(|template| {
            let flag = template
                .properties
                .get("validate")
                .and_then(|validate| validate.get("continueDistributeOnFailure"));
            at_state == SubState::Validating && flag == Some(&json!(true))
        });
        if distributes_anyway {
            self.publish_versions(key, at);
            self.distribute(key, usize::MAX, blobs, at);
        } else {
            self.distribute(key, 0, blobs, at);
        }
        let end = End::Failed {
            code: code.to_owned(),
            message: message.clone(),
        };
        self.finish_run(key, "Failed", message, end, at);
    }

    /// Canceling has ended.
    pub(crate) fn finish_canceling(
        &mut self,
        key: &str,
        blobs: &mut BlobService,
        at: OffsetDateTime,
    ) {
        self.distribute(key, 0, blobs, at);
        let message = "The build was canceled";
        let end = match self.switches.canceled_operation {
            CanceledOperation::Canceled => End::Canceled,
            CanceledOperation::Succeeded => End::Succeeded,
            CanceledOperation::Failed => End::Failed {
                code: "Canceled".to_owned(),
                message: message.to_owned(),
            },
        };
        self.finish_run(key, "Canceled", message.to_owned(), end, at);
    }

    fn finish_run(
        &mut self,
        key: &str,
        state: &'static str,
        message: String,
        end: End,
        at: OffsetDateTime,
    ) {
        let lag = match &self.switches.progress {
            Progress::ByClock(durations) => durations.closing,
            Progress::Immediate | Progress::AfterPolls(_) => std::time::Duration::ZERO,
        };
        let Some(template) = self.templates.get_mut(key) else {
            return;
        };
        if let Some(run) = &mut template.last_run {
            (run.state, run.sub_state, run.end, run.message) = (state, None, Some(at), message);
        }
        if let Some(work) = template.work.take()
            && let Some(operation) = self.operations.get_mut(&work.operation)
        {
            operation.close(at, lag, end);
        }
    }

    /// Puts the place of the log and the id of the operation into a message.
    fn fill_in(&self, key: &str, message: &str) -> String {
        let Some(template) = self.templates.get(key) else {
            return message.to_owned();
        };
        let operation = template
            .work
            .as_ref()
            .map(|work| work.operation.clone())
            .unwrap_or_default();
        message
            .replace("{log}", &template.log_path())
            .replace("{operation}", &operation)
    }
}

/// The states that a run of this template passes through.
fn stages(template: &Template, source_validation_writes: bool) -> Vec<SubState> {
    let optimize = template.properties.get("optimize");
    let optimizes = ["vmBoot", "workload"].iter().any(|part| {
        optimize
            .and_then(|optimize| optimize.get(part))
            .and_then(|part| part.get("state"))
            .and_then(Value::as_str)
            == Some("Enabled")
    });
    let validates = !template.validators().is_empty();
    // The image of the source boots, and is not customized.
    let builds = !template.only_validates();
    [
        (SubState::Queued, true),
        (SubState::Building, true),
        (SubState::Customizing, builds),
        (SubState::Optimizing, builds && optimizes),
        (SubState::Validating, validates),
        (SubState::Distributing, builds || source_validation_writes),
    ]
    .into_iter()
    .filter_map(|(state, passes)| passes.then_some(state))
    .collect()
}

/// A build time of 1 to 5 minutes makes each run fail at once.
fn own_fate(template: &Template) -> Option<RunFate> {
    let minutes = template
        .properties
        .get("buildTimeoutInMinutes")
        .and_then(Value::as_i64)?;
    (1..=5).contains(&minutes).then(|| RunFate::Fail {
        at: SubState::Queued,
        code: "InternalOperationError".to_owned(),
        message: "client_jwt will expire within 5 minutes".to_owned(),
    })
}
