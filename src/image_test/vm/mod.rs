//! The engine `vm`: a VM of the step's own boots the image, and run commands are the checks.
//!
//! Everything is noted before it exists, and deleted afterwards: VM, network interface, disks, package, outputs.

mod body;
mod boot;
mod check;
mod creation;
mod diagnostics;
pub mod event;
mod output;
mod script_end;
mod subnet;
mod vm_test;

use std::time::Duration;

use tokio::time::Instant;

use super::codes::{CHECK_FAILED, NOT_BOOTED};
use super::image::TestedImage;
use super::look_up::replica_in;
use super::not_tested::NotTested;
use super::step::TestStep;
use super::verdict::{BOOT, Ended, Failed, Test, Tested, Verdict, hint};
use crate::arm::machine_part::Part;
use crate::check::STEPS;
use crate::error::Error;
use crate::inputs::Owner;
use crate::inputs::image_test::{Check, TestVm};
use crate::inputs::manifest::{BOOT_TIMEOUT_IN_MINUTES, PROVISIONER, VM_SIZE};
use crate::inputs::plan::Provisioner;
use crate::log::{SingleTests, TestState};
use crate::resource::ResourceGroupId;
use crate::resource::tag::KEEP;
use crate::run::clean_up::{Budget, clean_up};
use crate::run::leftover::{KeepReason, Leftover, NotRemoved, Ownership};
use crate::run::leftovers::Leftovers;
use crate::run::package::PackageUpload;
use crate::run::{NOT_REMOVED_YET, test_machines};
use crate::storage::{self, StorageAccount};
use boot::Boot;
use event::Event;
use output::{CUT, PARTIAL};
pub(super) use subnet::check_region;
use vm_test::{Location, SentPackage, VmTest};

/// A link to the package outlives the boot of the VM by this.
const LINK_MARGIN: Duration = Duration::from_secs(2 * 3600);

/// Boots the image in a VM, and runs the checks.
pub(super) async fn test(
    step: &TestStep<'_>,
    vm: &TestVm,
    image: &TestedImage,
    earlier: Vec<(Leftover, Ownership)>,
) -> Ended {
    let owner = Owner::from(step.test);
    let vm_test = VmTest {
        step,
        vm,
        image,
        owner: &owner,
    };
    let mut leftovers = Leftovers::none(step.events);
    let mut earlier = Leftovers::registered(step.events, earlier);
    let mut not_removed = Vec::new();
    let result = tokio::select! {
        biased;
        () = step.stop.cancelled() => Err(Error::Canceled.into()),
        result = Box::pin(vm_test.carry_out(&mut leftovers, &mut earlier, &mut not_removed)) => result,
    };
    not_removed.extend(vm_test.conclude(&result, leftovers).await);
    // What could not be deleted is in `not_removed` already.
    let untouched = earlier.all_not_removed(NOT_REMOVED_YET).into_iter();
    let untouched =
        untouched.filter(|one| !not_removed.iter().any(|it| it.leftover == one.leftover));
    let untouched: Vec<_> = untouched.collect();
    not_removed.extend(untouched);
    Ended {
        result,
        not_removed,
    }
}

/// The script is for the system of the image: a shell that is not there would decide the verdict.
pub(super) fn check_shell(vm: &TestVm, image: &TestedImage) -> Result<(), NotTested> {
    let Some(os) = image.os.as_deref() else {
        return Ok(());
    };
    let windows = os.eq_ignore_ascii_case("Windows");
    let fits = |check: &Check| (check.provisioner == Provisioner::PowerShell) == windows;
    let Some(wrong) = vm.checks.iter().find(|check| !fits(check)) else {
        return Ok(());
    };
    let (shell, system) = if windows {
        ("powershell", "Linux")
    } else {
        ("shell", "Windows")
    };
    let text = format!(
        "Testing {} failed: script '{}' is for {system}, but the image is {os}",
        image.display_name(),
        wrong.name
    );
    let hint = format!(
        "set input '{}' to '{shell}' and use a script for {os}; in a template file, use a validator of that type",
        PROVISIONER.name
    );
    Err(NotTested::refused(STEPS, text, hint))
}

