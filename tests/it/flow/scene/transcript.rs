//! What a stage has said and done, read for tests: its result, its issues, its variables, its summary.

use super::Stage;

impl Stage {
    /// The data of the last `task.complete`, with its result.
    pub(crate) fn result(&self) -> &str {
        let mut results = self
            .transcript
            .lines()
            .filter_map(|line| line.strip_prefix("##vso[task.complete result="));
        let result = results.next().unwrap_or("none;").split(';').next().unwrap();
        assert_eq!(
            results.next(),
            None,
            "a second task.complete in\n{}",
            self.transcript
        );
        result
    }

    /// Whether the stage ended so: what was printed is shown if it did not.
    #[track_caller]
    pub(crate) fn check_result(&self, expected: &str) {
        assert_eq!(self.result(), expected, "{}", self.transcript);
    }

    /// The transcript without secrets, with stand-ins for the number in the names and for the job's folder.
    pub(crate) fn readable_transcript(&self) -> String {
        let number = self
            .variable("templateName")
            .unwrap()
            .trim_start_matches("t_")
            .to_owned();
        let work = self.scene.step.directories.work.display().to_string();
        let lines = self
            .transcript
            .lines()
            .filter(|line| !line.starts_with("##vso[task.setsecret]"));
        lines
            .map(|line| {
                without_packed_size(&without_times(line))
                    .replace(&number, "NUMBER")
                    .replace(&work, "WORK")
                    + "\n"
            })
            .collect()
    }

    /// The summary as it is on the agent, readable like the transcript.
    pub(crate) fn summary(&self) -> String {
        let mut paths = self
            .transcript
            .lines()
            .filter_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
        let text = std::fs::read_to_string(paths.next().unwrap()).unwrap();
        assert_eq!(paths.next(), None);
        let number = self.variable("templateName").unwrap();
        let work = self.scene.step.directories.work.display().to_string();
        text.replace(number.trim_start_matches("t_"), "NUMBER")
            .replace(&work, "WORK")
    }

    /// The page of a step that has no template of its own, as it is.
    pub(crate) fn page(&self) -> String {
        let mut lines = self.transcript.lines();
        let path = lines.find_map(|line| line.strip_prefix("##vso[task.uploadsummary]"));
        std::fs::read_to_string(path.unwrap()).unwrap()
    }

    /// The id of the subscription.
    pub(crate) fn subscription(&self) -> &str {
        &self.scene.world.subscription
    }

    /// The job's own token.
    pub(crate) fn job_token(&self) -> &str {
        &self.scene.world.pipelines.job_token
    }

    /// How often the run's operation or its template was asked for.
    pub(crate) fn polls_of_the_run(&self) -> u64 {
        let journal = self.cloud.journal();
        let from = journal
            .iter()
            .position(|entry| entry.operation == Some("RunTemplate"))
            .unwrap();
        let to = journal
            .iter()
            .position(|entry| entry.operation == Some("GetRunOutput"))
            .unwrap();
        let polls = journal[from..to]
            .iter()
            .filter(|entry| matches!(entry.operation, Some("GetOperation" | "GetTemplate")));
        polls.count().try_into().unwrap()
    }

    /// The errors and warnings, as `type code: text`.
    pub(crate) fn issues(&self, kind: &str) -> Vec<String> {
        let start = format!("##vso[task.logissue type={kind};code=");
        let issues = self
            .transcript
            .lines()
            .filter_map(|line| line.strip_prefix(&start));
        issues
            .map(|rest| rest.replace(";]", ": ").replace("%0A", "\n"))
            .collect()
    }

    /// The one error of a failed stage.
    pub(crate) fn error(&self) -> String {
        let errors = self.issues("error");
        assert_eq!(errors.len(), 1, "{}", self.transcript);
        errors.into_iter().next().unwrap()
    }

    /// The value of a plain variable.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let start = format!("##vso[task.setvariable variable={name};]");
        self.transcript
            .lines()
            .find_map(|line| line.strip_prefix(&start))
    }
}

/// How small an archive gets may differ from processor to processor.
fn without_packed_size(line: &str) -> String {
    match line.split_once(" B, ") {
        Some((start, rest)) if line.starts_with("created archive:") => {
            let (_, end) = rest.split_once(" compressed").unwrap();
            format!("{start} B, PACKED compressed{end}")
        }
        _ => line.to_owned(),
    }
}

/// A record of the timeline says the time of day, and has the number in its id.
fn without_times(line: &str) -> String {
    if !line.starts_with("##vso[task.logdetail") {
        return line.to_owned();
    }
    let properties = line.split(';').filter(|property| {
        let varies = ["starttime=", "finishtime=", "##vso[task.logdetail id="];
        !varies.iter().any(|begin| property.starts_with(begin))
    });
    let rest: Vec<_> = properties.collect();
    format!("##vso[task.logdetail {}", rest.join(";"))
}
