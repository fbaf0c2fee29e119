//! What the agent finds in a transcript of ours: our own commands, each as it is meant, and nothing that someone else has written.

use std::path::Path;

use pipelines_agent::{Command, Manifest, Parsed, parse};

/// Everything that the product has to say, with the properties that it uses.
const VOCABULARY: [(&str, &[&str]); 12] = [
    ("task.complete", &["result"]),
    ("task.debug", &[]),
    (
        "task.logdetail",
        &[
            "id",
            "type",
            "name",
            "order",
            "starttime",
            "finishtime",
            "state",
            "result",
        ],
    ),
    (
        "results.publish",
        &["type", "mergeResults", "runTitle", "resultFiles"],
    ),
    (
        "task.logissue",
        &["type", "code", "sourcepath", "linenumber", "columnnumber"],
    ),
    ("task.setprogress", &["value"]),
    ("task.setsecret", &[]),
    ("task.settaskvariable", &["variable"]),
    ("task.setvariable", &["variable", "isoutput"]),
    ("task.uploadfile", &[]),
    ("task.uploadsummary", &[]),
    ("task.addattachment", &["type", "name"]),
];

/// Fails when the agent would see a command that is not ours, a malformed one, anything after the one result, a bar that goes back, or groups in
/// each other.
pub(crate) fn check_protocol(transcript: &str) {
    let (mut ended, mut in_group, mut progress) = (false, false, 0);
    for line in transcript.split(['\n', '\r']) {
        assert!(
            !ended || line.is_empty(),
            "after the result: {line}\n{transcript}"
        );
        match parse(line) {
            Parsed::Command(command) => {
                check_command(&command, line);
                if command.is("task", "setprogress") {
                    let value = command.property("value").unwrap_or_default();
                    let value: u8 = value.parse().unwrap();
                    assert!(
                        progress <= value && value < 100,
                        "it goes back, or is over: {line}"
                    );
                    progress = value;
                }
                ended |= command.is("task", "complete");
            }
            Parsed::Unparsable => panic!("the agent warns about: {line}"),
            Parsed::Text => {
                assert!(
                    !line.to_lowercase().contains("##vso"),
                    "by some rules of letter case a command: {line}"
                );
                // Groups do not nest.
                match line {
                    "##[endgroup]" => assert!(std::mem::take(&mut in_group), "{transcript}"),
                    _ if line.starts_with("##[group]") => {
                        assert!(
                            !std::mem::replace(&mut in_group, true),
                            "{line}\n{transcript}"
                        );
                    }
                    _ => {}
                }
            }
        }
    }
}

fn check_command(command: &Command, line: &str) {
    let name = format!("{}.{}", command.area, command.event);
    let known = VOCABULARY.iter().find(|(own, _)| *own == name);
    let (_, properties) = known.unwrap_or_else(|| panic!("not ours: {line}"));
    assert!(
        command.lost.is_empty() && command.dropped.is_empty(),
        "the agent loses a part of: {line}"
    );
    for (key, _) in &command.properties {
        assert!(properties.contains(&key.as_str()), "not ours: {line}");
    }
    // The agent prints line and column, even of a path that comes without them.
    assert!(
        command.property("sourcepath").is_none()
            || (command.property("linenumber").is_some()
                && command.property("columnnumber").is_some()),
        "a path alone: {line}"
    );
    let variable = command.property("variable").unwrap_or_default();
    let ours = match name.as_str() {
        "task.setvariable" => manifest().restrictions.may_set(variable),
        "task.settaskvariable" => ["imageBuilderLeftovers", "imageBuilderRun"].contains(&variable),
        _ => true,
    };
    assert!(ours, "not ours: {line}");
    // What the agent prints of an issue, a debug line or a result is not parsed again, but a person's eyes are deceived by it.
    assert!(!command.data.contains("##vso["), "harmful: {line}");
    if name == "task.logissue" || name == "task.complete" {
        for never in NEVER_SHOWN {
            assert!(!command.data.contains(never), "'{never}' is shown: {line}");
        }
    }
}

/// What no issue and no result says: of a name that was not found, of a text that was not filled in, of a parser, of a type.
const NEVER_SHOWN: [&str; 8] = [
    "(not named)",
    "{}",
    " line 1 column ",
    "expected value at",
    "Credential authentication failed",
    "Some(",
    "None",
    "image_builder::",
];

fn manifest() -> Manifest {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("task/task.json");
    Manifest::read(&file).unwrap()
}

#[test]
fn the_check_bites() {
    let refused =
        |transcript: &str| std::panic::catch_unwind(|| check_protocol(transcript)).is_err();
    let end = "##vso[task.complete result=Failed;]no\n";
    for good in [
        "",
        "one\ntwo\n",
        end,
        "##vso[task.setvariable variable=imageUri;]x\n",
    ] {
        assert!(!refused(good), "{good}");
    }
    for bad in [
        "##vso[task.setvariable variable=x;]y",
        "text ##vso[task.debug]y",
        "##vso[build.addbuildtag]y",
        "##vso[task.debug",
        "##VSO[task.debug]",
        "##vso[task.complete result=Failed; done=true]no",
        "##vso[task.logissue type=error;sourcepath=x;]no",
        "##vso[task.logissue type=error;]it says EOF while parsing at line 1 column 399",
        "##vso[task.logissue type=error;](not named) is missing",
        "a\r##vso[task.prependpath]/evil",
        "##vso[task.setprogress value=100;]x",
        "##vso[task.setprogress value=9;]x\n##vso[task.setprogress value=8;]x",
        "##[group]a\n##[group]b\n##[endgroup]",
        "##[endgroup]",
        &format!("{end}{end}"),
        &format!("{end}late"),
    ] {
        assert!(refused(bad), "{bad}");
    }
}
