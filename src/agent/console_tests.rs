use super::*;

/// What has been printed so far.
#[derive(Clone, Default)]
pub(in crate::agent) struct Transcript(Arc<Mutex<Vec<u8>>>);

impl Transcript {
    pub(in crate::agent) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Transcript {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub(in crate::agent) fn console(environment: &Environment) -> (Console, Transcript) {
    let transcript = Transcript::default();
    (Console::new(environment, transcript.clone()), transcript)
}

fn check_with(environment: &[(&str, &str)], say: impl FnOnce(&Console), expected: &str) {
    let environment = Environment::new(
        environment
            .iter()
            .map(|(name, value)| (name.into(), value.into())),
    );
    let (console, transcript) = console(&environment);
    say(&console);
    assert_eq!(transcript.text(), expected);
}

fn check(say: impl FnOnce(&Console), expected: &str) {
    check_with(&[("TF_BUILD", "True")], say, expected);
}

#[test]
fn lines_end_and_are_harmless() {
    check(|c| c.line("one"), "one\n");
    check(|c| c.line(""), "\n");
    check(|c| c.line("one\n\ntwo\n"), "one\n\ntwo\n");
    check(
        |c| c.line("##vso[task.complete result=Succeeded;]\r##[error]x"),
        "**vso[task.complete result=Succeeded;]\n**[error]x\n",
    );
}

#[test]
fn what_is_known_is_filled_in() {
    check(
        |c| {
            c.line("az role --assignee <who>");
            c.fill_in("<who>", "1");
            c.fill_in("<who>", "2");
            c.fill_in("<where>", "3");
            c.line("az role --assignee <who> --scope <where>");
            c.issue(IssueKind::Error, None, "say <who>");
            c.line(&c.fit_to_show("say \\<who\\>, or `<who>`"));
            c.set_variable("a", "<who>");
        },
        "az role --assignee <who>\naz role --assignee 2 --scope 3\n##vso[task.logissue type=error;]say 2\nsay 2, or `2`\n##vso[task.setvariable variable=a;]<who>\n",
    );
}

#[test]
fn last_words_stand_apart() {
    check(
        |c| {
            c.group("a");
            c.section("there\nit is");
        },
        "##[group]a\n##[endgroup]\n##[section]there it is\n",
    );
    check(|c| c.notice("##vso[x.y]z"), "##[warning]**vso[x.y]z\n");
    check_with(&[], |c| c.notice("do it"), "do it\n");
}

#[test]
fn groups_do_not_nest_and_end_before_the_result() {
    check(Console::end_group, "");
    check(
        |c| {
            c.group("a\nb");
            c.line("x");
            c.end_group();
            c.end_group();
        },
        "##[group]a b\nx\n##[endgroup]\n",
    );
    check(
        |c| {
            c.group("a");
            c.group("b");
            c.end_group();
        },
        "##[group]a\n##[endgroup]\n##[group]b\n##[endgroup]\n",
    );
    check(
        |c| {
            c.group("a");
            c.complete(TaskResult::Failed, "no");
        },
        "##[group]a\n##[endgroup]\n##vso[task.complete result=Failed;]no\n",
    );
}

#[test]
fn debug_lines_are_printed_only_when_asked_for() {
    check(|c| c.debug("x"), "");
    let debug = [("TF_BUILD", "True"), ("SYSTEM_DEBUG", "true")];
    check_with(
        &debug,
        |c| c.debug("x\n##vso[a.b]y"),
        "##vso[task.debug]x\n##vso[task.debug]**vso[a.b]y\n",
    );
}

#[test]
fn an_issue_is_one_command() {
    check(
        |c| c.issue(IssueKind::Error, Some("AIB101"), "a\r\nb 100%"),
        "##vso[task.logissue type=error;code=AIB101;]a%0Ab 100%AZP25\n",
    );
    check(
        |c| c.issue(IssueKind::Warning, None, "w"),
        "##vso[task.logissue type=warning;]w\n",
    );
    check_with(
        &[("TF_BUILD", "True"), ("COMMAND_CORRELATION_ID", "id-1")],
        |c| c.issue(IssueKind::Error, None, "w"),
        "##vso[task.logissue type=error;correlationId=id-1;]w\n",
    );
}

#[test]
fn long_issues_are_cut() {
    assert_eq!(shortened(&"é".repeat(4_000)), "é".repeat(4_000));
    assert_eq!(
        shortened(&"é".repeat(4_001)),
        format!("{}…", "é".repeat(3_999))
    );
    check(
        |c| c.issue(IssueKind::Error, None, &"x".repeat(9_000)),
        &format!("##vso[task.logissue type=error;]{}…\n", "x".repeat(3_999)),
    );
}

#[test]
fn a_variable_is_an_output_only_where_the_step_has_a_name() {
    let plain = "##vso[task.setvariable variable=imageId;]/x;y]\n";
    check(|c| c.set_variable("imageId", "/x;y]"), plain);
    check_with(
        &[("TF_BUILD", "True"), ("SYSTEM_TASKINSTANCENAME", "")],
        |c| c.set_variable("imageId", "/x;y]"),
        plain,
    );
    check_with(
        &[("TF_BUILD", "True"), ("SYSTEM_TASKINSTANCENAME", "bake")],
        |c| c.set_variable("imageId", "/x;y]"),
        &format!("{plain}##vso[task.setvariable variable=imageId;isoutput=true;]/x;y]\n"),
    );
    check(
        |c| c.set_variable("imageId", ""),
        "##vso[task.setvariable variable=imageId;]\n",
    );
    check(|c| c.set_variable("", "x"), "");
}

#[test]
fn task_variables_may_be_secret() {
    check(|c| c.set_task_variable("", "x", false), "");
    check(
        |c| c.set_task_variable("left", "{}", false),
        "##vso[task.settaskvariable variable=left;]{}\n",
    );
    check(
        |c| c.set_task_variable("left", "hunter2", true),
        "##vso[task.setsecret]hunter2\n##vso[task.settaskvariable variable=left;issecret=true;]hunter2\n",
    );
}

#[test]
fn progress_stays_in_its_bounds() {
    check(
        |c| c.set_progress(0, "starting"),
        "##vso[task.setprogress value=0;]starting\n",
    );
    check(
        |c| c.set_progress(250, ""),
        "##vso[task.setprogress value=100;]\n",
    );
}

#[test]
fn the_result_is_the_last_word() {
    for (result, word) in [
        (TaskResult::Succeeded, "Succeeded"),
        (TaskResult::SucceededWithIssues, "SucceededWithIssues"),
        (TaskResult::Failed, "Failed"),
        (TaskResult::Canceled, "Canceled"),
    ] {
        check(
            |c| {
                assert_eq!(c.result(), None);
                c.complete(result, "done\nhere");
                assert!(c.result().is_some());
                c.complete(TaskResult::Failed, "again");
                c.line("late");
                c.issue(IssueKind::Error, None, "late");
                c.mask("hunter2-hunter2");
            },
            &format!("##vso[task.complete result={word};]done here\n"),
        );
    }
}

#[test]
fn secrets_are_announced_once_and_hidden_everywhere() {
    check(
        |c| {
            c.mask("hunter2 50%");
            c.mask("hunter2 50%");
            c.line("a hunter2 50% b");
            c.line("hunter2\u{1b}[0m 50%");
            c.group("hunter2 50%");
            c.issue(IssueKind::Error, None, "hunter2 50%");
            c.set_variable("v", "hunter2 50%");
            c.complete(TaskResult::Failed, "hunter2 50%");
        },
        "##vso[task.setsecret]hunter2 50%AZP25\na *** b\n***\n##[group]***\n##vso[task.logissue type=error;]***\n\
         ##vso[task.setvariable variable=v;]hunter2 50%AZP25\n##[endgroup]\n##vso[task.complete result=Failed;]***\n",
    );
}

#[test]
fn a_secret_that_is_not_announced_is_hidden_all_the_same() {
    check_with(
        &[],
        |c| {
            c.mask("hunter2");
            c.line("hunter2");
        },
        "***\n",
    );
}

#[test]
fn a_person_at_a_prompt_reads_plain_text() {
    check_with(
        &[
            ("SYSTEM_DEBUG", "true"),
            ("SYSTEM_TASKINSTANCENAME", "bake"),
        ],
        |c| {
            c.mask("hunter2");
            c.group("A group");
            c.line("##vso[a.b]hunter2");
            c.debug("one\ntwo");
            c.issue(IssueKind::Error, Some("AIB101"), "what\nhint: that");
            c.issue(IssueKind::Warning, None, "careful");
            c.set_variable("imageUri", "/x");
            c.set_task_variable("left", "[]", false);
            c.set_progress(5, "working");
            c.end_group();
            c.complete(TaskResult::Failed, "what");
            c.line("late");
        },
        "A group\n**vso[a.b]***\ndebug: one\ndebug: two\nerror AIB101: what\nhint: that\nwarning: careful\nimageUri = /x\n\
         Failed: what\n",
    );
}

#[test]
fn the_lines_of_a_secret_are_announced_escaped() {
    check(
        |c| c.mask("first-line\nsecond-line"),
        "##vso[task.setsecret]first-line%0Asecond-line\n##vso[task.setsecret]first-line\n##vso[task.setsecret]second-line\n",
    );
}
