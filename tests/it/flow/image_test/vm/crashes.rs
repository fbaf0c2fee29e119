//! A job that dies at any of its requests, or is canceled: a second attempt, or the post-job step, leaves nothing.

use std::time::Duration;

use super::*;
use crate::flow::scene::Death;

fn attempt(number: u32) -> Scene {
    with_account()
        .input("packagePath", "wvd/images")
        .attempt(number)
}

/// Requests that may have made something, and what comes right before and after them.
#[tokio::test(start_paused = true)]
async fn whenever_a_job_dies_the_next_attempt_leaves_nothing() {
    let whole = run(attempt(1)).await;
    whole.check_result("Succeeded");
    let journal = whole.cloud.journal();
    let mut seen = std::collections::BTreeMap::new();
    let moments: Vec<_> = journal
        .iter()
        .enumerate()
        .filter(|(_, entry)| {
            let kind = format!("{} {}", entry.method, entry.operation.unwrap_or("blob"));
            let count = seen.entry(kind).or_insert(0);
            *count += 1;
            *count <= if entry.method == Method::GET { 1 } else { 2 }
        })
        .map(|(number, entry)| (number, entry.to_string()))
        .collect();
    assert!(moments.len() > 20, "{moments:?}");
    for (number, what) in moments {
        for death in [Death::Before, Death::After] {
            let cell = format!("{number} {what}, {death:?}");
            let cloud = attempt(1).new_cloud();
            shelf(&cloud);
            let dies = move |at: usize, _: &Request<Bytes>| at == number;
            attempt(1).dies_at(Arc::clone(&cloud), dies, death).await;
            // What was sent when it died comes through.
            tokio::time::sleep(Duration::from_secs(90)).await;
            let second = attempt(2).build_in(Arc::clone(&cloud)).await;
            assert_eq!(
                second.variable("imageTested"),
                Some("passed"),
                "{cell}\n{}",
                second.transcript
            );
            assert_eq!(parts(&second), [""; 0], "{cell}\n{}", second.transcript);
        }
    }
}

/// The post-job step removes what a crashed main stage noted, whatever that was.
#[tokio::test(start_paused = true)]
async fn the_post_job_step_removes_what_a_crash_left() {
    for seconds in [1, 5, 30, 70, 120, 150, 170, 200] {
        let scene = with_account().input("packagePath", "wvd/images");
        let cloud = scene.new_cloud();
        shelf(&cloud);
        let died = scene.dies_after(cloud, Duration::from_secs(seconds)).await;
        let after = died.clean_up().await;
        all_gone(&format!("{seconds} s"), &after);
        assert_eq!(
            after.issues("warning"),
            [""; 0],
            "{seconds} s\n{}",
            after.transcript
        );
    }
}

/// The post-job step deletes what a canceled test has made. A VM that was to stay after a failure goes, too.
#[tokio::test(start_paused = true)]
async fn a_cancel_deletes_all_the_same() {
    for keep in ["false", "true"] {
        for seconds in [2, 40, 100, 140] {
            let scene = vm_scene().input("keepVmOnFailure", keep);
            let stage = scene
                .build_until(shelf, Some(Duration::from_secs(seconds)))
                .await;
            assert_eq!(
                stage.result(),
                "Canceled",
                "{seconds} s\n{}",
                stage.transcript
            );
            assert!(
                stage.elapsed < Duration::from_secs(seconds + 6),
                "{:?}",
                stage.elapsed
            );
            assert_eq!(tags_of_version(&stage), json!({"buildNumber": NUMBER}));
            assert_eq!(codes(&stage, "error"), [""; 0]);
            let after = stage.clean_up().await;
            all_gone(&format!("{seconds} s, keep {keep}"), &after);
            assert!(
                after.elapsed < Duration::from_secs(240),
                "{:?}",
                after.elapsed
            );
        }
    }
}

/// `retryCountOnTaskFailure` starts the step again in the same job.
#[tokio::test(start_paused = true)]
async fn a_retry_in_the_same_job_removes_what_is_noted() {
    let scene = vm_scene();
    let cloud = scene.new_cloud();
    shelf(&cloud);
    let died = scene.dies_after(cloud, Duration::from_secs(100)).await;
    assert_eq!(parts(&died).len(), 3);
    let again = died.retry().await;
    assert_eq!(
        again.variable("imageTested"),
        Some("passed"),
        "{}",
        again.transcript
    );
    all_gone("retry", &again);
}
