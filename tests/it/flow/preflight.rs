//! The preflight of each build: it refuses what is certain to fail, and nothing else.

use azure_emulator::{Effect, Fault, Service};

use super::ills::{Ill, InBuild, ills, made, scene};
use super::scene::Stage;
use super::story::check_nothing_left;

/// What is certain is refused in seconds, and nothing is made.
#[tokio::test(start_paused = true)]
async fn a_build_that_is_certain_to_fail_is_refused_before_anything_is_made() {
    for ill in of(InBuild::Refused) {
        let [code, text, fix] = ill.expected;
        let stage = made(ill).build(|_| {}).await;
        let cell = format!("{code} {text}\n{}", stage.transcript);
        assert_eq!(stage.result(), "Failed", "{cell}");
        let errors = stage.issues("error");
        let found = errors
            .iter()
            .find(|error| error.starts_with(code) && error.contains(text));
        assert!(found.is_some_and(|error| error.contains(fix)), "{cell}");
        check_nothing_left(&stage);
        let nothing_made = !stage
            .transcript
            .contains("deleting the resources of the build");
        assert!(nothing_made, "{cell}");
        // Every finding, with what to do about it.
        let summary = stage.summary();
        let told = errors.iter().all(|error| summary.contains(&error[..6]));
        assert!(told && summary.contains("**What to do:**"), "{summary}");
        let warnings = stage.issues("warning");
        let warnings = warnings.iter().filter(|issue| issue.starts_with("AIB7"));
        let all = errors.len() + warnings.count();
        assert_eq!(summary.matches("**AIB7").count(), all, "{summary}");
        assert!(stage.elapsed.as_secs() < 5, "{cell}");
        let journal = stage.cloud.journal();
        let made = journal
            .iter()
            .any(|entry| entry.operation == Some("PutTemplate") || entry.service == Service::Blob);
        assert!(!made, "{cell}");
        assert!(journal.len() <= MOST_LOOKS, "{cell}: {}", journal.len());
    }
}

fn of(in_build: InBuild) -> impl Iterator<Item = &'static Ill> {
    ills().filter(move |ill| ill.in_build == in_build)
}

