//! Which version of Microsoft.VirtualMachineImages a cloud offers: the newest, or else an older one that every cloud has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::api::{IMAGE_TEMPLATES as NEWEST, OLDER_IMAGE_TEMPLATES as OLDER};
use super::failure::Failure;
use crate::template::model::{Distributor, ImageTemplate};
use http::StatusCode;

/// The version that is spoken in a cloud. Clones share what was found out.
#[derive(Debug, Clone, Default)]
pub(super) struct ApiVersion {
    steps_back: Arc<AtomicBool>,
}

impl ApiVersion {
    pub(super) fn current(&self) -> &'static str {
        if self.steps_back.load(Ordering::Relaxed) {
            OLDER
        } else {
            NEWEST
        }
    }

    /// Whether a call in version `spoken` failed because the cloud does not offer it, and should be made in the older one.
    pub(super) fn steps_back(&self, spoken: &str, failure: &Failure) -> bool {
        if spoken != NEWEST || !is_not_offered(failure, OLDER) {
            return false;
        }
        if !self.steps_back.swap(true, Ordering::Relaxed) {
            tracing::info!(
                "this cloud does not offer version {NEWEST} of the image builder's API; {OLDER} is used instead"
            );
        }
        true
    }
}

/// Whether a cloud refused a request because it does not know its version, and knows `older`.
///
/// Azure Resource Manager names the versions that it knows, in several wordings
/// (`NoRegisteredProviderFound`, `InvalidApiVersionParameter`, `InvalidResourceType`).
pub(super) fn is_not_offered(failure: &Failure, older: &str) -> bool {
    let Some(refusal) = failure.refusal() else {
        return false;
    };
    let early = matches!(
        refusal.status,
        StatusCode::BAD_REQUEST | StatusCode::NOT_FOUND
    );
    let named = refusal.message.contains(older) && refusal.message.contains("api-version");
    let lists = refusal.message.contains("supported");
    let unlisted = matches!(
        refusal.code.as_str(),
        "NoRegisteredProviderFound" | "InvalidApiVersionParameter" | "InvalidApiVersion"
    ) && !lists;
    early && (named || unlisted)
}

/// The members of a template that the older version does not know, by their place
/// (<https://learn.microsoft.com/azure/virtual-machines/image-builder-api-update-release-notes>).
pub(super) fn newer_members(template: &ImageTemplate) -> Vec<String> {
    let properties = &template.properties;
    let optimize = properties.optimize.as_ref();
    let workload = optimize.and_then(|it| it.workload.as_ref()).is_some();
    let disks = properties.additional_data_disks.is_some();
    let own = [
        (workload, "properties.optimize.workload"),
        (disks, "properties.additionalDataDisks"),
    ];
    let own = own.into_iter().filter(|(is_there, _)| *is_there);
    let mut found: Vec<String> = own.map(|(_, place)| place.to_owned()).collect();
    for (index, target) in properties.targets().iter().enumerate() {
        if matches!(target, Distributor::SharedImage(it) if it.replication_mode.is_some()) {
            found.push(format!("properties.distribute[{index}].replicationMode"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arm::{Cause, Refusal};
    use serde_json::{Value, json};

    fn refused(status: u16, code: &str, message: &str) -> Failure {
        Failure {
            doing: "Creating image template 't_1'".to_owned(),
            cause: Cause::Refused(Refusal {
                status: StatusCode::from_u16(status).unwrap(),
                code: code.to_owned(),
                message: message.to_owned(),
            }),
            tries: 1,
            elapsed: std::time::Duration::ZERO,
            request_id: None,
        }
    }

    #[test]
    fn one_step_back_is_made_when_the_cloud_says_so() {
        let check = |status, code: &str, message: &str, expected: bool| {
            let failure = refused(status, code, message);
            let version = ApiVersion::default();
            assert_eq!(version.steps_back(NEWEST, &failure), expected, "{failure}");
            let now = if expected { OLDER } else { NEWEST };
            assert_eq!(version.current(), now);
            assert!(
                !version.steps_back(OLDER, &failure),
                "there is no second step"
            );
        };
        let supported = "No registered resource provider found for location 'x' and API version '2025-10-01' for type 'imageTemplates'. The supported api-versions are '2022-07-01, 2024-02-01'.";
        check(400, "NoRegisteredProviderFound", supported, true);
        check(
            404,
            "InvalidResourceType",
            &supported.replace("No registered", "Not"),
            true,
        );
        check(
            400,
            "InvalidApiVersionParameter",
            "The api-version '2025-10-01' is invalid.",
            true,
        );
        check(
            400,
            "NoRegisteredProviderFound",
            &supported.replace("2024-02-01", "2023-07-01"),
            false,
        );
        check(400, "ValidationFailed", "x", false);
        check(
            404,
            "ResourceNotFound",
            "The Resource was not found.",
            false,
        );
        check(500, "InternalServerError", supported, false);
    }

    #[test]
    fn who_steps_back_late_finds_it_done() {
        let failure = refused(400, "InvalidApiVersionParameter", "no");
        let version = ApiVersion::default();
        let other = version.clone();
        assert!(version.steps_back(NEWEST, &failure));
        assert_eq!(other.current(), OLDER);
        assert!(other.steps_back(NEWEST, &failure));
    }

    #[test]
    fn members_of_the_newest_version_are_named() {
        let check = |properties: Value, expected: &[&str]| {
            let template = serde_json::from_value(json!({"properties": properties})).unwrap();
            assert_eq!(newer_members(&template), expected);
        };
        check(
            json!({"optimize": {"vmBoot": {"state": "Enabled"}}, "distribute": [{"type": "VHD"}]}),
            &[],
        );
        check(
            json!({"optimize": {"workload": {}}, "additionalDataDisks": [], "distribute": [{"type": "VHD"}, {"type": "SharedImage", "replicationMode": "Shallow"}]}),
            &[
                "properties.optimize.workload",
                "properties.additionalDataDisks",
                "properties.distribute[1].replicationMode",
            ],
        );
    }
}
