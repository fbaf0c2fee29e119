//! `rolloutMethod: sessionHostUpdate`: the way that it usually goes, and the way back.

use serde_json::json;

use super::updating::*;
use crate::golden::golden;

#[tokio::test(start_paused = true)]
async fn the_service_updates_every_host() {
    let cloud = update().new_cloud();
    let (stage, sent) = spied(update(), &cloud).await;
    assert_good(&stage);
    assert_eq!(hosts(&stage.cloud), all(NEW));
    assert_eq!(configured(&stage.cloud), NEW);
    assert_eq!(stage.variable("rolloutState"), Some("Succeeded"));
    assert_eq!(
        stage.variable("rolloutPreviousImageId"),
        Some(version(OLD).as_str())
    );
    assert_eq!(
        stage.variable("rolloutHosts"),
        Some(r#"["avd-0","avd-1","avd-2","avd-3"]"#)
    );
    assert_eq!(stage.variable("rolloutOldHosts"), Some("[]"));
    golden("rollout/update.txt", &log(&stage));
    golden("rollout/update.md", &page(&stage));
    let result = result_file(&stage);
    assert_eq!(result["schemaVersion"], 1);
    assert_eq!(result["method"], "sessionHostUpdate");
    assert_eq!(result["previousImageId"], version(OLD));
    assert_eq!(result["hosts"][3]["version"], NEW);
    assert_eq!(result["hosts"][3]["allowNewSession"], true);
    assert_eq!(result["faults"], json!([]));
    assert!(result["steps"].as_array().unwrap().len() >= 4);
    let path = |end: &str| format!("{}/{end}?api-version=2025-04-01-preview", production());
    assert_eq!(
        sent,
        [
            (
                "PATCH".to_owned(),
                path("sessionHostConfigurations/default"),
                json!({"properties": {"imageInfo": {"type": "Custom", "customInfo": {"resourceId": version(NEW)}}}})
            ),
            (
                "POST".to_owned(),
                path("sessionHostManagements/default/initiateSessionHostUpdate"),
                json!({
                    "update": {
                        "deleteOriginalVm": true, "maxVmsRemoved": 1, "logOffDelayMinutes": 15,
                        "logOffMessage": "This desktop is updated in 15 minutes. Save your work.",
                    },
                    "scheduledDateTimeZone": "UTC",
                })
            ),
        ]
    );
    // The same again finds nothing to do, and the way back is the same step with the version of before.
    let again = run_in(update(), &stage.cloud).await;
    assert_good(&again);
    assert_eq!(again.variable("rolloutState"), Some("Nothing"));
    assert_eq!(changes(&stage.cloud).len(), 2);
    let back = update().input("imageVersionId", &version(OLD));
    let back = run_in(back, &stage.cloud).await;
    assert_good(&back);
    assert_eq!(hosts(&stage.cloud), all(OLD));
    assert_eq!(
        back.variable("rolloutPreviousImageId"),
        Some(version(NEW).as_str())
    );
}
