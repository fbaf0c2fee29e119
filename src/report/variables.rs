//! The output variables of each action, by which later steps decide.

use crate::agent::Console;
use crate::inputs::Action;

/// The variables of `action` when its inputs are refused: all empty, but for the given name of the template.
pub fn set_empty_variables(console: &Console, action: Action, template: &str) {
    for name in names(action) {
        let value = match *name {
            "imageReady" | "imageReleased" => "false",
            "templateName" => template,
            _ => "",
        };
        console.set_variable(name, value);
    }
}

/// The output variables of `action`; those of a build are set as its original sets them.
pub(super) fn names(action: Action) -> &'static [&'static str] {
    match action {
        Action::Submit => &["templateId", "runState", "runDeadline", "imageReady"],
        Action::Wait | Action::Status => &[
            "templateName",
            "templateId",
            "runState",
            "runPhase",
            "imageReady",
        ],
        Action::Run => &["templateName", "templateId", "runState", "imageReady"],
        Action::Cancel => &["templateName", "templateId", "runState"],
        Action::Rollout => &[
            "rolloutState",
            "rolloutPreviousImageId",
            "rolloutHosts",
            "rolloutOldHosts",
        ],
        Action::Test => &["imageTested"],
        Action::Promote | Action::Withdraw => &[
            "imageVersionId",
            "imageUri",
            "imageVersion",
            "imagePreviousVersionId",
            "imageReleased",
        ],
        Action::Retain => &["imageRetained", "imageRemoved"],
        Action::Diff => &[
            "imageVersionId",
            "imageUri",
            "imageVersion",
            "imageChanges",
            "imageDiffPath",
        ],
        Action::Report => &["imageHostsBehind"],
        _ => &[],
    }
}
