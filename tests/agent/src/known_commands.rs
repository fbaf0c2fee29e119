//! The logging commands that the agent knows, and their properties.

use crate::command::Command;

/// A command that the agent knows.
pub(crate) struct Known {
    pub(crate) area: &'static str,
    pub(crate) event: &'static str,
    /// Whether it is obeyed in restricted mode.
    pub(crate) restricted: bool,
    /// The properties that it has; none where they are not checked.
    pub(crate) properties: Option<&'static [&'static str]>,
}

const fn known(
    area: &'static str,
    event: &'static str,
    restricted: bool,
    properties: &'static [&'static str],
) -> Known {
    Known {
        area,
        event,
        restricted,
        properties: Some(properties),
    }
}

/// <https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands> and the agent's command extensions.
const COMMANDS: &[Known] = &[
    known("task", "complete", true, &["result", "done"]),
    known("task", "logissue", true, ISSUE_PROPERTIES),
    known("task", "issue", true, ISSUE_PROPERTIES),
    known("task", "setprogress", true, &["value"]),
    known("task", "logdetail", true, DETAIL_PROPERTIES),
    known(
        "task",
        "setvariable",
        true,
        &[
            "variable",
            "issecret",
            "isoutput",
            "isreadonly",
            "preservecase",
        ],
    ),
    known("task", "setsecret", true, &[]),
    known(
        "task",
        "settaskvariable",
        true,
        &["variable", "issecret", "isreadonly", "preservecase"],
    ),
    known("task", "prependpath", true, &[]),
    known("task", "debug", true, &[]),
    known("task", "setendpoint", false, &["id", "field", "key"]),
    known("task", "addattachment", false, &["type", "name"]),
    known("task", "uploadsummary", false, &[]),
    known("task", "uploadfile", false, &[]),
    known(
        "artifact",
        "upload",
        false,
        &["containerfolder", "artifactname"],
    ),
    Known {
        area: "artifact",
        event: "associate",
        restricted: false,
        properties: None,
    },
    known("build", "uploadlog", false, &[]),
    known("build", "updatebuildnumber", false, &[]),
    known("build", "addbuildtag", false, &[]),
    known("build", "uploadsummary", false, &[]),
    known("release", "updatereleasename", false, &[]),
    Known {
        area: "results",
        event: "publish",
        restricted: false,
        properties: None,
    },
    Known {
        area: "codecoverage",
        event: "publish",
        restricted: false,
        properties: None,
    },
    known("telemetry", "publish", true, &["area", "feature"]),
];

const ISSUE_PROPERTIES: &[&str] = &[
    "type",
    "sourcepath",
    "linenumber",
    "columnnumber",
    "code",
    "source",
    "correlationId",
];

const DETAIL_PROPERTIES: &[&str] = &[
    "id",
    "parentid",
    "type",
    "name",
    "order",
    "starttime",
    "finishtime",
    "progress",
    "state",
    "result",
];

/// The command of that name.
pub(crate) fn find(command: &Command) -> Option<&'static Known> {
    COMMANDS
        .iter()
        .find(|known| command.is(known.area, known.event))
}

/// Whether any command has that area.
pub(crate) fn is_area(area: &str) -> bool {
    COMMANDS
        .iter()
        .any(|known| known.area.eq_ignore_ascii_case(area))
}
