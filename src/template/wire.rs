//! The image template in Azure's own shapes, members in the order in which the service gives them back.

use std::ops::Not;

use serde::Serialize;
use serde_json::{Map, Value};

/// The JSON of a template.
#[expect(
    clippy::expect_used,
    reason = "the shapes below have text keys and no fallible serializer, so there is no error to hand on"
)]
pub(super) fn to_value(template: &ImageTemplate<'_>) -> Value {
    serde_json::to_value(template).expect("an image template is JSON")
}

#[derive(Serialize)]
pub(super) struct ImageTemplate<'a> {
    pub(super) location: &'a str,
    pub(super) identity: Identity,
    pub(super) properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Identity {
    r#type: &'static str,
    user_assigned_identities: Map<String, Value>,
}

impl Identity {
    /// The service takes exactly one.
    pub(super) fn of(id: &str) -> Self {
        let one = (id.to_owned(), Value::Object(Map::new()));
        Self {
            r#type: "UserAssigned",
            user_assigned_identities: Map::from_iter([one]),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Properties<'a> {
    pub(super) source: Source<'a>,
    pub(super) customize: Vec<Customizer<'a>>,
    pub(super) distribute: [Distributor<'a>; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vm_profile: Option<VmProfile<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) build_timeout_in_minutes: Option<u32>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum Source<'a> {
    PlatformImage {
        publisher: &'a str,
        offer: &'a str,
        sku: &'a str,
        version: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        plan_info: Option<PlanInfo<'a>>,
    },
    ManagedImage {
        image_id: &'a str,
    },
    SharedImageVersion {
        image_version_id: &'a str,
    },
}

#[derive(Serialize)]
pub(super) struct PlanInfo<'a> {
    #[serde(rename = "planName")]
    pub(super) name: &'a str,
    #[serde(rename = "planProduct")]
    pub(super) product: &'a str,
    #[serde(rename = "planPublisher")]
    pub(super) publisher: &'a str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum Customizer<'a> {
    File {
        name: &'static str,
        source_uri: &'a str,
        destination: String,
    },
    Shell {
        name: &'static str,
        inline: Vec<String>,
    },
    PowerShell {
        name: &'static str,
        #[serde(skip_serializing_if = "Not::not")]
        run_elevated: bool,
        #[serde(skip_serializing_if = "Not::not")]
        run_as_system: bool,
        inline: Vec<String>,
    },
    WindowsUpdate {
        search_criteria: &'static str,
        filters: &'static [&'static str],
    },
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum Distributor<'a> {
    ManagedImage {
        image_id: &'a str,
        location: &'a str,
        run_output_name: &'static str,
    },
    SharedImage {
        gallery_image_id: String,
        run_output_name: &'static str,
        target_regions: Vec<TargetRegion<'a>>,
    },
    #[serde(rename = "VHD")]
    Vhd { run_output_name: &'static str },
}

#[derive(Serialize)]
pub(super) struct TargetRegion<'a> {
    pub(super) name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VmProfile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vm_size: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vnet_config: Option<VnetConfig<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VnetConfig<'a> {
    pub(super) subnet_id: &'a str,
}
