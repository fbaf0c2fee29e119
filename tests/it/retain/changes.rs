//! `exclude` and `endOfLife`: the two gentler levels.

use azure_emulator::{Effect, Fault};
use serde_json::{Value, json};

use super::scene::{Ended, Shelf};

fn flag(ended: &Ended, number: &str) -> Value {
    ended.now(number).unwrap()["properties"]["publishingProfile"]["excludeFromLatest"].clone()
}

fn end_of_life(ended: &Ended, number: &str) -> Option<String> {
    let date =
        ended.now(number).unwrap()["properties"]["publishingProfile"]["endOfLifeDate"].clone();
    date.as_str()
        .map(|date| date.split('T').next().unwrap().to_owned())
}

#[tokio::test(start_paused = true)]
async fn old_versions_are_excluded() {
    let excluded = json!({"publishingProfile": {"targetRegions": [{"name": "westeurope"}], "excludeFromLatest": true}});
    let in_region = json!({"publishingProfile": {"targetRegions": [{"name": "westeurope", "excludeFromLatest": true}]}});
    let mut shelf = Shelf::with(5)
        .version("1.0.2", 365, &excluded)
        .version("1.0.3", 365, &in_region)
        .version("0.9.0", 365, &json!({"state": "Failed"}))
        .input("retainAction", "exclude");
    let used = shelf.id("1.0.1");
    // Use is no matter: a VM does not mind.
    shelf = shelf.vm("vm-1", &used, Some("1.0.1"));
    let ended = shelf.run().await;
    ended.stage.check_result("Succeeded");
    assert_eq!(
        ended.count("QueryResources") + ended.count("ListVirtualMachines"),
        0
    );
    assert_eq!(
        (flag(&ended, "1.0.1"), flag(&ended, "1.0.3")),
        (json!(true), json!(true))
    );
    assert_eq!(
        (flag(&ended, "1.0.4"), flag(&ended, "1.0.5")),
        (json!(false), json!(false))
    );
    assert_eq!(ended.numbers("removed"), ["1.0.1", "1.0.3"]);
    assert_eq!(
        ended.reasons("1.0.2"),
        ["already: it is excluded from latest"]
    );
    assert_eq!(
        ended.reasons("0.9.0"),
        ["failed: only a deletion removes it"]
    );
    assert_eq!(ended.count("PutVersion"), 2);
    // The next night finds nothing to do.
    let again = ended.stage.retry().await;
    again.check_result("Succeeded");
    assert_eq!(again.variable("imageRemoved"), Some("0"));
}

#[tokio::test(start_paused = true)]
async fn old_versions_get_an_end_of_life() {
    let today = time::OffsetDateTime::now_utc().date();
    let ends = |days: i64| {
        let date = today + time::Duration::days(days);
        json!({"publishingProfile": {"targetRegions": [{"name": "westeurope"}], "endOfLifeDate": format!("{date}T00:00:00Z")}})
    };
    let mut shelf = Shelf::with(6)
        .version("1.0.2", 365, &ends(-10))
        .version("1.0.3", 365, &ends(10))
        .input("retainAction", "endOfLife");
    let used = shelf.id("1.0.4");
    shelf = shelf.vm("vm-1", &used, Some("1.0.4"));
    let ended = shelf.run().await;
    ended.stage.check_result("Succeeded");
    assert_eq!(ended.numbers("removed"), ["1.0.1", "1.0.3"]);
    let today = Some(today.to_string());
    assert_eq!(
        (end_of_life(&ended, "1.0.1"), end_of_life(&ended, "1.0.3")),
        (today.clone(), today)
    );
    assert_eq!(end_of_life(&ended, "1.0.4"), None);
    assert!(ended.reasons("1.0.4")[0].starts_with("in use: "));
    assert!(ended.reasons("1.0.2")[0].starts_with("already: its end of life is "));
    assert_eq!(ended.there(), [1, 2, 3, 4, 5, 6]);
}

/// What Azure refuses is told as with a deletion; what it answers too late is decided by a look.
#[tokio::test(start_paused = true)]
async fn a_change_may_be_refused() {
    let refused = |code: u16, error: &str| {
        let body = json!({"error": {"code": error, "message": "No."}});
        Effect::status(code, &body)
    };
    for (effect, warning) in [
        (refused(403, "AuthorizationFailed"), Some("AIB895")),
        (refused(409, "ScopeLocked"), Some("AIB894")),
        (Effect::ResetAfter, None),
    ] {
        let ended = Shelf::with(3)
            .input("retainAction", "exclude")
            .run_in(|cloud| {
                cloud.add_fault(Fault::once("PutVersion", effect));
            })
            .await;
        let warnings = ended.stage.issues("warning");
        let codes: Vec<&str> = warnings
            .iter()
            .map(|it| it.split(':').next().unwrap())
            .collect();
        assert_eq!(
            codes,
            warning.into_iter().collect::<Vec<_>>(),
            "{warnings:?}"
        );
        let expected = if warning.is_some() { "0" } else { "1" };
        assert_eq!(
            ended.retained_and_removed().1,
            expected,
            "{}",
            ended.stage.transcript
        );
    }
}
