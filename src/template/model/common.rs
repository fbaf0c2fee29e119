//! What all parts of the model have in common.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Tags in the order in which they were written.
pub type Tags = IndexMap<String, String>;

/// Members that this program does not know.
pub type Other = Map<String, Value>;

/// Something that is on or off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// `Enabled` or `Disabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Members that a newer definition has.
    #[serde(flatten)]
    pub other: Other,
}

impl State {
    /// `Enabled`.
    pub fn enabled() -> Self {
        Self {
            state: Some("Enabled".to_owned()),
            other: Other::new(),
        }
    }
}

/// The JSON of a template or of a part of it.
///
/// # Panics
///
/// Never for the types of this module, which all have an equal in JSON.
#[expect(
    clippy::expect_used,
    reason = "the types below have text keys and no serializer that fails, so there is no error to hand on"
)]
pub fn json(part: &impl Serialize) -> Value {
    serde_json::to_value(part).expect("an image template is JSON")
}

/// The text of a member of an object; empty if there is none.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value
        .get(member)
        .and_then(Value::as_str)
        .unwrap_or_default()
}