impl<'a> VmTest<'a> {
    async fn carry_out(
        &self,
        leftovers: &mut Leftovers<'_>,
        earlier: &mut Leftovers<'_>,
        not_removed: &mut Vec<NotRemoved>,
    ) -> Result<Tested, NotTested> {
        // Whatever comes of this attempt.
        self.remove_earlier(earlier, not_removed).await;
        check_shell(self.vm, self.image)?;
        let region = self.region().await?;
        replica_in(self.step, self.image, &region).await?;
        let account = self.account().await?;
        let package = self.send_package(account.as_ref(), leftovers).await?;
        let start = Instant::now();
        let started = self.create(&region, leftovers).await?;
        self.tell(Event::Asked);
        let took = match self.boot(&started, start).await? {
            Boot::Ready(took) => took,
            Boot::Failed(why) => return Ok(self.not_booted(&why).await),
        };
        self.tell(Event::Ready { elapsed: took });
        let boot = Test::new(BOOT, TestState::Passed).after(Some(took));
        let location = Location {
            region: &region,
            account: account.as_ref(),
        };
        self.run_checks(boot, location, package, leftovers).await
    }

    /// The account that the package and the outputs go to.
    async fn account(&self) -> Result<Option<StorageAccount>, Error> {
        let package = self.vm.package.as_ref();
        let package = package.map(|package| &package.storage_account);
        let Some(name) = self.vm.storage_account.as_ref().or(package) else {
            return Ok(None);
        };
        let subscription = &self.step.test.connection.subscription;
        let group = ResourceGroupId::new(subscription, self.vm.group.name());
        let found = storage::find_account(self.step.arm, &group, name).await;
        Ok(Some(found?))
    }

    /// Deletes what an attempt in the same job noted, and what an earlier attempt at the step left in Azure. What stays does not stop
    /// the test: it is reported at the end.
    async fn remove_earlier(&self, earlier: &mut Leftovers<'_>, not_removed: &mut Vec<NotRemoved>) {
        let TestStep {
            arm, events, test, ..
        } = *self.step;
        if !earlier.all().is_empty() {
            let budget = Budget::AFTER_CANCEL;
            not_removed.extend(clean_up(arm, self.owner, earlier, budget).await);
        }
        if !test.second_attempt {
            return;
        }
        match test_machines::of_step(arm, &self.vm.group, &test.origin).await {
            Ok(found) if found.is_empty() => {}
            Ok(found) => {
                let count = found.len();
                let mut found = Leftovers::registered(events, found);
                let budget = Budget::AFTER_CANCEL;
                not_removed.extend(clean_up(arm, self.owner, &mut found, budget).await);
                self.tell(Event::EarlierRemoved { count });
            }
            Err(failure) => self.tell(Event::EarlierUnknown {
                reason: failure.to_string(),
            }),
        }
    }

    async fn send_package(
        &self,
        account: Option<&StorageAccount>,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Option<SentPackage<'a>>, Error> {
        let (Some(package), Some(account)) = (&self.vm.package, account) else {
            return Ok(None);
        };
        let sending = PackageUpload {
            origin: &self.step.test.origin,
            second_attempt: self.step.test.second_attempt,
            subscription: &self.step.test.connection.subscription,
            package,
            arm: self.step.arm,
            account,
            events: self.step.events,
        };
        let life = self.vm.boot_limit + LINK_MARGIN;
        let (link, sha256) = sending.upload_for_link(life, leftovers).await?;
        Ok(Some(SentPackage {
            package,
            link,
            sha256,
        }))
    }

    /// The verdict on an image that did not come up, with what the VM shows of it.
    async fn not_booted(&self, why: &str) -> Tested {
        let shown = diagnostics::fetch(self.step, &self.machine()).await;
        let lines = shown.lines.clone();
        let mut tests = vec![Test {
            text: why.to_owned(),
            lines: lines.clone(),
            ..Test::new(BOOT, TestState::Failed)
        }];
        tests.extend(self.skipped(0));
        let attached = match (shown.screen, shown.serial) {
            (true, true) => {
                "the boot screenshot and the serial log are attached to the logs of this run; "
            }
            (true, false) => "the boot screenshot is attached to the logs of this run; ",
            (false, true) => "the serial log is attached to the logs of this run; ",
            (false, false) => "",
        };
        let hint = format!(
            "{attached}a larger size in input '{}' or more time in input '{}' helps an image that is only slow",
            VM_SIZE.name, BOOT_TIMEOUT_IN_MINUTES.name
        );
        let verdict = Verdict::Failed(Failed {
            code: NOT_BOOTED,
            text: format!("the image did not boot: {why}"),
            hint: Some(hint),
            lines,
        });
        Tested::of(tests, &SingleTests::default(), verdict)
    }

