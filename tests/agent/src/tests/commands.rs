//! What the agent makes of a task's output.

use serde_json::json;

use super::Bench;
use crate::TaskResult::{Canceled, Failed, Succeeded, SucceededWithIssues};
use crate::ViolationKind::{
    DroppedProperty, FailedCommand, InvalidValue, LostText, MissingAttachment, NotAllowed,
    RepeatedCompletion, SecretShown, UnknownCommand, UnknownProperty, Unparsable,
};
use crate::{ServiceConnection, TaskResult, ViolationKind};

#[test]
fn the_log_reads_as_on_the_run_page() {
    let bench = Bench::printing(&[
        "##[group]Plan",
        "one image",
        "##[endgroup]",
        "##vso[task.setprogress value=40;]baking",
        "##vso[task.setprogress value=30;]still baking",
        "##vso[task.debug]not shown",
        "##vso[task.logissue type=warning;]old base image",
        "##vso[task.logissue type=error;code=AIB401;sourcepath=a.sh;linenumber=3;columnnumber=7;]The run failed",
        "##vso[task.complete result=Failed;]Baking failed",
    ]);
    let run = bench.run(&bench.step());
    run.assert_no_violations();
    let rule = "=".repeat(78);
    let expected = format!(
        "##[section]Starting: Run the sample\n{rule}\nTask         : Sample task\nDescription  : Does as told\n\
         Version      : 1.0.5\nAuthor       : Contoso\nHelp         : [Help](https://example.com)\n{rule}\n\
         ##[group]Plan\none image\n##[endgroup]\n##[warning]old base image\n\
         ##[error]a.sh(3,7): error AIB401: The run failed\n##[section]Finishing: Run the sample\n"
    );
    assert_eq!(run.log(), expected);
    assert_eq!(
        (run.result, run.exit_code, run.progress),
        (Failed, Some(0), 100)
    );
    assert_eq!(
        (run.errors(), run.warnings()),
        (vec!["The run failed"], vec!["old base image"])
    );
    assert_eq!(run.issues[1].code.as_deref(), Some("AIB401"));
    assert_eq!(run.current_operation.as_deref(), Some("Baking failed"));
}

#[test]
fn debug_lines_show_when_the_pipeline_asks() {
    let bench = Bench::printing(&[
        "##vso[task.debug]detail",
        "##vso[task.complete result=Succeeded;]",
    ]);
    let log = bench
        .run(&bench.step().variable("system.debug", "True"))
        .log();
    let expected = "##[debug]detail\n##[debug]Processed: ##vso[task.complete result=Succeeded;]\n";
    assert!(log.contains(expected), "{log}");
}

fn check_result(script: &str, expected: TaskResult, errors: &[&str]) {
    let bench = Bench::new(script);
    let run = bench.run(&bench.step());
    assert_eq!(run.result, expected, "{script}");
    assert_eq!(
        run.errors().len(),
        errors.len(),
        "{script}: {:?}",
        run.errors()
    );
    for (error, part) in run.errors().iter().zip(errors) {
        assert!(error.contains(part), "{script}: {error}");
    }
}

#[test]
fn results_follow_commands_and_exit_codes() {
    for (script, expected, errors) in [
        ("", Succeeded, &[][..]),
        (
            "console.log('##vso[task.complete result=SucceededWithIssues;]')",
            SucceededWithIssues,
            &[],
        ),
        (
            "console.error('##vso[task.complete result=Canceled;]')",
            Canceled,
            &[],
        ),
        (
            "console.log('##vso[task.complete result=Cancelled;]')",
            Failed,
            &["Unable to process", "Cancelled"],
        ),
        (
            "console.log('##vso[task.complete]')",
            Failed,
            &["Unable to process", "valid result"],
        ),
        (
            "console.log('##vso[task.complete result=Succeeded;]'); process.exit(3)",
            Failed,
            &["Exit code 3 returned"],
        ),
        (
            "process.kill(process.pid, 'SIGKILL')",
            Failed,
            &["Exit code 137 returned"],
        ),
    ] {
        check_result(script, expected, errors);
    }
}

