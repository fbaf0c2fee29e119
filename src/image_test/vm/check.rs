//! Running one check in the VM: a run command, followed to its end, and its output.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::body::{Command, SCRIPT_SECONDS};
use super::event::Event;
use super::output::{Blobs, Output, Unread};
use super::script_end::{End, end_of, out_of_time};
use super::vm_test::{LOOK_AGAIN, Location, SentPackage, VmTest, refused};
use crate::arm::Failure;
use crate::arm::operation::Started;
use crate::arm::pace::{Pace, READ_AFTER_WRITE};
use crate::arm::run_command::RunCommand;
use crate::diagnosis::{FoundIn, of_text};
use crate::image_test::codes::NOT_RUN;
use crate::image_test::not_tested::NotTested;
use crate::image_test::verdict::Test;
use crate::inputs::image_test::Check;
use crate::log::{SingleTests, TestState};
use crate::run::event;
use crate::run::leftovers::Leftovers;
use crate::template::script_in_vm;

/// The name of the first run command; the others are numbered.
const NAME: &str = "imageTest";
/// How often the log says that a check still goes on.
const HEARTBEAT: Duration = Duration::from_secs(120);
/// Azure ends a script after its own time; if the VM does not report that, the task stops to wait after this.
const MARGIN: Duration = Duration::from_secs(15 * 60);
/// The run command may be unreadable for so long.
const LONGEST_SILENCE: Duration = Duration::from_secs(15 * 60);
/// How often a request is sent that Azure refuses because something goes on with the VM.
const BUSY_TRIES: u32 = 5;
/// What our own lines say that bring the package to its place.
const UNPACKING: &str = "Unpacking the package failed: ";

/// A check that has ended.
pub(super) struct Ran {
    pub(super) test: Test,
    /// Why the image has failed, if it has.
    pub(super) failed: Option<String>,
    /// Whether the beginning of the output is missing.
    pub(super) is_cut: bool,
    /// Whether its middle is missing.
    pub(super) is_partial: bool,
}

