//! What is refused before anything is sent, and what has no effect.

use super::*;

#[tokio::test(start_paused = true)]
async fn inputs_that_cannot_be_used_are_refused() {
    for (what, scene, code) in [
        ("name", action("wait", "golden image"), "AIB101"),
        ("dots", submit(".."), "AIB101"),
        ("long", submit(&"x".repeat(65)), "AIB101"),
        (
            "limit",
            action("wait", "a").input("waitTimeoutInMinutes", "soon"),
            "AIB101",
        ),
        (
            "cancel",
            action("wait", "a").input("onCancel", "stop"),
            "AIB102",
        ),
        (
            "late",
            action("wait", "a").input("whenNotReady", "perhaps"),
            "AIB102",
        ),
        ("resume", attempt(2).input("resume", "yes"), "AIB102"),
        (
            "group",
            action("run", "a").input("ibAzureResourceGroup", ""),
            "AIB100",
        ),
    ] {
        let stage = scene.build(|_| {}).await;
        assert_eq!(stage.result(), "Failed", "{what}");
        let errors = stage.issues("error");
        assert_eq!(errors.len(), 1, "{what}: {errors:?}");
        assert!(errors[0].starts_with(code), "{what}: {errors:?}");
        assert!(stage.cloud.journal().is_empty(), "{what}");
        let ready = stage.variable("imageReady");
        assert_eq!(ready, (what != "resume").then_some("false"), "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn inputs_of_a_build_have_no_effect_on_a_wait() {
    let waiting = action("wait", "aib")
        .input("vmSize", "Standard_D2s_v5")
        .input("resume", "never");
    let stage = waiting.build(|_| {}).await;
    assert_eq!(
        stage.issues("warning"),
        [
            "AIB103: These inputs have no effect with action 'wait': 'vmSize', 'resume'\nhint: remove them; 'vmSize' is an input of build, submit, test, render; 'resume' is an input of build, submit, test"
        ]
    );
}

/// The longest name is a name.
#[tokio::test(start_paused = true)]
async fn a_name_of_64_characters_is_taken() {
    let name = format!("{}.-_A", "a".repeat(60));
    let stage = attempt(1).input("templateName", &name).build(|_| {}).await;
    check_one_image("64", &stage, 1);
    assert_eq!(stage.variable("templateName"), Some(name.as_str()));
}