    /// The checks from this one on, which were not run.
    fn skipped(&self, from: usize) -> impl Iterator<Item = Test> {
        let checks = self.vm.checks.iter().skip(from);
        checks.map(|check| Test::new(&check.name, TestState::Skipped))
    }

    /// Runs the checks, one after the other; after one that fails none is run.
    async fn run_checks(
        &self,
        boot: Test,
        location: Location<'_>,
        package: Option<SentPackage<'a>>,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Tested, NotTested> {
        let (mut tests, mut single) = (vec![boot], SingleTests::default());
        let (mut verdict, mut is_cut, mut is_partial) = (Verdict::Passed, false, false);
        let mut package = package;
        for index in 0..self.vm.checks.len() {
            let sent = package.take();
            let ran = self.check(index, location, sent.as_ref(), leftovers, &mut single);
            let ran = ran.await?;
            is_cut |= ran.is_cut;
            is_partial |= ran.is_partial;
            let failed = ran.failed;
            tests.push(ran.test);
            if let Some(why) = failed {
                let last = tests.last();
                let lines = last.map(|test| test.lines.clone()).unwrap_or_default();
                verdict = Verdict::Failed(Failed {
                    code: CHECK_FAILED,
                    text: why,
                    hint: Some(hint(&lines)),
                    lines,
                });
                tests.extend(self.skipped(index + 1));
                break;
            }
        }
        let mut tested = Tested::of(tests, &single, verdict);
        if is_cut && location.account.is_none() {
            self.tell(Event::OutputCut);
        }
        let known = match (is_partial, is_cut) {
            (true, _) => Some(PARTIAL),
            (false, true) => Some(CUT),
            (false, false) => None,
        };
        if let Some(known) = known {
            tested.remark = Some(match tested.remark {
                None => known.to_owned(),
                Some(remark) => format!("{known}; {remark}"),
            });
        }
        Ok(tested)
    }

    /// Deletes everything, except a VM that is kept because the test failed. After a cancel there are only seconds: the post-job step deletes what
    /// is noted.
    async fn conclude(
        &self,
        result: &Result<Tested, NotTested>,
        mut leftovers: Leftovers<'_>,
    ) -> Vec<NotRemoved> {
        let TestStep { arm, stop, .. } = *self.step;
        if result.as_ref().is_err_and(NotTested::is_cancel) {
            return leftovers.all_not_removed(NOT_REMOVED_YET);
        }
        let failed = result.as_ref().is_ok_and(|tested| !tested.passed());
        if failed && self.vm.keep_on_failure {
            self.keep(&mut leftovers).await;
        }
        if !leftovers.all().is_empty() {
            self.tell(Event::CleaningUp);
        }
        tokio::select! {
            biased;
            () = stop.cancelled() => leftovers.all_not_removed(NOT_REMOVED_YET),
            not_removed = clean_up(arm, self.owner, &mut leftovers, Budget::AFTER_BUILD) => not_removed,
        }
    }

    /// The VM stays with all that it has. A tag says so to `sweep` and to a second attempt.
    async fn keep(&self, leftovers: &mut Leftovers<'_>) {
        let arm = self.step.arm;
        let machine = self.machine();
        let known = leftovers.all();
        let of_vm: Vec<_> = known
            .into_iter()
            .filter(|it| it.as_part().is_some())
            .collect();
        let vm = Leftover::part(Part::Vm, &machine);
        if !of_vm.contains(&vm) {
            return;
        }
        let marked = match arm.machine(&machine).await {
            Ok(Some(found)) if found.tag(KEEP).is_none() => {
                let mut tags = found.tags;
                tags.insert(KEEP.to_owned(), "true".to_owned());
                arm.set_tags(Part::Vm, &machine, &tags).await
            }
            Ok(_) => Ok(()),
            Err(failure) => Err(failure),
        };
        if let Err(failure) = marked {
            self.step
                .events
                .emit(crate::run::event::Event::KeepTagNotWritten {
                    what: format!("VM '{}'", machine.name()),
                    reason: failure.to_string(),
                });
        }
        for leftover in of_vm {
            leftovers.keep(&leftover, KeepReason::Asked);
        }
        let kept = NotRemoved::of(vm.clone(), Ownership::Ours, "");
        self.tell(Event::Kept {
            what: vm.describe(),
            command: kept.command().unwrap_or_default(),
        });
    }
}
