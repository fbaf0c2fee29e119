//! Running one check in the VM: a run command, followed to its end, and its output.

use std::time::Duration;

use http::StatusCode;
use tokio::time::{Instant, sleep};

use super::body::{Command, SCRIPT_SECONDS};
use super::command::{End, end_of, out_of_time};
use super::creation::{LOOK_AGAIN, READ_AFTER_WRITE, refused};
use super::event::Event;
use super::output::{Blobs, Output};
use super::{Sent, Trial};
use crate::arm::Failure;
use crate::arm::machine_part::CommandView;
use crate::arm::operation::Started;
use crate::arm::pace::Pace;
use crate::image_test::codes::NOT_RUN;
use crate::image_test::not_tested::NotTested;
use crate::image_test::verdict::Test;
use crate::inputs::image_test::Check;
use crate::log::{SingleTests, TestState};
use crate::run::event;
use crate::run::leftovers::Leftovers;
use crate::storage::StorageAccount;
use crate::template::script_in_vm;

/// The name of the first run command; the others are numbered.
const NAME: &str = "imageTest";
/// How often the log says that a check still goes on.
const HEARTBEAT: Duration = Duration::from_secs(120);
/// Azure ends a script after its own time; a VM that does not even tell that is not waited for longer.
const MARGIN: Duration = Duration::from_secs(15 * 60);
/// So long may looks fail.
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
}

impl Trial<'_> {
    /// Runs the check of this number. Its single tests go to `single`.
    pub(super) async fn check(
        &self,
        index: usize,
        (region, account): (&str, Option<&StorageAccount>),
        package: Option<&Sent<'_>>,
        leftovers: &mut Leftovers<'_>,
        single: &mut SingleTests,
    ) -> Result<Ran, NotTested> {
        let Some(check) = self.vm.checks.get(index) else {
            let text = format!("{} failed: there is no such check", self.doing());
            return Err(NotTested::refused(NOT_RUN, text, None));
        };
        let test = self.lab.test;
        let number = test.number + u128::try_from(index).unwrap_or_default();
        let blobs = match account {
            Some(account) => {
                let whose = (&test.origin, number);
                Some(Blobs::prepare(self.lab.arm, account, whose, leftovers).await?)
            }
            None => None,
        };
        let archive = package.map(|(package, _, sha256)| (*package, sha256.as_str()));
        let script = script_in_vm(check.provisioner, &check.lines, archive);
        let command = Command {
            location: region,
            script: &script,
            package: package.map(|(_, link, _)| link),
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
            End::Canceled => return Err(self.not_run(check, "somebody canceled it in Azure")),
        };
        Ok(ran(check, why, output, took))
    }

    async fn start(&self, name: &str, command: &Command<'_>) -> Result<Started, NotTested> {
        let (arm, machine, wanted) = (self.lab.arm, self.machine(), command.body());
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match arm.run_command(&machine, name, &wanted).await {
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
            match self.lab.arm.command_view(&self.machine(), name).await {
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
    ) -> Result<(End, CommandView), NotTested> {
        let machine = self.machine();
        let mut pace = Pace::new(started.pause);
        let (mut spoken, mut news) = (start, start);
        let limit = Duration::from_secs(SCRIPT_SECONDS) + MARGIN;
        let mut last = CommandView::default();
        loop {
            sleep(pace.pause()).await;
            match self.lab.arm.command_view(&machine, name).await {
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
                    End::NotRun("the guest agent has not taken it".to_owned())
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

    /// Prints the output: the whole of it, or the end that Azure tells.
    async fn output(
        &self,
        check: &Check,
        blobs: Option<&Blobs>,
        view: &CommandView,
        elapsed: Duration,
        single: &mut SingleTests,
    ) -> Output {
        let events = self.lab.events;
        events.emit(event::Event::StepStarted {
            name: check.name.clone(),
        });
        let mut tell = |line: &str| events.emit(event::Event::BuildOutput(line.to_owned()));
        let whole = match blobs {
            Some(blobs) => blobs.read(single, &mut tell).await,
            None => None,
        };
        let is_unread = whole.is_none() && blobs.is_some();
        let output =
            whole.unwrap_or_else(|| Output::told([&view.output, &view.error], single, &mut tell));
        // What follows a step that failed is Packer's clean-up, and there is no Packer here.
        let failed = false;
        events.emit(event::Event::StepEnded { elapsed, failed });
        if is_unread {
            self.tell(Event::OutputUnread);
        }
        output
    }

    /// The script says nothing of the image.
    fn not_run(&self, check: &Check, why: &str) -> NotTested {
        let text = format!(
            "{} failed: check '{}' was not run in VM '{}': {why}",
            self.doing(),
            check.name,
            self.name()
        );
        let hint = "the image was not judged; run the step again".to_owned();
        NotTested::refused(NOT_RUN, text, hint)
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

fn ran(check: &Check, why: Option<String>, output: Output, took: Duration) -> Ran {
    let is_cut = output.is_cut;
    let Some(why) = why else {
        let test = Test::new(&check.name, TestState::Passed).after(Some(took));
        return Ran {
            test,
            failed: None,
            is_cut,
        };
    };
    // What is wrong is the package, not what the author has written.
    let mut unpacking = output.last.iter().rev();
    let unpacking = unpacking.find_map(|line| line.split_once(UNPACKING));
    let (name, why) = match unpacking {
        Some((_, reason)) => ("package", format!("it could not be unpacked: {reason}")),
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
    }
}
