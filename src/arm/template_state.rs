//! What Azure says of an image template and of its run.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::refusal::{cut, innermost, shortened};
use crate::resource::ResourceGroupId;
use crate::template::model::ImageTemplate;

/// A state is a word.
const LONGEST_WORD: usize = 100;

/// What Azure says of an image template.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Template {
    /// `Creating`, `Succeeded`, `Failed`, `Deleting` ...
    pub provisioning_state: String,
    /// Why it could not be provisioned: code and text.
    pub provisioning_error: Option<(String, String)>,
    /// The last run, absent before the first one.
    pub last_run: Option<RunStatus>,
    /// The number that `latest` stood for, where the source is a marketplace image.
    pub source_version: Option<String>,
    /// The group in which the build happens (`exactStagingResourceGroup`), once it is known.
    pub staging_group: Option<ResourceGroupId>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// When it was made (`systemData.createdAt`), where Azure tells.
    pub created: Option<OffsetDateTime>,
    /// What it builds of what, as the published definition has it; nothing where the answer is none of that form.
    pub definition: Option<ImageTemplate>,
}

/// `lastRunStatus` of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunStatus {
    /// Where the run stands.
    pub state: RunState,
    /// `Queued`, `Building`, `Customizing`, `Distributing` ...; absent when canceling or over.
    pub sub_state: Option<String>,
    /// Azure's text, empty when all is well.
    pub message: String,
    /// When it was started.
    pub started: Option<OffsetDateTime>,
    /// When it ended; absent while it runs.
    pub ended: Option<OffsetDateTime>,
}

impl RunStatus {
    /// Whether the run is over: by its state, or, in a state that we do not know, by the time of its end.
    pub fn is_over(&self) -> bool {
        let unknown = matches!(self.state, RunState::Unknown(_));
        self.state.is_end() || (unknown && self.ended.is_some())
    }
}

/// `runState`, with room for words that do not exist yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunState {
    /// At work.
    Running,
    /// A cancel was accepted.
    Canceling,
    /// All targets were reached.
    Succeeded,
    /// Some targets were reached.
    PartiallySucceeded,
    /// No image.
    Failed,
    /// Canceled.
    Canceled,
    /// A word we do not know; taken for "at work" as long as the run has no end time.
    Unknown(String),
}

impl RunState {
    /// Whether the run is over.
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Succeeded | Self::PartiallySucceeded | Self::Failed | Self::Canceled
        )
    }

    /// Whether a run that ended like that has made an image.
    pub fn has_image(&self) -> bool {
        matches!(self, Self::Succeeded | Self::PartiallySucceeded)
    }

    /// Whether the run has ended without an image.
    pub fn is_without_image(&self) -> bool {
        matches!(self, Self::Failed | Self::Canceled)
    }

    fn from_text(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "running" => Self::Running,
            "canceling" | "cancelling" => Self::Canceling,
            "succeeded" => Self::Succeeded,
            "partiallysucceeded" => Self::PartiallySucceeded,
            "failed" => Self::Failed,
            "canceled" | "cancelled" => Self::Canceled,
            _ => Self::Unknown(cut(text, LONGEST_WORD)),
        }
    }
}

