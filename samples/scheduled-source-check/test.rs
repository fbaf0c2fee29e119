/// The second night finds nothing new, a newer source is built, and so is everything on the weekly day.
#[tokio::test(start_paused = true)]
async fn scheduled_source_check_builds_what_is_new() {
    let (steps, check_out) = pipeline("scheduled-source-check", "azure-pipelines.yml");
    let [step] = steps.as_slice() else {
        panic!("{} steps", steps.len());
    };
    let mut scene = scene(step, check_out);
    scene.step = scene.step.variable("nightly", "True");
    let first = run(scene, "scheduled-source-check").await;
    assert_eq!(first.variable("imageChanged"), Some("true"));
    assert_eq!(image(&first), "ubuntu-2404/versions/1.0.4711");

    let night = |id: &'static str, nightly: &'static str| {
        move |step: &mut pipelines_agent::Step| {
            step.variables.set("Build.BuildId", id);
            step.variables.set("nightly", nightly);
        }
    };
    let second = first.step(night("4712", "True")).retry().await;
    assert_eq!(second.result(), "Succeeded", "{}", second.transcript);
    assert_eq!(second.variable("imageChanged"), Some("false"));
    assert_eq!(image(&second), "ubuntu-2404/versions/1.0.4711");

    let weekly = second.step(night("4713", "False")).retry().await;
    assert_eq!(weekly.variable("imageChanged"), Some("true"));
    assert_eq!(image(&weekly), "ubuntu-2404/versions/1.0.4713");
}

