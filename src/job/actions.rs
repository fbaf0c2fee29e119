//! The actions, one function each: call the module that does the work in Azure, and report what came of it.
//!
//! The doctor's check ([`super::doctor`]) and the rendered template ([`super::render`]) have files of their own.

use super::clean_up::{self, Noted};
use super::step::Step;
use crate::arm::Arm;
use crate::error::Error;
use crate::inputs::{
    Diff, Existing, Fleet, Follow, ImageTest, Owner, Plan, Release, Retain, Rollout, Sweep,
};
use crate::inventory::{self, Account, Compared, Library, NotCompared, Now};
use crate::report::{
    self, DiffReporter, FleetReporter, Lines, ReleaseReporter, Reporter, RetainReporter,
    RolloutReporter, Subject, TestReporter,
};
use crate::run::find::TemplateRef;
use crate::run::{self, Workplace};
use crate::{fleet, image_test, release, retain, rollout};

/// `build`, and `submit`, which ends as soon as the run has begun.
pub(super) async fn build(step: &Step<'_>, plan: &Plan) {
    // `retryCountOnTaskFailure` starts the step again in the same job.
    let noted = Noted::new(clean_up::of_earlier_attempt(step.agent), &Owner::from(plan));
    let reporter = Reporter::new(step.agent, noted.all());
    reporter.announce(plan);
    let folder = step.folder();
    let outcome = match step.connect(&plan.connection).await {
        Ok(arm) => {
            let (earlier, not_ours) = noted.apart();
            let workplace = Workplace {
                arm: &arm,
                folder: &folder,
                events: &reporter,
            };
            let stopping = step.stopping();
            let building = run::build_image(plan, step.job(), workplace, stopping, earlier);
            let built = step.until_ended_at_once(Box::pin(building)).await;
            built.map_or_else(
                || reporter.abandoned(),
                |mut outcome| {
                    outcome.not_removed.extend(not_ours);
                    outcome
                },
            )
        }
        Err(error) => run::Outcome::failed(error),
    };
    reporter.finish(&Subject::from(plan), &outcome, &folder);
}

/// `wait`, and `run`, which starts the run first.
pub(super) async fn wait(step: &Step<'_>, follow: &Follow) {
    let reporter = Reporter::new(step.agent, Vec::new());
    reporter.announce_wait(follow);
    let folder = step.folder();
    let outcome = match step.connect(&follow.connection).await {
        Ok(arm) => {
            let workplace = Workplace {
                arm: &arm,
                folder: &folder,
                events: &reporter,
            };
            let waiting = run::wait_for_image(follow, workplace, step.stopping());
            let ended = step.until_ended_at_once(Box::pin(waiting)).await;
            ended.unwrap_or_else(|| reporter.abandoned())
        }
        Err(error) => run::Outcome::failed(error),
    };
    reporter.finish(&Subject::from(follow), &outcome, &folder);
}

/// `status`: the state of a run, now.
pub(super) async fn status(step: &Step<'_>, request: &Existing) {
    let console = step.console();
    report::report_warnings(console, &request.warnings);
    let looking = async {
        let arm = step.arm(&request.connection).await?;
        let template = TemplateRef::new(request.template_name.as_deref(), &request.origin.run);
        run::status::read_status(&arm, &request.group, template).await
    };
    let result = step.until_stopped(Box::pin(looking)).await;
    report::report_status(console, request, &result, &step.folder());
}

/// `cancel`: cancels a run, and removes its template and package.
///
/// Nothing is written into the note for the post-job stage: what this step leaves because it was stopped is there for another `cancel`.
pub(super) async fn cancel(step: &Step<'_>, request: &Existing) {
    let console = step.console();
    report::report_warnings(console, &request.warnings);
    let lines = Lines::new(console);
    let canceling = async {
        let arm = step.arm(&request.connection).await?;
        let template = TemplateRef::new(request.template_name.as_deref(), &request.origin.run);
        let asked = run::cancel::Request {
            group: &request.group,
            template,
            keep: request.keep,
            preview: request.preview,
        };
        run::cancel::cancel(&arm, asked, &lines).await
    };
    let result = step.until_stopped(Box::pin(canceling)).await;
    report::report_cancel(console, request, &result, &step.folder());
}

/// `sweep`: deletes what lost jobs left.
pub(super) async fn sweep(step: &Step<'_>, request: &Sweep) {
    let console = step.console();
    report::report_warnings(console, &request.warnings);
    let lines = Lines::new(console);
    let mut swept = run::sweep::Swept::default();
    let sweeping = async {
        let arm = step.arm(&request.connection).await?;
        let asked = run::sweep::Request {
            group: &request.group,
            older_than: request.older_than,
            account: request.storage_account.as_deref(),
            preview: request.preview,
        };
        run::sweep::sweep(&arm, asked, &lines, &mut swept).await
    };
    let result = step.until_stopped(Box::pin(sweeping)).await;
    let error = result.as_ref().err();
    report::report_sweep(console, request, (&swept, error), &step.folder());
}

