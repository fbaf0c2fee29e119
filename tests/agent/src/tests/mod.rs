//! Whole runs of small tasks written for the purpose.

mod commands;
mod interruptions;
mod jobs;
mod values;

use std::fs;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{Agent, Directories, Permissions, Step, StepRun, TaskFolder};

/// How long a test waits for what does not come.
const SHORT: Duration = Duration::from_millis(300);

/// A work folder with one installed task.
struct Bench {
    work: TempDir,
    task: TaskFolder,
    agent: Agent,
}

impl Bench {
    /// A task whose step runs this script.
    fn new(script: &str) -> Self {
        Self::with(script, None, &json!({}))
    }

    /// A task with a post-job script and further members of its manifest.
    fn with(script: &str, post: Option<&str>, members: &Value) -> Self {
        let work = tempfile::tempdir().unwrap();
        let source = work.path().join("source");
        fs::create_dir(&source).unwrap();
        let mut manifest = json!({
            "id": "0f9d7d2e-0000-4000-8000-000000000001",
            "name": "Sample",
            "friendlyName": "Sample task",
            "description": "Does as told",
            "author": "Contoso",
            "helpMarkDown": "[Help](https://example.com)",
            "instanceNameFormat": "Run the sample",
            "version": { "Major": 1, "Minor": 0, "Patch": 5 },
            "execution": { "Node20_1": { "target": "index.js" } },
        });
        fs::write(source.join("index.js"), script).unwrap();
        let object = manifest.as_object_mut().unwrap();
        if let Some(post) = post {
            fs::write(source.join("post.js"), post).unwrap();
            object.insert(
                "postjobexecution".to_owned(),
                json!({ "Node20_1": { "target": "post.js" } }),
            );
        }
        object.extend(members.as_object().unwrap().clone());
        fs::write(source.join("task.json"), manifest.to_string()).unwrap();
        let task = TaskFolder::install(&source, work.path(), Permissions::Unzipped).unwrap();
        let agent = Agent::of_this_machine();
        Self { work, task, agent }
    }

    /// A task that prints these lines.
    fn printing(lines: &[&str]) -> Self {
        let text = lines.join(
            "
",
        );
        Self::new(&format!("console.log({})", json!(text)))
    }

    fn step(&self) -> Step {
        Step::new(Directories::create(self.work.path()).unwrap())
    }

    fn run(&self, step: &Step) -> StepRun {
        self.agent
            .run(&self.task, crate::Stage::Main, step, None)
            .unwrap()
    }

    fn path(&self) -> &Path {
        self.work.path()
    }
}
