//! Inputs that are refused: later steps still find every output variable of the action, without a value.

use super::scene::Scene;

const OF_VERSION: &str = "imageVersionId imageUri imageVersion";

#[tokio::test(start_paused = true)]
async fn the_output_variables_of_refused_inputs_are_empty() {
    for (action, names) in [
        ("submit", "templateId runState runDeadline".to_owned()),
        ("wait", "templateId runState runPhase".to_owned()),
        ("status", "templateId runState runPhase".to_owned()),
        ("run", "templateId runState".to_owned()),
        ("cancel", "templateId runState".to_owned()),
        ("promote", format!("{OF_VERSION} imagePreviousVersionId")),
        ("withdraw", format!("{OF_VERSION} imagePreviousVersionId")),
        ("retain", "imageRetained imageRemoved".to_owned()),
        ("test", "imageTested".to_owned()),
        ("diff", format!("{OF_VERSION} imageChanges imageDiffPath")),
        (
            "rollout",
            "rolloutState rolloutPreviousImageId rolloutHosts rolloutOldHosts".to_owned(),
        ),
        ("report", "imageHostsBehind".to_owned()),
    ] {
        // No connection: refused with every action.
        let stage = Scene::bare(action)
            .input("ibSubscription", "")
            .build(|_| {})
            .await;
        stage.check_result("Failed");
        for name in names.split(' ') {
            let value = stage.variable(name);
            assert_eq!(value, Some(""), "{action} {name}\n{}", stage.transcript);
        }
        let flag = match action {
            "submit" | "wait" | "status" | "run" => "imageReady",
            "promote" | "withdraw" => "imageReleased",
            _ => continue,
        };
        assert_eq!(stage.variable(flag), Some("false"), "{action}");
    }
}