fn check_violation(line: &str, expected: &[ViolationKind], result: TaskResult) {
    let bench = Bench::with(
        &format!("console.log({})", json!(line)),
        None,
        &json!({ "restrictions": { "settableVariables": { "allowed": ["image*", "key"] } } }),
    );
    let step = bench
        .step()
        .secret_variable("old", "known-secret")
        .connection(
            ServiceConnection::new(
                "0a1b2c3d-1111-4222-8333-444455556666",
                "c",
                "https://x/",
                "ServicePrincipal",
            )
            .parameter("serviceprincipalkey", "endpoint-key")
            .parameter("tenantid", "public-tenant"),
        );
    let run = bench.run(&step);
    let kinds: Vec<_> = run
        .violations
        .iter()
        .map(|violation| violation.kind)
        .collect();
    assert_eq!(kinds, expected, "{line}");
    assert_eq!(run.result, result, "{line}");
    assert!(
        !run.log().contains("known-secret") && !run.log().contains("endpoint-key"),
        "{}",
        run.log()
    );
}

#[test]
fn what_the_agent_forgives_is_a_violation() {
    for (line, expected, result) in [
        ("plain, in public-tenant", &[][..], Succeeded),
        (
            "##vso[task.setvariable variable=imageUri;]x",
            &[],
            Succeeded,
        ),
        ("##vso[oven.open]x", &[UnknownCommand], Succeeded),
        (
            "##vso[task.complete result=Failed; done=true]",
            &[UnknownProperty],
            Failed,
        ),
        (
            "##vso[task.complete result=Failed;done=]",
            &[DroppedProperty],
            Failed,
        ),
        (
            "##vso[task.complete result=Failed",
            &[Unparsable],
            Succeeded,
        ),
        (
            "50 % ##vso[task.complete result=Failed;]",
            &[LostText],
            Failed,
        ),
        (
            "##vso[task.setprogress value=half;]",
            &[InvalidValue],
            Succeeded,
        ),
        ("##vso[task.logissue]x", &[InvalidValue], Succeeded),
        (
            "##vso[task.setvariable variable=PATH;]x",
            &[NotAllowed],
            Succeeded,
        ),
        (
            "##vso[task.complete result=Failed;]\n##vso[task.complete result=Succeeded;]",
            &[RepeatedCompletion],
            Failed,
        ),
    ] {
        check_violation(line, expected, result);
    }
}

#[test]
fn a_command_that_cannot_be_obeyed_fails_the_step() {
    for (line, expected) in [
        ("##vso[task.explode]x", &[UnknownCommand, FailedCommand][..]),
        ("##vso[release.updatereleasename]x", &[NotAllowed]),
        ("##vso[task.logissue type=info;]x", &[FailedCommand]),
        (
            "##vso[task.setvariable variable=imageUri;isoutput=true;]x",
            &[FailedCommand],
        ),
        (
            "##vso[task.setvariable variable=key;issecret=true;]a%0Ab",
            &[FailedCommand],
        ),
        (
            "##vso[task.uploadsummary]/nowhere/summary.md",
            &[MissingAttachment, FailedCommand],
        ),
        (
            "##vso[task.uploadsummary]index.js",
            &[MissingAttachment, FailedCommand],
        ),
    ] {
        check_violation(line, expected, Failed);
    }
}

#[test]
fn a_secret_in_the_open_is_a_violation() {
    for (line, expected) in [
        (
            "##vso[task.setvariable variable=key;issecret=true;]endpoint-key",
            &[][..],
        ),
        ("it is known-secret", &[SecretShown]),
        ("##vso[task.debug]it is endpoint-key", &[SecretShown]),
        (
            "early new-secret\n##vso[task.setsecret]new-secret\nlate new-secret",
            &[SecretShown],
        ),
    ] {
        check_violation(line, expected, Succeeded);
    }
}

