//! The template that would be sent, shown: by the step, and at a prompt.

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use image_builder::agent::{Agent, Console, Environment, StopSignal, TaskResult};
use image_builder::job;
use serde_json::Value;

use crate::job::{CONNECTION_ID, Job, job as usual};
use crate::texts::check_starts;

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Write for Output {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(text)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// The job as a process finds it that an agent started. No service connection comes along.
fn agent(variables: Vec<(OsString, OsString)>) -> (Agent, Output) {
    let environment = Environment::new(variables);
    let output = Output::default();
    let console = Console::new(&environment, output.clone());
    (Agent::new(environment, console), output)
}

fn arguments(job: &Job) -> Vec<String> {
    let inputs = job.given.inputs.iter();
    let given = inputs.filter(|(name, _)| *name != "ibsubscription");
    given
        .map(|(name, value)| format!("{name}={value}"))
        .collect()
}

#[test]
fn a_prompt_gets_the_template_and_nothing_else() {
    let job = usual();
    fs::write(job.path("web.yml"), "vmProfile: {vmSize: $(my.size)}\n").unwrap();
    let file = job.path("web.yml");
    let (agent, output) = agent(Vec::new());
    let more = [
        format!("templateFile={}", file.display()),
        "my.size=Standard_D4ds_v5".to_owned(),
    ];
    job::render(&agent, arguments(&job).into_iter().chain(more));
    let template: Value = serde_json::from_str(&output.text()).unwrap();
    assert_eq!(template["location"], "westeurope");
    assert_eq!(
        template["properties"]["vmProfile"]["vmSize"],
        "Standard_D4ds_v5"
    );
    let link = template["properties"]["customize"][0]["sourceUri"]
        .as_str()
        .unwrap();
    check_starts(
        link,
        "https://stimagebuilder.blob.core.windows.net/imagebuilder-vststask/webapp/",
    );
    assert!(link.ends_with("?{signature}"), "{link}");
}

#[test]
fn a_prompt_gets_the_problems() {
    let check = |change: &str, expected: &str| {
        let job = usual();
        let (agent, output) = agent(Vec::new());
        let arguments = arguments(&job).into_iter().chain([change.to_owned()]);
        job::render(&agent, arguments);
        assert!(output.text().contains(expected), "{}", output.text());
        assert_eq!(agent.console().result(), Some(TaskResult::Failed));
    };
    check(
        "ibLocation=here!",
        "Input 'ibLocation': 'here!' is not a region",
    );
    check(
        "here",
        "'here' is neither an input nor a variable; expected name=value",
    );
}

#[tokio::test]
async fn a_step_writes_its_template_to_log_and_file() {
    let job = usual()
        .input("artifactTags", "owner=hunter2-hunter2")
        .input("action", "render");
    let folder = job.path("").into_os_string();
    let inputs = job.given.inputs.iter();
    let mut variables: Vec<(OsString, OsString)> = inputs
        .map(|(name, value)| {
            (
                format!("INPUT_{}", name.to_uppercase()).into(),
                value.into(),
            )
        })
        .collect();
    let connection = CONNECTION_ID.to_uppercase();
    let endpoint = [
        (
            format!("ENDPOINT_URL_{connection}"),
            "https://management.azure.com/",
        ),
        (
            format!("ENDPOINT_AUTH_{connection}"),
            r#"{"scheme":"ServicePrincipal","parameters":{"tenantid":"t","serviceprincipalid":"c","serviceprincipalkey":"a-client-secret"}}"#,
        ),
        (
            format!("ENDPOINT_DATA_{connection}_SUBSCRIPTIONID"),
            "11111111-1111-1111-1111-111111111111",
        ),
    ];
    variables.extend(endpoint.map(|(name, value)| (name.into(), value.into())));
    variables.push(("SYSTEM_DEFAULTWORKINGDIRECTORY".into(), folder.clone()));
    variables.push(("AGENT_TEMPDIRECTORY".into(), folder));
    variables.push(("TF_BUILD".into(), "True".into()));
    variables.push(("SECRET_KEY".into(), "hunter2-hunter2".into()));
    let (agent, output) = agent(variables);
    let no_network = Err("there is none".to_owned());
    job::main_stage(&agent, no_network, [], &StopSignal::default()).await;
    let log = output.text();
    let file = log
        .lines()
        .find_map(|line| line.strip_prefix("##vso[task.uploadfile]"));
    let text = fs::read_to_string(file.unwrap_or_else(|| panic!("{log}"))).unwrap();
    assert!(!text.contains("hunter2"), "{text}");
    let template: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(template["location"], "westeurope");
    for part in [
        "##[group]Image template t_",
        "result=Succeeded",
        "\"owner\": \"***\"",
    ] {
        assert!(log.contains(part), "{part}: {log}");
    }
    let mut shown = log.lines().filter(|line| !line.contains("task.setsecret"));
    assert!(shown.all(|line| !line.contains("hunter2")), "{log}");
}