/// `promote` and `withdraw`. What was asked for goes on in Azure when the step is stopped; nothing has to be removed.
pub(super) async fn release(step: &Step<'_>, request: &Release) {
    let reporter = ReleaseReporter::new(step.console(), request);
    let releasing = async {
        let arm = step.arm(&request.connection).await?;
        let released = release::release(request, &arm, &reporter).await;
        released.map_err(Error::from)
    };
    let result = step.until_stopped(Box::pin(releasing)).await;
    reporter.finish(&result, &step.folder());
}

/// `retain`: deletes the versions of an image definition that need not stay, excludes them from latest, or sets their end of life.
pub(super) async fn retain(step: &Step<'_>, request: &Retain) {
    let reporter = RetainReporter::new(step.agent, request);
    let mut outcome = retain::Outcome::default();
    match step.connect(&request.connection).await {
        Ok(arm) => {
            let stopping = step.stopping();
            let retaining = retain::retain(request, &arm, &reporter, stopping, &mut outcome);
            if step.until_ended_at_once(retaining).await.is_none() {
                outcome.abandon();
            }
        }
        Err(error) => outcome.error = Some(error),
    }
    reporter.finish(&outcome, &step.folder());
}

/// `test`: boots an image, and runs checks in it.
pub(super) async fn test(step: &Step<'_>, request: &ImageTest) {
    // `retryCountOnTaskFailure` starts the step again in the same job.
    let noted = clean_up::of_earlier_attempt(step.agent);
    let noted = Noted::new(noted, &Owner::from(request));
    let reporter = TestReporter::new(step.agent, request, noted.all());
    let folder = step.folder();
    let outcome = match step.connect(&request.connection).await {
        Ok(arm) => {
            let (earlier, not_ours) = noted.apart();
            let own = image_test::TestStep {
                test: request,
                arm: &arm,
                folder: &folder,
                job: step.job(),
                events: &reporter,
                stop: step.stopping(),
            };
            let testing = image_test::test(&own, earlier);
            let tested = step.until_ended_at_once(Box::pin(testing)).await;
            tested.map_or_else(
                || reporter.abandoned(),
                |mut outcome| {
                    outcome.not_removed.extend(not_ours);
                    outcome
                },
            )
        }
        Err(error) => image_test::Outcome::failed(error),
    };
    reporter.finish(&outcome, &folder);
}

/// `diff`: what is different between two image versions.
pub(super) async fn diff(step: &Step<'_>, request: &Diff) {
    let reporter = DiffReporter::new(step.console(), request);
    let comparing = async {
        let arm = step.arm(&request.connection).await?;
        compare(&arm, request).await
    };
    let compared = step.until_stopped(Box::pin(comparing)).await;
    reporter.finish(&compared, &step.folder());
}

async fn compare(arm: &Arm, request: &Diff) -> Result<Compared, Error> {
    let account =
        Account::InSubscription(&request.storage_account, &request.connection.subscription);
    let library = Library::new(account, &request.contents.container);
    let image = Now {
        id: request.version.as_str(),
        inventory: None,
    };
    match inventory::compare(arm, &request.contents, Some(&library), image).await {
        Ok(comparison) => Ok(Compared::With(Box::new(comparison))),
        Err(NotCompared::Nothing(why)) => Ok(Compared::Nothing {
            why,
            gates: request.contents.gates(),
        }),
        Err(failed) => Err(Error::not_compared(&request.version, failed)),
    }
}

/// `rollout`: makes a host pool serve an image.
pub(super) async fn rollout(step: &Step<'_>, request: &Rollout) {
    let reporter = RolloutReporter::new(step.console(), request);
    let result = match step.connect(&request.connection).await {
        Ok(arm) => {
            let rolling_out = rollout::roll_out(request, &arm, &reporter, step.stopping());
            let ended = step.until_ended_at_once(Box::pin(rolling_out)).await;
            ended.map_or(Err(Error::Canceled), |ended| ended.map_err(Error::from))
        }
        Err(error) => Err(error),
    };
    reporter.finish(&result, &step.folder());
}

/// `report`: which machines run which version of an image.
pub(super) async fn report(step: &Step<'_>, request: &Fleet) {
    let reporter = FleetReporter::new(step.agent, request);
    let mut outcome = fleet::Outcome::default();
    match step.connect(&request.connection).await {
        Ok(arm) => fleet::report(request, &arm, &reporter, step.stopping(), &mut outcome).await,
        Err(error) => outcome.errors.push(error),
    }
    reporter.finish(&outcome, &step.folder());
}
