//! What to do about an error.

use super::Error;
use crate::arm::{Cause, Failure};
use crate::diagnosis::{Diagnosis, Explanation};
use crate::inputs::manifest::{
    BUILD_TIMEOUT_IN_MINUTES, COMPARE_WITH, GALLERY_IMAGE_ID, INVENTORY, INVENTORY_CONTAINER,
    PACKAGE_ACCESS, PACKAGE_EXCLUDE, REPORT_HOST_POOLS, SKIP_IF_UNCHANGED, STORAGE_ACCOUNT_NAME,
    TEMPLATE_NAME,
};
use crate::inventory::{NotCompared, Unread};
use crate::resource::{ResourceId, definition_options, quoted};

impl Error {
    /// What to do next, where that is known.
    pub fn hint(&self) -> Option<String> {
        if let Some(Diagnosis { cause, fix, .. }) = self.diagnosis() {
            return Some(format!("{cause}: {fix}"));
        }
        match self {
            Self::Network(_) => Some("check how the agent was configured for proxy and certificates (Agent.ProxyUrl, Agent.CAInfo, Agent.ClientCert), and NODE_EXTRA_CA_CERTS".to_owned()),
            Self::SignIn(failure) => failure.hint.clone(),
            Self::Preflight(findings) => findings.first()?.fix.clone(),
            Self::Azure(failure) => of_failure(failure),
            Self::Run { explanation, .. } => explanation.fix.clone().or_else(|| of_unknown_failure(explanation)),
            Self::NotStarted { .. } => Some("run the job again: the template of this one is removed".to_owned()),
            Self::RunCanceled { .. } => Some("the activity log of the resource group says who canceled it".to_owned()),
            Self::Deadline { .. } => Some(format!("raise input '{}', or replicate to fewer regions", BUILD_TIMEOUT_IN_MINUTES.name)),
            Self::NoImage { listing, .. } => Some(match listing {
                Some(listing) => format!("the run has succeeded, so the image can be there, but nothing proves which one it created; to see what is there, run: {listing}"),
                None => "the run has succeeded, so the VHD can be there: search the storage account for it".to_owned(),
            }),
            Self::NoDefinition { definition } => Some(format!(
                "correct input '{}'; to list the image definitions of the gallery, run: {}",
                GALLERY_IMAGE_ID.name,
                definitions_beside(definition)
            )),
            Self::NoHostPool { pool } => Some(format!(
                "correct input '{}'; to list the host pools of the resource group, run: az resource list --subscription {} --resource-group {} --resource-type Microsoft.DesktopVirtualization/hostPools --query [].id --output tsv",
                REPORT_HOST_POOLS.name,
                quoted(pool.subscription()),
                quoted(pool.resource_group())
            )),
            Self::UseUnknown { hint, .. } => Some(format!("nothing is deleted then; {hint}")),
            Self::Package(failure) if failure.is_about_one_entry() => failure.hint().map(|hint| {
                format!("{hint}; or leave the path out of the package with input '{}'", PACKAGE_EXCLUDE.name)
            }),
            Self::Package(failure) if failure.is_about_keys() => failure.hint().map(|hint| {
                format!("{hint}; input '{}' chooses the access: 'auto' uses keys only where a role is missing", PACKAGE_ACCESS.name)
            }),
            Self::Package(failure) => failure.hint(),
            Self::NotOurs { instead, .. } => Some(instead.clone()),
            Self::NoTemplate { nearest, name, .. } => Some(find_it(name.as_deref(), nearest.as_deref())),
            Self::SeveralTemplates { names, .. } => {
                let example = names.first().map(String::as_str).unwrap_or_default();
                Some(format!(
                    "name the one that is meant with input '{}': $(bake.templateName), where 'bake' is the name of the step that created it, or '{example}'", TEMPLATE_NAME.name
                ))
            }
            Self::SeveralImages { .. } => Some(format!("name the template that is meant with input '{}'", TEMPLATE_NAME.name)),
            Self::NotReady { template, elapsed, .. } if elapsed.is_zero() => Some(format!("if nobody has started it, start it with 'action: run' and '{}: {template}'; otherwise wait again for it with 'action: wait'; nothing was canceled or deleted", TEMPLATE_NAME.name)),
            Self::NotReady { template, .. } => Some(format!("wait again for '{template}' with 'action: wait'; nothing was canceled or deleted")),
            Self::NeverRun { template, .. } => Some(format!("start it with 'action: run' and '{}: {template}'", TEMPLATE_NAME.name)),
            Self::NoImageNamed { listing, .. } => listing.as_ref().map(|listing| format!("the run has succeeded, so the image can be there; to see what is there, run: {listing}")),
            Self::Release(refused) => refused.hint(),
            Self::Rollout(refused) | Self::RolloutNotReady(refused) => refused.hint.clone(),
            Self::NotCompared { why, .. } => of_not_compared(why),
            Self::Submission { .. } | Self::Gone(_) | Self::Canceled => None,
        }
    }
}