impl std::fmt::Display for RunState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unknown(word) => f.write_str(word),
            known @ (Self::Running
            | Self::Canceling
            | Self::Succeeded
            | Self::PartiallySucceeded
            | Self::Failed
            | Self::Canceled) => {
                write!(f, "{known:?}")
            }
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Wire {
    properties: WireProperties,
    tags: Value,
    system_data: Value,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireProperties {
    provisioning_state: String,
    provisioning_error: Option<WireError>,
    last_run_status: Option<WireRun>,
    source: Value,
    exact_staging_resource_group: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireError {
    provisioning_error_code: String,
    message: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct WireRun {
    start_time: String,
    end_time: String,
    run_state: String,
    run_sub_state: Option<String>,
    message: String,
}

impl Template {
    /// Reads the answer to a GET of the template; members that are not there are empty.
    pub fn read(value: &Value) -> Self {
        let Wire {
            properties,
            tags,
            system_data,
        } = Wire::deserialize(value).unwrap_or_default();
        let tags = tags.as_object().into_iter().flatten();
        let tag =
            |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
        let created = system_data.get("createdAt").and_then(Value::as_str);
        let version = properties
            .source
            .get("exactVersion")
            .and_then(Value::as_str);
        Template {
            provisioning_state: properties.provisioning_state,
            provisioning_error: properties.provisioning_error.map(|error| {
                let code = shortened(&error.provisioning_error_code);
                (code, shortened(&error.message))
            }),
            last_run: properties.last_run_status.map(read_run),
            source_version: version
                .filter(|version| !version.eq_ignore_ascii_case("latest"))
                .map(|version| cut(version, LONGEST_WORD)),
            staging_group: properties.exact_staging_resource_group.parse().ok(),
            tags: tags.filter_map(tag).collect(),
            created: created.and_then(moment),
            definition: ImageTemplate::deserialize(value).ok(),
        }
    }

    /// Whether it is being created or changed.
    pub fn is_being_provisioned(&self) -> bool {
        self.is_in_state("Creating") || self.is_in_state("Updating")
    }

    /// Whether it is being deleted.
    pub fn is_being_deleted(&self) -> bool {
        self.is_in_state("Deleting")
    }

    /// Whether it can run.
    pub fn is_provisioned(&self) -> bool {
        self.is_in_state("Succeeded")
    }

    /// Whether nothing goes on in it: neither a run, nor a change of the template itself.
    pub fn is_at_rest(&self) -> bool {
        let run = self.last_run.as_ref();
        let changes = self.is_being_provisioned() || self.is_being_deleted();
        run.is_none_or(RunStatus::is_over) && !changes
    }

    fn is_in_state(&self, state: &str) -> bool {
        self.provisioning_state.eq_ignore_ascii_case(state)
    }

    /// The value of tag `name`; Azure keeps names in the letter case that they came in, and ignores it.
    pub fn tag(&self, name: &str) -> Option<&String> {
        let mut tags = self.tags.iter();
        tags.find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// A time in an answer. While a run is on, its end is given as the year 1.
fn moment(text: &str) -> Option<OffsetDateTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok();
    time.filter(|time| time.year() > 1)
}

fn read_run(wire: WireRun) -> RunStatus {
    RunStatus {
        started: moment(&wire.start_time),
        state: RunState::from_text(&wire.run_state),
        sub_state: wire
            .run_sub_state
            .filter(|state| !state.is_empty())
            .map(|state| cut(&state, LONGEST_WORD)),
        message: unfolded(&wire.message),
        ended: moment(&wire.end_time),
    }
}

/// The message may itself be an error document (recorded in 2020).
fn unfolded(message: &str) -> String {
    let document: Option<Value> = serde_json::from_str(message).ok();
    match document.as_ref().and_then(innermost) {
        Some((code, text)) => format!("{code}: {text}"),
        None => shortened(message.trim()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_is_read_in_every_state() {
        let check = |value: Value, expected: Template| {
            let read = Template::read(&value);
            assert!(read.definition.is_some(), "{value}");
            let definition = None;
            assert_eq!(Template { definition, ..read }, expected);
        };
        check(json!({}), Template::default());
        check(
            json!({"properties": {"provisioningState": "Failed", "source": {"exactVersion": "latest"},
                "provisioningError": {"provisioningErrorCode": "Other", "message": "no"}}}),
            Template {
                provisioning_state: "Failed".into(),
                provisioning_error: Some(("Other".into(), "no".into())),
                ..Template::default()
            },
        );
        check(
            json!({"properties": {"provisioningState": "Succeeded", "source": {"exactVersion": "18.04.1"}, "exactStagingResourceGroup": "/subscriptions/s/resourceGroups/IT_g", "lastRunStatus":
                {"startTime": "2023-05-25T07:59:42.169984039Z", "endTime": "0001-01-01T00:00:00Z", "runState": "Running", "runSubState": "Queued", "message": ""}}}),
            Template {
                provisioning_state: "Succeeded".into(),
                source_version: Some("18.04.1".into()),
                staging_group: "/subscriptions/s/resourceGroups/IT_g".parse().ok(),
                last_run: Some(RunStatus {
                    state: RunState::Running,
                    sub_state: Some("Queued".into()),
                    message: String::new(),
                    started: Some(time::macros::datetime!(2023-05-25 07:59:42.169984039 UTC)),
                    ended: None,
                }),
                ..Template::default()
            },
        );
    }

    #[test]
    fn what_it_builds_is_read_or_not_known() {
        let targets = |value: Value| {
            let template = Template::read(&value);
            template.definition.map(|it| it.properties.targets().len())
        };
        let vhd = json!({"properties": {"distribute": [{"type": "VHD", "runOutputName": "a"}], "vmProfile": null}, "systemData": null});
        assert_eq!(targets(vhd), Some(1));
        assert_eq!(targets(json!({"properties": {"distribute": 7}})), None);
        let made = json!({"systemData": {"createdAt": "2026-11-22T10:00:00.1234567Z"}});
        assert_eq!(
            Template::read(&made).created,
            Some(time::macros::datetime!(2026-11-22 10:00:00.1234567 UTC))
        );
    }

    #[test]
    fn an_unknown_run_state_is_kept_and_is_no_end() {
        let state = RunState::from_text("Levitating");
        assert_eq!(state.to_string(), "Levitating");
        assert!(!state.is_end());
        assert!(RunState::from_text("CANCELLED").is_end());
        assert_eq!(
            RunState::PartiallySucceeded.to_string(),
            "PartiallySucceeded"
        );
    }

    #[test]
    fn end_times_with_nine_digits_are_read() {
        let run = read_run(WireRun {
            end_time: "2025-04-30T06:05:24.123456789Z".into(),
            ..WireRun::default()
        });
        assert_eq!(run.ended.unwrap().year(), 2025);
    }

    #[test]
    fn a_run_in_an_unknown_state_is_over_when_it_has_an_end() {
        let over = |state: &str, end: &str| {
            read_run(WireRun {
                run_state: state.into(),
                end_time: end.into(),
                ..WireRun::default()
            })
            .is_over()
        };
        assert!(over("Completed", "2025-04-30T06:05:24Z"));
        assert!(!over("Completed", "0001-01-01T00:00:00Z"));
        assert!(!over("Running", "2025-04-30T06:05:24Z"));
        assert!(over("Failed", ""));
    }
}
