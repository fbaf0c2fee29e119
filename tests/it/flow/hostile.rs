//! Words of others that are made to look like commands, wherever they can come from. That none is one is checked for every stage
//! (`protocol_check`); here they have to reach the log at all.

use azure_emulator::{Effect, Fate, Fault, ImageDisk, Matcher, RunFate, SubState};
use http::Method;

use super::scene::{Scene, Stage};
use crate::texts::check_has;

/// Commands in all the ways in which someone could hope that they pass.
const EVIL: &str = "##vso[task.setvariable variable=x;]evil\n##vso[task.complete result=Succeeded;]\r##[error]fake\r\n##VSO[task.debug]\n\
    #\u{200b}#vso[task.prependpath]/evil %0A##vso[build.addbuildtag]evil\u{2028}##vso[task.setsecret]a";

/// Without line ends and other characters that a name or a header cannot have.
const EVIL_NAME: &str = "##vso[task.setvariable variable=x]y.txt";

fn check(what: &str, stage: &Stage) {
    assert!(
        stage
            .transcript
            .contains("**vso[task.setvariable variable=x"),
        "{what}: the words did not reach the log\n{}",
        stage.transcript
    );
    assert!(
        ["Failed", "SucceededWithIssues"].contains(&stage.result()),
        "{what}"
    );
}

fn refusal(kind: &str, body: String) -> Effect {
    let headers = [("content-type", kind), ("x-ms-request-id", EVIL_NAME)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Effect::Status {
        code: 400,
        headers: headers.to_vec(),
        body,
    }
}

async fn refused(matcher: Matcher, effect: Effect) -> Stage {
    let fault = Fault::always(matcher, effect);
    let mut scene = Scene::windows().switches(|on| on.image_disk = ImageDisk::Unnamed);
    scene.step.variables.set("System.Debug", "true");
    scene.build(|cloud| cloud.add_fault(fault)).await
}

#[tokio::test(start_paused = true)]
async fn refusals_of_every_service() {
    let error = serde_json::json!({ "code": EVIL_NAME, "message": EVIL, "details": [{ "code": EVIL, "message": EVIL }] });
    let arm = serde_json::json!({ "error": error }).to_string();
    for operation in [
        "GetStorageAccount",
        "PutTemplate",
        "RunTemplate",
        "GetRunOutput",
        "DeleteTemplate",
    ] {
        let effect = refusal("application/json", arm.clone());
        check(
            operation,
            &refused(Matcher::operation(operation), effect).await,
        );
    }
    let blob = "/imagebuilder-vststask/images/*";
    let xml = format!(
        "<?xml version=\"1.0\"?><Error><Code>{EVIL_NAME}</Code><Message>{EVIL}</Message></Error>"
    );
    for (method, path) in [
        (Method::PUT, "/imagebuilder-vststask"),
        (Method::PUT, blob),
        (Method::POST, "/"),
        (Method::DELETE, blob),
    ] {
        let effect = refusal("application/xml", xml.clone());
        let what = format!("{method} {path}");
        check(&what, &refused(Matcher::path(method, path), effect).await);
    }
    let entra = serde_json::json!({ "error": EVIL_NAME, "error_description": format!("AADSTS700016: {EVIL}") });
    let pipelines = serde_json::json!({ "message": EVIL });
    for (path, body) in [("*/oauth2/v2.0/token", entra), ("*/oidctoken", pipelines)] {
        let effect = refusal("application/json", body.to_string());
        check(
            path,
            &refused(Matcher::path(Method::POST, path), effect).await,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn messages_of_the_image_builder() {
    let (code, message) = (EVIL.to_owned(), EVIL.to_owned());
    let fate = Fate::Fail {
        code: code.clone(),
        message: message.clone(),
    };
    let scene = Scene::windows().switches(|switches| switches.provisioning = fate);
    check("provisioning", &scene.build(|_| {}).await);
    let document = serde_json::json!({ "code": EVIL_NAME, "message": EVIL }).to_string();
    let fail = |message| RunFate::Fail {
        at: SubState::Customizing,
        code: code.clone(),
        message,
    };
    let partly = RunFate::PartiallySucceed {
        outputs: 0,
        message: message.clone(),
    };
    for fate in [fail(message), fail(document), partly] {
        let stage = Scene::windows().build(|cloud| cloud.script_run(fate)).await;
        check("a run", &stage);
    }
}

#[tokio::test(start_paused = true)]
async fn values_of_inputs_and_names_of_files() {
    let names: Vec<_> = Scene::windows().step.inputs.into_keys().collect();
    for name in names {
        // Both are free texts, of which Azure is the judge.
        if ["ibSubscription", "inlineScript", "packagePath"].contains(&name.as_str()) {
            continue;
        }
        let stage = Scene::windows().input(&name, EVIL).build(|_| {}).await;
        assert_ne!(stage.result(), "Succeeded", "{name}");
    }
    let scene = Scene::windows().input("packagePath", &format!("wvd/{EVIL_NAME}"));
    check("a folder", &scene.build(|_| {}).await);

    let scene = Scene::windows();
    let package = scene.step.directories.sources.join("wvd/images");
    std::fs::write(package.join(EVIL_NAME), "x").unwrap();
    std::fs::write(
        package.join("two\n##vso[task.complete result=Failed;]lines"),
        "x",
    )
    .unwrap();
    let stage = scene.build(|_| {}).await;
    assert_ne!(stage.result(), "none");

    let scene = Scene::windows();
    let package = scene.step.directories.sources.join("wvd/images");
    std::os::unix::fs::symlink("/no/such/file", package.join(EVIL_NAME)).unwrap();
    check("a file", &scene.build(|_| {}).await);
}

/// Azure repeats what it was given, and links that only it knows.
#[tokio::test(start_paused = true)]
async fn messages_that_hold_secrets() {
    let token = Scene::windows().world.pipelines.job_token;
    let message = format!(
        "{token} is no use, see https://x.blob.core.windows.net/logs/y?sv=2023&sig=aBc%2Fd%3D&se=1."
    );
    for body in [
        message.clone(),
        serde_json::json!({ "error": { "code": "X", "message": message } }).to_string(),
    ] {
        let effect = refusal("application/json", body.clone());
        let stage = refused(Matcher::operation("PutTemplate"), effect).await;
        stage.check_result("Failed");
        let error = stage.error();
        check_has(&error, "*** is no use, see https://x.blob");
        assert!(error.contains("?sv=2023&sig=***"), "{error}");
        let fate = RunFate::Fail {
            at: SubState::Customizing,
            code: "X".to_owned(),
            message: body,
        };
        let stage = Scene::windows().build(|cloud| cloud.script_run(fate)).await;
        stage.check_result("Failed");
        assert!(
            !stage.transcript.contains("aBc%2Fd"),
            "{}",
            stage.transcript
        );
    }
}

/// The check of every stage is worth something: many secrets are alive, and one that shows is found.
#[tokio::test(start_paused = true)]
async fn secrets_are_seen_on_the_wire() {
    let stage = Scene::windows().build(|_| {}).await;
    let secrets = stage.secrets();
    let all = secrets.all();
    assert!(all.len() > 20, "{}", all.len());
    for secret in all {
        let leak = format!("##vso[task.setsecret]{secret}\nthe answer was {secret}\n");
        let check = std::panic::AssertUnwindSafe(|| secrets.check(&leak));
        assert!(
            std::panic::catch_unwind(check).is_err(),
            "{secret} may show"
        );
    }
}