/// What to do about a request that failed, if the refusal is not a known failure.
fn of_failure(failure: &Failure) -> Option<String> {
    match &failure.cause {
        Cause::SignIn(failure) => failure.hint.clone(),
        Cause::Unreachable { host, .. } => Some(format!(
            "check that the agent reaches {host}, and its proxy and certificate settings"
        )),
        Cause::TooNew { .. } => Some(
            "leave out these members, and the inputs that they come from; or build in another cloud"
                .to_owned(),
        ),
        Cause::Refused(_) | Cause::Unreadable(_) => {
            let request = failure.request_id.as_ref();
            request.map(|id| format!("Azure support needs request id {id}"))
        }
    }
}

fn of_not_compared(why: &NotCompared) -> Option<String> {
    match why {
        NotCompared::NoVersion(version) => version.parent().map(|definition| {
            format!(
                "check the id; to list the versions, run: az sig image-version list {} --query [].id --output tsv",
                definition_options(&definition)
            )
        }),
        NotCompared::NoList {
            why: Unread::Missing { blob },
            ..
        } => Some(format!(
            "there is no {blob}: check '{}' and '{}'; a build keeps the inventory of its image with '{}: true' and '{}'; a version that was built without it has none, so compare with another one by '{}'",
            STORAGE_ACCOUNT_NAME.name, INVENTORY_CONTAINER.name, INVENTORY.name, STORAGE_ACCOUNT_NAME.name, COMPARE_WITH.name
        )),
        NotCompared::NoList { .. } => Some(format!(
            "someone else has written it: check who can write to the container; compare with another version by '{}'",
            COMPARE_WITH.name
        )),
        NotCompared::Azure(_) | NotCompared::Storage(_) | NotCompared::Nothing(_) => None,
    }
}

/// The command that lists the image definitions of the same gallery.
fn definitions_beside(definition: &ResourceId) -> String {
    format!(
        "az sig image-definition list --subscription {} --resource-group {} --gallery-name {} --query [].id --output tsv",
        quoted(definition.subscription()),
        quoted(definition.resource_group()),
        quoted(definition.name_at(0).unwrap_or_default())
    )
}

/// What helps where nothing is known: the most informative lines, and the id that support asks for.
fn of_unknown_failure(explanation: &Explanation) -> Option<String> {
    let mut parts = Vec::new();
    if !explanation.key_lines.is_empty() {
        parts.push(format!(
            "the log says: {}",
            explanation.key_lines.join(" | ")
        ));
    }
    if let Some(operation) = &explanation.operation {
        parts.push(format!("Azure support needs operation id {operation}"));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn find_it(name: Option<&str>, nearest: Option<&str>) -> String {
    if let Some(nearest) = nearest {
        return format!("did you mean '{nearest}'?");
    }
    let other = if name.is_some() {
        "check the name and the resource group".to_owned()
    } else {
        format!(
            "if another pipeline run or a person created it, give its name with input '{}'; check the resource group",
            TEMPLATE_NAME.name
        )
    };
    format!(
        "{other}; the template is deleted once its image was collected, and there is none where '{}' found nothing to build (then 'imageReady' of the step that submits is 'true')",
        SKIP_IF_UNCHANGED.name
    )
}
