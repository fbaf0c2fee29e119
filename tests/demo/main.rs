//! The main job, end to end: `cargo demo`.
//!
//! Starts the emulated cloud, sets the environment as an agent does for the seed scenario, runs the task through its launcher, and prints the
//! job's log as the run page shows it, then what exists in the cloud. Ends with code 1 when that is not one replicated image version alone.

#[path = "../common/pipeline.rs"]
#[expect(dead_code, reason = "the tests have other ways in")]
mod pipeline;
#[path = "../common/seed.rs"]
mod seed;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::{Instant, SystemTime};

use azure_emulator::{Clock, Progress, StagingAccess, Switches};
use pipeline::{Pipeline, quick};
use pipelines_agent::{Job, JobRun, TaskResult};

/// How much faster than the machine's the clock of the cloud runs: a build that takes 25 minutes is over in 5 s.
const SPEED: u32 = 300;

fn main() -> ExitCode {
    let (start, began) = (Instant::now(), SystemTime::now());
    // Every phase lasts as long as in Azure, by this clock.
    let clock = Clock::Given(Arc::new(move || (began + start.elapsed() * SPEED).into()));
    let switches = Switches {
        progress: Progress::ByClock(Box::default()),
        // The service connection reads the build's log by a role.
        staging_access: StagingAccess::Role,
        ..quick()
    };
    let pipeline = Pipeline::seed_by(clock, switches, |_| {});
    let (sender, lines) = mpsc::channel();
    let live = thread::spawn(move || show(&lines));
    let agent = pipeline.agent.clone().live_log(sender);
    let cloud = &pipeline.server.cloud;
    let job = Job::new(&agent, &pipeline.task, pipeline.step.clone()).run();
    drop(agent);
    live.join().unwrap();
    let job = job.unwrap();
    let journal = cloud.journal();
    let (first, last) = (journal.first(), journal.last());
    let minutes = first
        .zip(last)
        .map_or(0, |(first, last)| (last.time - first.time).whole_minutes());
    println!(
        "\nThe job took {:.0} s and sent {} requests. The clock of the emulated cloud runs {SPEED} times as fast as yours, so there it took {minutes} min, \
         as such a build takes in Azure.",
        start.elapsed().as_secs_f64(),
        journal.len()
    );
    println!("\nVariables for later steps:");
    for (name, value) in &job.main.output_variables {
        if !value.is_empty() {
            println!("  $({name}) = {value}");
        }
    }
    println!(
        "\nWhat exists in the emulated cloud now:\n{}",
        cloud.inventory()
    );
    match verdict(&job, cloud) {
        Ok(()) => {
            println!("Next:");
            println!(
                "  cargo emulator             the emulated cloud keeps running for you (docs/emulator.md)"
            );
            println!("  docs/getting-started.md    your first image in Azure");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("THE DEMO FAILED: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// Prints the log as it comes, but for stages that have nothing to say.
fn show(lines: &mpsc::Receiver<String>) {
    let mut held = Vec::new();
    for line in lines {
        let (starts, ends) = (
            line.starts_with("##[section]Starting: "),
            line.starts_with("##[section]Finishing: "),
        );
        if starts || !held.is_empty() {
            held.push(line);
            // Two rules enclose what the agent says of the task.
            let head = held.iter().filter(|it| it.starts_with("=====")).count() < 2;
            if head || held.last().is_some_and(|it| it.starts_with("=====")) {
                continue;
            }
            let held = std::mem::take(&mut held);
            if !ends {
                held.iter().for_each(|line| println!("{line}"));
            }
        } else {
            println!("{line}");
        }
    }
}

fn verdict(job: &JobRun, cloud: &azure_emulator::Cloud) -> Result<(), String> {
    let inventory = cloud.inventory();
    let violations: Vec<_> = job
        .main
        .violations
        .iter()
        .chain(job.post.iter().flat_map(|post| &post.violations))
        .collect();
    let check = |holds: bool, what: String| if holds { Ok(()) } else { Err(what) };
    check(
        job.result == TaskResult::Succeeded,
        format!("the job's result is {:?}", job.result),
    )?;
    check(
        violations.is_empty(),
        format!("the task broke the agent's rules: {violations:?}"),
    )?;
    let regions = inventory
        .image_versions
        .first()
        .map_or(0, |(.., regions)| regions.len());
    check(regions == 2, format!("the version is in {regions} regions"))?;
    check(
        inventory.image_versions.len() == 1,
        format!("{} image versions", inventory.image_versions.len()),
    )?;
    check(
        inventory.templates.is_empty() && inventory.blobs.is_empty(),
        "something was left behind".to_owned(),
    )
}
