//! The main job, end to end: `cargo demo`.
//!
//! Starts the emulated cloud, sets the environment as an agent does for the seed scenario, runs the task through its launcher, and prints the
//! job's log as the run page shows it, then what exists in the cloud. Ends with code 1 when that is not one replicated image version alone.

#[path = "../common/pipeline.rs"]
mod pipeline;
#[path = "../common/seed.rs"]
mod seed;

use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use pipeline::{Pipeline, quick};
use pipelines_agent::{Job, JobRun, TaskResult};

fn main() -> ExitCode {
    let pipeline = Pipeline::seed(quick());
    let (sender, lines) = mpsc::channel();
    let live = thread::spawn(move || lines.iter().for_each(|line: String| println!("{line}")));
    let agent = pipeline.agent.clone().live_log(sender);
    let cloud = &pipeline.server.cloud;
    let start = Instant::now();
    let job = Job::new(&agent, &pipeline.task, pipeline.step.clone()).run();
    drop(agent);
    live.join().unwrap();
    let job = job.unwrap();
    println!(
        "\nThe job took {:.1} s, {} requests to the cloud.",
        start.elapsed().as_secs_f64(),
        cloud.journal().len()
    );
    println!("\nVariables for later steps:");
    for (name, value) in &job.main.output_variables {
        println!("  $({name}) = {value}");
    }
    println!(
        "\nWhat exists in the emulated cloud now:\n{}",
        cloud.inventory()
    );
    match verdict(&job, cloud) {
        Ok(()) => {
            println!(
                "Next: 'cargo emulator' keeps the emulated cloud running for you; with Azure, see docs/getting-started.md."
            );
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("THE DEMO FAILED: {reason}");
            ExitCode::FAILURE
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