/// What is not certain is a warning before anything else, in the words of the doctor, and stands in the summary.
#[tokio::test(start_paused = true)]
async fn what_is_only_likely_to_fail_is_a_warning_at_the_start() {
    for ill in of(InBuild::Warned) {
        let [code, text, fix] = ill.expected;
        let stage = made(ill).build(|_| {}).await;
        let cell = format!("{code} {text}\n{}", stage.transcript);
        let errors = stage.issues("error");
        let refused = errors.iter().any(|error| error.starts_with("AIB7"));
        assert!(!refused, "{cell}");
        let warnings = stage.issues("warning");
        let found = warnings
            .iter()
            .find(|issue| issue.starts_with(code) && issue.contains(text));
        let (_, hint) = found
            .and_then(|issue| issue.split_once("\nhint: "))
            .unwrap_or_else(|| panic!("{cell}"));
        assert!(hint.contains(fix), "{cell}");
        let place = |needle: &str| stage.transcript.find(needle).unwrap_or(usize::MAX);
        let first = place(&format!("code={code};"));
        assert!(first < place("starting put template"), "{cell}");
        assert!(stage.summary().contains(&format!("**{code}** ")), "{cell}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_empty_list_says_and_what_the_build_says_itself_is_not_told() {
    for ill in of(InBuild::Untold) {
        let stage = made(ill).build(|_| {}).await;
        let mut issues = stage.issues("error");
        issues.extend(stage.issues("warning"));
        let told = issues
            .iter()
            .any(|issue| issue.starts_with(ill.expected[0]));
        assert!(!told, "{:?}\n{}", ill.expected, stage.transcript);
    }
}

/// What a cloud may answer that does not have a route, or does not let us read.
fn troubles() -> Vec<(&'static str, Effect)> {
    let arm = |code: &str| format!(r#"{{"error":{{"code":"{code}","message":"scripted"}}}}"#);
    vec![
        ("a bare 404", Effect::status(404, "")),
        ("a 404 page", Effect::status(404, "<html>not here</html>")),
        ("404 NotFound", Effect::status(404, arm("NotFound"))),
        (
            "404 ResourceNotFound",
            Effect::status(404, arm("ResourceNotFound")),
        ),
        (
            "404 InvalidResourceType",
            Effect::status(404, arm("InvalidResourceType")),
        ),
        (
            "400 InvalidApiVersionParameter",
            Effect::status(400, arm("InvalidApiVersionParameter")),
        ),
        (
            "400 NoRegisteredProviderFound",
            Effect::status(400, arm("NoRegisteredProviderFound")),
        ),
        ("403", Effect::status(403, arm("AuthorizationFailed"))),
        ("405", Effect::status(405, "")),
        ("409", Effect::status(409, arm("Conflict"))),
        ("429", Effect::status(429, "")),
        ("500", Effect::status(500, "")),
        ("503", Effect::status(503, "")),
        ("200 and nothing", Effect::status(200, "")),
        ("200 and an empty object", Effect::status(200, "{}")),
        ("200 and an empty list", Effect::status(200, "[]")),
        ("200 and no JSON", Effect::status(200, "hello")),
        ("a gateway's page", Effect::NotJson),
        ("a reset", Effect::ResetBefore),
        ("half an answer", Effect::Truncate),
        (
            "silence",
            Effect::Delay(std::time::Duration::from_secs(3600)),
        ),
    ]
}

/// Of a build with subnets, two rights of whose are read at each of them.
const MOST_LOOKS: usize = 36;

/// The routes of the preflight that nothing else in a build needs.
pub(super) const LOOKS: &[&str] = &[
    "ListPermissions",
    "ListRoleAssignments",
    "GetRole",
    "ListVmSizes",
    "ListUsages",
    "ListLocations",
    "ListResourceGroups",
    "GetProvider",
    "GetResourceGroup",
    "GetDefinition",
    "ListDefinitions",
    "GetGallery",
    "ListGalleriesOfGroup",
    "GetIdentity",
    "ListIdentitiesOfGroup",
    "GetPlatformImageVersion",
    "ListPlatformImageVersions",
    "ListImageSkus",
    "ListOffers",
    "ListPublishers",
    "GetSubnet",
    "GetNetwork",
    "ListNetworksOfGroup",
];

/// A check whose route is not in the list would not be tried in trouble.
#[tokio::test(start_paused = true)]
async fn every_look_is_in_the_list() {
    let stage = scene().input("action", "doctor").build(|_| {}).await;
    let journal = stage.cloud.journal();
    let asked = journal.iter().filter(|entry| entry.service == Service::Arm);
    let mut missing: Vec<&str> = asked
        .filter_map(|entry| entry.operation)
        .filter(|operation| !LOOKS.contains(operation))
        .collect();
    missing.sort_unstable();
    missing.dedup();
    assert_eq!(missing, NEEDED);
}

/// What the preflight reads, and the build cannot do without.
const NEEDED: &[&str] = &["GetStorageAccount"];

async fn built(faults: Vec<Fault>) -> Stage {
    scene()
        .input("imageVersion", "7.0.0")
        .build(|cloud| faults.into_iter().for_each(|fault| cloud.add_fault(fault)))
        .await
}

/// A cloud that lacks what the preflight asks for builds all the same, and at once.
#[tokio::test(start_paused = true)]
async fn a_look_that_fails_never_refuses_a_build() {
    let usual = built(Vec::new()).await;
    for (name, effect) in troubles() {
        // All together; and each alone, where the others could confirm what it says.
        let telling = ["404 NotFound", "200 and an empty object", "silence"].contains(&name);
        let each = LOOKS.iter().filter(|_| telling);
        let each = each.map(|look| vec![Fault::always(*look, effect.clone())]);
        let all = LOOKS
            .iter()
            .map(|look| Fault::always(*look, effect.clone()));
        for faults in each.chain([all.collect()]) {
            let cell = format!("{name}: {faults:?}");
            let stage = built(faults).await;
            assert_eq!(stage.result(), "Succeeded", "{cell}\n{}", stage.transcript);
            let late = stage.elapsed.saturating_sub(usual.elapsed);
            // Six seconds, and four for each of two looks at how the package is read.
            assert!(late.as_secs() <= 15, "{cell}: {late:?} later");
        }
    }
}

/// A cloud that finds nothing and lists nothing, but for what a build cannot do without.
#[tokio::test(start_paused = true)]
async fn a_cloud_that_finds_and_lists_nothing_builds_all_the_same() {
    let missing =
        r#"{"error":{"code":"ResourceNotFound","message":"The Resource was not found."}}"#;
    for empty in [r#"{"value":[]}"#, "[]"] {
        let faults = LOOKS.iter().map(|look| {
            let lists = look.starts_with("List") || *look == "GetProvider";
            let effect = if lists {
                Effect::status(200, empty)
            } else {
                Effect::status(404, missing)
            };
            Fault::always(*look, effect)
        });
        let stage = built(faults.collect()).await;
        stage.check_result("Succeeded");
    }
}

#[tokio::test(start_paused = true)]
async fn a_usual_build_looks_around_with_a_handful_of_requests() {
    let stage = scene().build(|_| {}).await;
    let journal = stage.cloud.journal();
    let before = journal
        .iter()
        .take_while(|entry| entry.service != Service::Blob);
    let looks = before.filter(|entry| entry.service == Service::Arm).count();
    // The storage account is one of them.
    assert!((6..=MOST_LOOKS).contains(&looks), "{looks}");
}
