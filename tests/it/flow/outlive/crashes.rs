//! A job that dies at any of its requests, and a second attempt on a fresh agent: one image, one run, and nothing left.

use azure_emulator::{Entry, Service};

use super::*;
use crate::flow::scene::Death;
use crate::golden::golden;

/// The kind of a request.
fn kind(entry: &Entry) -> String {
    let method = &entry.method;
    entry.operation.map_or_else(
        || match entry.service {
            Service::Blob => format!("{method} blob"),
            _ => format!("{method} {}", entry.path.rsplit('/').next().unwrap()),
        },
        str::to_owned,
    )
}

/// The requests at which a build may die: of each kind the first ones, some, and the last one.
fn moments(journal: &[Entry]) -> Vec<(usize, String)> {
    let kinds: Vec<_> = journal.iter().map(kind).collect();
    let moment = |(number, kind): (usize, &String)| {
        let before = kinds[..number].iter().filter(|it| *it == kind).count();
        let is_last = !kinds[number + 1..].contains(kind);
        (before < 3 || before.is_multiple_of(9) || is_last).then(|| (number, kind.clone()))
    };
    kinds.iter().enumerate().filter_map(moment).collect()
}

#[tokio::test(start_paused = true)]
async fn whenever_a_job_dies_the_next_attempt_makes_one_image_and_leaves_nothing() {
    let whole = attempt(1).input("streamLogs", "false").build(|_| {}).await;
    let moments = moments(&whole.cloud.journal());
    assert!(moments.len() > 20, "{moments:?}");
    let mut outcomes: Vec<String> = Vec::new();
    for (number, kind) in moments {
        for death in [Death::Before, Death::After] {
            let scene = |number| attempt(number).input("streamLogs", "false");
            let cloud = scene(1).new_cloud();
            let dies = move |at: usize, _: &Request<bytes::Bytes>| at == number;
            scene(1).dies_at(Arc::clone(&cloud), dies, death).await;
            let from = cloud.journal().len();
            let second = in_cloud(scene(2), &cloud).await;
            let cell = format!("{number} {kind}, {death:?}");
            assert_eq!(
                second.result(),
                "Succeeded",
                "{cell}\n{}",
                second.transcript
            );
            assert_eq!(
                cloud.inventory().image_versions.len(),
                1,
                "{cell}\n{}",
                second.transcript
            );
            assert_eq!(
                obeyed(&cloud, "RunTemplate"),
                1,
                "{cell}\n{}",
                second.transcript
            );
            assert!(
                cloud.inventory().templates.is_empty(),
                "{cell}\n{}",
                second.transcript
            );
            assert!(cloud.inventory().staging_groups.is_empty(), "{cell}");
            // A package that was sent before any template named it stays half an hour at least.
            let left = cloud.inventory().blobs.len();
            let journal = cloud.journal();
            let made = journal[..from]
                .iter()
                .any(|entry| entry.operation == Some("PutTemplate"));
            assert!(
                left <= usize::from(!made),
                "{cell}: {}\n{}",
                cloud.inventory(),
                second.transcript
            );
            check_no_secret(&second);
            let told = second
                .transcript
                .lines()
                .find(|line| line.contains("earlier attempt"));
            let outcome = format!("{kind}, {death:?}: {}", outcome(told, left));
            if !outcomes.contains(&outcome) {
                outcomes.push(outcome);
            }
        }
    }
    golden("outlive/crashes.txt", &(outcomes.join("\n") + "\n"));
}

/// What the second attempt did, without times and names.
fn outcome(told: Option<&str>, left: usize) -> String {
    let told = match told {
        None => "built again",
        Some(line) if line.contains("the image of an earlier") => "image found",
        Some(line) if line.contains("is being provisioned") => "template waited for, run started",
        Some(line) if line.contains("starting its run") => "run started",
        Some(line) if line.contains("following the run") => "run followed",
        Some(line) if line.contains("has ended") => "run collected",
        Some(line) => line,
    };
    let left = if left == 0 {
        ""
    } else {
        ", a package stays for now"
    };
    format!("{told}{left}")
}
