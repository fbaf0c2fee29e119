//! Trouble at every request of a test in a VM: a verdict or an error, nothing is left, and nothing of someone else is touched.

use azure_emulator::{Effect, Fault};

use super::*;

fn whole() -> Scene {
    with_account().input("packagePath", "wvd/images")
}

/// Every kind of request of the test, and the number of each.
async fn requests() -> Vec<(Method, &'static str, usize)> {
    let stage = run(whole()).await;
    stage.check_result("Succeeded");
    let mut known: Vec<(Method, &'static str, usize)> = Vec::new();
    for entry in stage.cloud.journal() {
        let Some(operation) = entry.operation else {
            continue;
        };
        match known.iter_mut().find(|(_, name, _)| *name == operation) {
            Some((_, _, count)) => *count += 1,
            None => known.push((entry.method, operation, 1)),
        }
    }
    known
}

fn refusal(code: u16, word: &str) -> Effect {
    Effect::status(
        code,
        format!(r#"{{"error":{{"code":"{word}","message":"scripted trouble"}}}}"#),
    )
}

/// What holds in every cell: one result, one error at most, nothing left or it is named with its command, nobody else's VM touched.
fn oracle(cell: &str, stage: &Stage, neighbour: &str) {
    let result = stage.result();
    assert!(
        ["Succeeded", "SucceededWithIssues", "Failed"].contains(&result),
        "{cell}: {result}"
    );
    let errors = issues(stage, "error");
    assert_eq!(
        errors.len(),
        usize::from(result == "Failed"),
        "{cell}\n{}",
        stage.transcript
    );
    let verdict = stage.variable("imageTested").unwrap();
    let tag = tags_of_version(stage)["imageTest"]
        .as_str()
        .map(str::to_owned);
    let untagged = codes(stage, "warning").contains(&"AIB863".to_owned());
    if !untagged {
        assert_eq!(
            tag.unwrap_or_default(),
            verdict,
            "{cell}\n{}",
            stage.transcript
        );
    }
    // No trouble of ours is a fault of the image.
    assert_ne!(verdict, "failed", "{cell}\n{}", stage.transcript);
    assert!(stage.cloud.resource(neighbour).is_some(), "{cell}");
    let left = parts(stage);
    let left: Vec<_> = left.iter().filter(|id| *id != neighbour).collect();
    let named = issues(stage, "warning")
        .into_iter()
        .filter(|(code, _)| code == "AIB601");
    let named: Vec<_> = named.map(|(_, text)| text).collect();
    for id in left {
        let name = id.rsplit('/').next().unwrap();
        assert!(
            named
                .iter()
                .any(|text| text.contains(name) && text.contains("az ")),
            "{cell}: {id}\n{}",
            stage.transcript
        );
    }
    assert!(
        stage.cloud.journal().len() < 400,
        "{cell}: {} requests",
        stage.cloud.journal().len()
    );
}

/// A VM of another run of the task.
fn neighbour() -> (String, azure_emulator::SceneResource) {
    let id = in_group("Microsoft.Compute/virtualMachines", "tst-17");
    let body = json!({"location": "westeurope", "tags": {"imageBuilderTask": "1.0", "imageBuilderRun": "/other/1", "imageBuilderStep": "x"},
        "properties": {"provisioningState": "Succeeded"}});
    (id.clone(), azure_emulator::SceneResource { id, body })
}

async fn meet(fault: Fault) -> Stage {
    let (_, resource) = neighbour();
    whole()
        .build(|cloud| {
            shelf(cloud);
            cloud.put_resource(resource);
            cloud.add_fault(fault);
        })
        .await
}

#[tokio::test(start_paused = true)]
async fn trouble_at_every_request_leaves_nothing() {
    let (id, _) = neighbour();
    let known = requests().await;
    assert!(known.len() > 12, "{known:?}");
    for (method, operation, count) in known {
        let effects = [
            ("reset before", Effect::ResetBefore),
            ("reset after", Effect::ResetAfter),
            ("500", refusal(500, "InternalServerError")),
            ("429", refusal(429, "TooManyRequests")),
            ("403", refusal(403, "AuthorizationFailed")),
        ];
        for (name, effect) in effects {
            // A cloud that never answers is another test's matter.
            let all = if name == "403" { 200 } else { 1 };
            let middle = u32::try_from(count.div_ceil(2)).unwrap();
            for (nth, times) in [(1, 1), (middle, all)] {
                if (nth, times) == (1, 1) && name == "500" {
                    continue;
                }
                let fault = Fault::once(operation, effect.clone())
                    .starting_at(nth)
                    .times(times);
                let stage = meet(fault).await;
                let cell = format!("{method} {operation} {nth}, {name} x {times}");
                oracle(&cell, &stage, &id);
            }
        }
    }
}

/// Whether the request came through or not: one VM is made.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_decided_by_a_look() {
    for operation in ["PutNetworkInterface", "PutVirtualMachine", "PutRunCommand"] {
        for (what, effect, sent) in [
            ("came through", Effect::ResetAfter, 1),
            ("did not", Effect::ResetBefore, 2),
            ("500", refusal(500, "InternalServerError"), 2),
        ] {
            let fault = Fault::once(operation, effect);
            let stage = meet(fault).await;
            assert_eq!(
                stage.variable("imageTested"),
                Some("passed"),
                "{operation} {what}\n{}",
                stage.transcript
            );
            let journal = stage.cloud.journal();
            let count = journal
                .iter()
                .filter(|entry| entry.operation == Some(operation))
                .count();
            assert_eq!(count, sent, "{operation} {what}\n{}", stage.transcript);
            assert_eq!(
                parts(&stage).len(),
                1,
                "{operation} {what}\n{}",
                stage.transcript
            );
        }
    }
}

/// Azure says what is missing, and the hint names the role.
#[tokio::test(start_paused = true)]
async fn a_missing_permission_is_told_with_its_role() {
    let message = "The client '2b1c' with object id '2b1c' does not have authorization to perform action 'Microsoft.Compute/virtualMachines/write' over scope '/subscriptions/s/resourceGroups/rg-images/providers/Microsoft.Compute/virtualMachines/tst-1' or the scope is invalid.";
    let body = json!({"error": {"code": "AuthorizationFailed", "message": message}}).to_string();
    let fault = Fault::once("PutVirtualMachine", Effect::status(403, body));
    let stage = meet(fault).await;
    let [(code, text)] = &issues(&stage, "error")[..] else {
        panic!("{}", stage.transcript)
    };
    assert_eq!(code, "AIB005");
    assert!(text.contains("az role assignment create --assignee 2b1c --role \"Virtual Machine Contributor\" --scope /subscriptions/s/resourceGroups/rg-images"), "{text}");
    assert_eq!(stage.variable("imageTested"), Some(""));
}