impl VmTest<'_> {
    /// Runs the check of this number. Its single tests go to `single`.
    pub(super) async fn check(
        &self,
        index: usize,
        location: Location<'_>,
        package: Option<&SentPackage<'_>>,
        leftovers: &mut Leftovers<'_>,
        single: &mut SingleTests,
    ) -> Result<Ran, NotTested> {
        let Some(check) = self.vm.checks.get(index) else {
            let text = format!("{} failed: there is no such check", self.doing());
            return Err(NotTested::refused(NOT_RUN, text, None));
        };
        let test = self.step.test;
        let number = test.number + u128::try_from(index).unwrap_or_default();
        let blobs = match location.account {
            Some(account) => {
                let whose = (&test.origin, number);
                Some(Blobs::prepare(self.step.arm, account, whose, leftovers).await?)
            }
            None => None,
        };
        let archive = package.map(|sent| (sent.package, sent.sha256.as_str()));
        let script = script_in_vm(check.provisioner, &check.lines, archive);
        let command = Command {
            location: location.region,
            script: &script,
            package: package.map(|sent| &sent.link),
            output: blobs.as_ref().map(|blobs| blobs.links.each_ref()),
        };
        let name = match index {
            0 => NAME.to_owned(),
            _ => format!("{NAME}{}", index + 1),
        };
        self.tell(Event::CheckStarted {
            name: check.name.clone(),
        });
        let start = Instant::now();
        let started = self.start(&name, &command).await?;
        let (end, view) = self.follow(&name, check, &started, start).await?;
        let took = start.elapsed();
        let output = self
            .output(check, blobs.as_ref(), &view, took, single)
            .await;
        let why = match end {
            End::Passed => None,
            End::Failed(why) => Some(why),
            End::NotRun(why) => return Err(self.not_run(check, &why)),
            End::Canceled => return Err(self.not_run(check, "someone canceled it in Azure")),
        };
        if why.is_some()
            && package.is_some()
            && let Some(reason) = unfetched(&output)
        {
            return Err(self.without_package(check, reason));
        }
        Ok(ran(check, why, output, took))
    }

    async fn start(&self, name: &str, command: &Command<'_>) -> Result<Started, NotTested> {
        let (arm, machine, wanted) = (self.step.arm, self.machine(), command.body());
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match arm.start_run_command(&machine, name, &wanted).await {
                Ok(started) => return Ok(started),
                Err(failure) => failure,
            };
            if failure.may_have_acted() {
                if self.is_there(name, &failure).await? {
                    return Ok(Started {
                        operation: None,
                        pause: None,
                    });
                }
                self.tell(Event::Again {
                    reason: failure.to_string(),
                });
            } else if !is_busy(&failure) {
                return Err(refused(failure));
            }
            if tries >= BUSY_TRIES {
                return Err(refused(failure));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    /// The answer got lost: whether there is such a run command.
    async fn is_there(&self, name: &str, failure: &Failure) -> Result<bool, NotTested> {
        let start = Instant::now();
        loop {
            match self.step.arm.run_command(&self.machine(), name).await {
                Ok(seen) if seen.value.is_some() => return Ok(true),
                Ok(_) if start.elapsed() >= READ_AFTER_WRITE => return Ok(false),
                Ok(_) => sleep(LOOK_AGAIN).await,
                Err(_) => return Err(refused(failure.clone())),
            }
        }
    }

    /// Looks at the run command until its script has ended.
    async fn follow(
        &self,
        name: &str,
        check: &Check,
        started: &Started,
        start: Instant,
    ) -> Result<(End, RunCommand), NotTested> {
        let machine = self.machine();
        let mut pace = Pace::new(started.pause);
        let (mut spoken, mut news) = (start, start);
        let limit = Duration::from_secs(SCRIPT_SECONDS) + MARGIN;
        let mut last = RunCommand::default();
        loop {
            sleep(pace.pause()).await;
            match self.step.arm.run_command(&machine, name).await {
                Ok(seen) => {
                    news = Instant::now();
                    if seen.pause.is_some() {
                        pace.asked(seen.pause);
                    }
                    match seen.value {
                        Some(view) => last = view,
                        None if start.elapsed() >= READ_AFTER_WRITE => {
                            return Err(self.not_run(check, "the run command is gone"));
                        }
                        None => {}
                    }
                    if let Some(end) = end_of(&last, &check.exit_codes) {
                        return Ok((end, last));
                    }
                }
                Err(failure) if failure.is_passing() && news.elapsed() < LONGEST_SILENCE => {}
                Err(failure) => return Err(failure.into()),
            }
            if start.elapsed() >= limit {
                // It began, and nobody says that it ended: it hangs, or the VM does.
                let end = if last.has_begun {
                    End::Failed(out_of_time())
                } else {
                    End::NotRun("the guest agent has not accepted it".to_owned())
                };
                return Ok((end, last));
            }
            if spoken.elapsed() >= HEARTBEAT {
                spoken = Instant::now();
                self.tell(Event::CheckRuns {
                    elapsed: start.elapsed(),
                });
            }
        }
    }

    /// Prints the output: all of it, or the end that the run command has.
    async fn output(
        &self,
        check: &Check,
        blobs: Option<&Blobs>,
        view: &RunCommand,
        elapsed: Duration,
        single: &mut SingleTests,
    ) -> Output {
        let events = self.step.events;
        events.emit(event::Event::StepStarted {
            name: check.name.clone(),
        });
        let mut tell = |line: &str| events.emit(event::Event::BuildOutput(line.to_owned()));
        let ends = [view.output.as_str(), view.error.as_str()];
        let (output, unread) = match blobs {
            Some(blobs) => blobs.read(ends, single, &mut tell).await,
            None => (Output::of_command(ends, single, &mut tell), None),
        };
        // What follows a step that failed is Packer's clean-up, and there is no Packer here.
        let failed = false;
        events.emit(event::Event::StepEnded { elapsed, failed });
        match unread {
            Some(Unread::Failed(failure)) => self.tell(Event::OutputUnread {
                reason: failure.to_string(),
            }),
            Some(Unread::TooLong) => self.tell(Event::OutputTooLong),
            None => {}
        }
        output
    }

    /// The VM did not get what the check needs.
    fn without_package(&self, check: &Check, reason: &str) -> NotTested {
        let why = format!("the package could not be fetched: {reason}");
        let hint = "the image was not judged; let the VM reach the storage account (its firewall, and the network security groups, routes and name servers of the subnet), then run the step again";
        NotTested::refused(NOT_RUN, self.was_not_run(check, &why), hint.to_owned())
    }

    /// The script says nothing of the image.
    fn not_run(&self, check: &Check, why: &str) -> NotTested {
        let hint = "the image was not judged; run the step again".to_owned();
        NotTested::refused(NOT_RUN, self.was_not_run(check, why), hint)
    }

    fn was_not_run(&self, check: &Check, why: &str) -> String {
        format!(
            "{} failed: check '{}' was not run in VM '{}': {why}",
            self.doing(),
            check.name,
            self.name()
        )
    }
}

/// The VM is at work on something else.
fn is_busy(failure: &Failure) -> bool {
    let passing = [
        "Conflict",
        "AttachDiskWhileBeingDetached",
        "OperationPreempted",
    ];
    failure.is(StatusCode::CONFLICT)
        && failure
            .refusal()
            .is_some_and(|refusal| passing.contains(&refusal.code.as_str()))
}

/// Why the package was not brought to its place, in the words of our own lines.
fn unpacking(output: &Output) -> Option<&str> {
    let mut lines = output.last.iter().rev();
    let found = lines.find_map(|line| line.split_once(UNPACKING));
    found.map(|(_, reason)| reason)
}

/// Why the VM did not get the package at all, or not as it was sent, if so.
fn unfetched(output: &Output) -> Option<&str> {
    let reason = unpacking(output)?;
    let known = of_text(&[FoundIn::Log], &format!("{UNPACKING}{reason}"))?;
    known.entry.unfetched.then_some(reason)
}

fn ran(check: &Check, why: Option<String>, output: Output, took: Duration) -> Ran {
    let (is_cut, is_partial) = (output.is_cut, output.is_partial);
    let Some(why) = why else {
        let test = Test::new(&check.name, TestState::Passed).after(Some(took));
        return Ran {
            test,
            failed: None,
            is_cut,
            is_partial,
        };
    };
    // What is wrong is the package, not what the author has written.
    let (name, why) = match unpacking(&output) {
        Some(reason) => ("package", format!("it could not be unpacked: {reason}")),
        None => (check.name.as_str(), why),
    };
    let test = Test::new(name, TestState::Failed).after(Some(took));
    Ran {
        failed: Some(format!("check '{name}' failed: {why}")),
        test: Test {
            text: why,
            lines: output.last,
            ..test
        },
        is_cut,
        is_partial,
    }
}