#[test]
fn variables_go_where_the_agent_puts_them() {
    let bench = Bench::with(
        &format!(
            "console.log({})",
            json!(
                "##vso[task.setvariable variable=imageUri;]a%AZP25b\n\
                 ##vso[task.setvariable variable=imageUri;isoutput=true;]c\n\
                 ##vso[task.setvariable variable=declared;]d\n\
                 ##vso[task.setvariable variable=key;issecret=true;]hush-hush\n\
                 ##vso[task.settaskvariable variable=template;]t_1\n\
                 ##vso[task.prependpath]/opt/tool\nnow hush-hush"
            )
        ),
        None,
        &json!({ "outputVariables": [{ "name": "declared" }] }),
    );
    let run = bench.run(&bench.step().named("bake"));
    assert_eq!(run.variables.value("IMAGEURI"), Some("a%b"));
    assert_eq!(run.variables.get("declared"), None);
    assert!(run.variables.get("key").unwrap().secret);
    let outputs: Vec<_> = run
        .output_variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(outputs, [("bake.declared", "d"), ("bake.imageUri", "c")]);
    assert_eq!(run.task_variables.value("template"), Some("t_1"));
    assert_eq!(
        (run.secrets, run.prepended_paths),
        (vec!["hush-hush".to_owned()], vec!["/opt/tool".to_owned()])
    );
    assert_eq!(
        run.log_lines
            .iter()
            .filter(|line| *line == "now ***")
            .count(),
        1
    );
}

#[test]
fn only_ten_errors_become_issues() {
    let bench = Bench::new(
        "for (let i = 0; i < 12; i++) console.log('##vso[task.logissue type=error;]e' + i)",
    );
    let run = bench.run(&bench.step());
    assert_eq!(
        (run.issues.len(), run.error_count, run.result),
        (10, 12, Succeeded)
    );
    assert_eq!(
        run.log_lines
            .iter()
            .filter(|line| line.starts_with("##[error]e"))
            .count(),
        12
    );
}

#[test]
fn restricted_mode_refuses_attachments() {
    let bench = Bench::with(
        "console.log('##vso[task.uploadsummary]' + __filename)",
        None,
        &json!({ "restrictions": { "commands": { "mode": "restricted" } } }),
    );
    let upload = "console.log('##vso[task.uploadsummary]' + __filename)";
    let free = Bench::new(upload);
    for (run, attachments) in [
        (bench.run(&bench.step()), 0),
        (free.run(&free.step().restricted()), 0),
        (free.run(&free.step()), 1),
    ] {
        assert_eq!(
            (run.result, run.attachments.len(), run.warnings().len()),
            (Succeeded, attachments, 1 - attachments)
        );
    }
}

#[test]
fn attached_files_are_read_at_the_end() {
    let bench = Bench::new(
        "const fs = require('fs'), dir = process.env.AGENT_TEMPDIRECTORY;
         fs.writeFileSync(dir + '/s.md', '# draft'); console.log('##vso[task.uploadsummary]' + dir + '/s.md');
         fs.writeFileSync(dir + '/s.md', '# done'); console.log('##vso[task.uploadfile]' + dir + '/s.md');
         console.log('##vso[task.addattachment type=my.type;name=again;]' + dir + '/s.md');",
    );
    let run = bench.run(&bench.step());
    run.assert_no_violations();
    assert_eq!(run.summaries(), ["# done"]);
    let names: Vec<_> = run
        .attachments
        .iter()
        .map(|it| (it.kind.as_str(), it.name.as_str()))
        .collect();
    let expected = [
        ("Distributedtask.Core.Summary", "s.md"),
        ("Distributedtask.Core.FileAttachment", "s.md"),
        ("my.type", "again"),
    ];
    assert_eq!(names, expected);
}

fn check_file(content: &str, expected: &[ViolationKind]) {
    let bench = Bench::new(&format!(
        "const path = process.env.AGENT_TEMPDIRECTORY + '/s.md';
         console.log('##vso[task.setsecret]sig=abcdef');
         require('fs').writeFileSync(path, {});
         console.log('##vso[task.uploadsummary]' + path);",
        json!(content)
    ));
    let id = "0a1b2c3d-1111-4222-8333-444455556666";
    let connection = ServiceConnection::new(id, "c", "https://x/", "ServicePrincipal")
        .parameter("serviceprincipalid", "client-id")
        .parameter("serviceprincipalkey", "endpoint-key");
    let run = bench.run(&bench.step().connection(connection));
    let kinds: Vec<_> = run
        .violations
        .iter()
        .map(|violation| violation.kind)
        .collect();
    assert_eq!(kinds, expected, "{content}");
}

#[test]
fn an_attached_file_must_not_show_a_secret() {
    for (content, expected) in [
        ("# Image\nmade by client-id", &[][..]),
        ("# Image\nwith endpoint-key", &[SecretShown]),
        ("https://host/package?sig=abcdef", &[SecretShown]),
    ] {
        check_file(content, expected);
    }
}
