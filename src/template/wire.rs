//! The image template in Azure's own shapes, members in the order in which the service gives them back.

use std::ops::Not;

use serde::Serialize;
use serde_json::{Map, Value};

/// The JSON of a template or of a part of it.
#[expect(
    clippy::expect_used,
    reason = "the shapes below have text keys and no fallible serializer, so there is no error to hand on"
)]
pub(super) fn to_value(template: &impl Serialize) -> Value {
    serde_json::to_value(template).expect("an image template is JSON")
}

#[derive(Serialize)]
pub(super) struct ImageTemplate<'a> {
    pub(super) location: &'a str,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) tags: Map<String, Value>,
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
    pub(super) source: Value,
    pub(super) customize: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) optimize: Option<Optimize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) validate: Option<Validate>,
    pub(super) distribute: Vec<Distributor<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) error_handling: Option<ErrorHandling>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vm_profile: Option<VmProfile<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) build_timeout_in_minutes: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) staging_resource_group: Option<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub(super) managed_resource_tags: Map<String, Value>,
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
        sha256_checksum: &'a str,
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
#[serde(rename_all = "camelCase")]
pub(super) struct Optimize {
    pub(super) vm_boot: State,
}

#[derive(Serialize)]
pub(super) struct State {
    pub(super) state: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Validate {
    #[serde(skip_serializing_if = "Not::not")]
    pub(super) continue_distribute_on_failure: bool,
    #[serde(skip_serializing_if = "Not::not")]
    pub(super) source_validation_only: bool,
    #[serde(rename = "inVMValidations", skip_serializing_if = "Vec::is_empty")]
    pub(super) in_vm_validations: Vec<Customizer<'static>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ErrorHandling {
    pub(super) on_customizer_error: &'static str,
    pub(super) on_validation_error: &'static str,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub(super) enum Distributor<'a> {
    ManagedImage {
        image_id: &'a str,
        location: &'a str,
        run_output_name: &'a str,
        #[serde(skip_serializing_if = "Map::is_empty")]
        artifact_tags: Map<String, Value>,
    },
    SharedImage {
        gallery_image_id: String,
        run_output_name: &'a str,
        #[serde(skip_serializing_if = "Map::is_empty")]
        artifact_tags: Map<String, Value>,
        target_regions: Vec<TargetRegion<'a>>,
        #[serde(skip_serializing_if = "Not::not")]
        exclude_from_latest: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        versioning: Option<Versioning>,
        #[serde(skip_serializing_if = "Option::is_none")]
        replication_mode: Option<&'static str>,
    },
    #[serde(rename = "VHD")]
    Vhd {
        run_output_name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        uri: Option<&'a str>,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TargetRegion<'a> {
    pub(super) name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) replica_count: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) storage_account_type: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(tag = "scheme")]
pub(super) enum Versioning {
    Latest {
        #[serde(skip_serializing_if = "Option::is_none")]
        major: Option<u32>,
    },
    Source,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VmProfile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vm_size: Option<&'a str>,
    /// The odd name is what makes `osDiskSizeGB`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) os_disk_size_g_b: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) user_assigned_identities: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) vnet_config: Option<VnetConfig<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VnetConfig<'a> {
    pub(super) subnet_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) container_instance_subnet_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) proxy_vm_size: Option<&'a str>,
}
