//! The next action for what Azure says, where that is known.

use crate::arm::{Cause, Failure};
use crate::inputs::declared::{
    BUILD_TIMEOUT_IN_MINUTES, IB_AZURE_RESOURCE_GROUP, IB_LOCATION, MANAGED_IDENTITY,
};

/// What to look for in Azure's code and text, and what to do then.
struct Rule {
    code: &'static str,
    text: &'static str,
    hint: fn() -> String,
}

/// The most specific first. Codes and texts: <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot>
/// and <https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors>.
const RULES: &[Rule] = &[
    Rule {
        code: "LinkedAuthorizationFailed",
        text: "",
        hint: || {
            format!(
                "grant the service connection's principal the role 'Managed Identity Operator' on the identity in input '{}'; a new role takes up to 10 minutes to count",
                MANAGED_IDENTITY.name
            )
        },
    },
    Rule {
        code: "AuthorizationFailed",
        text: "",
        hint: || {
            format!(
                "grant the service connection's principal the role 'Contributor' on the resource group in input '{}', or a role with the named action; a new role takes up to 10 minutes to count",
                IB_AZURE_RESOURCE_GROUP.name
            )
        },
    },
    Rule {
        code: "",
        text: "is not registered for the resource type",
        hint: || {
            "run: az provider register --namespace Microsoft.VirtualMachineImages (and Microsoft.Compute, Microsoft.KeyVault, Microsoft.Storage, Microsoft.Network, Microsoft.ContainerInstance)".to_owned()
        },
    },
    Rule {
        code: "MissingSubscriptionRegistration",
        text: "",
        hint: || {
            "run: az provider register --namespace with the namespace that the text names"
                .to_owned()
        },
    },
    Rule {
        code: "ResourceGroupNotFound",
        text: "",
        hint: || {
            format!(
                "check input '{}': it must exist in the subscription of the service connection",
                IB_AZURE_RESOURCE_GROUP.name
            )
        },
    },
    Rule {
        code: "LocationNotAvailableForResourceType",
        text: "",
        hint: || {
            format!(
                "choose one of the regions that the text lists for input '{}'",
                IB_LOCATION.name
            )
        },
    },
    Rule {
        code: "",
        text: "Platform Image was not found",
        hint: || {
            format!(
                "the base image is gone or is not in this region; list what there is: az vm image list-skus --publisher <publisher> --offer <offer> --location <{}> --output table",
                IB_LOCATION.name
            )
        },
    },
    Rule {
        code: "",
        text: "Not authorized to access the resource",
        hint: || {
            format!(
                "grant the identity in input '{}' the missing role on the resource that the text names; a new role takes up to 10 minutes to count",
                MANAGED_IDENTITY.name
            )
        },
    },
    Rule {
        code: "FailedIdentityOperation",
        text: "",
        hint: check_identity,
    },
    Rule {
        code: "",
        text: "The assigned managed identity cannot be used",
        hint: check_identity,
    },
    Rule {
        code: "",
        text: "client_jwt will expire within 5 minutes",
        hint: || {
            format!(
                "set input '{}' to 0 or to 6 and above",
                BUILD_TIMEOUT_IN_MINUTES.name
            )
        },
    },
    Rule {
        code: "",
        text: "context deadline exceeded",
        hint: || {
            format!(
                "the build ran into its time limit: raise input '{}' (0 means 240 minutes), or find the step that hangs in customization.log",
                BUILD_TIMEOUT_IN_MINUTES.name
            )
        },
    },
    Rule {
        code: "RequestDisallowedByPolicy",
        text: "",
        hint: || {
            "an Azure Policy forbids what the build needs; the text names it: ask its owner for an exemption of the staging resource group (IT_...)".to_owned()
        },
    },
    Rule {
        code: "",
        text: "customization.log",
        hint: || {
            "a customizer failed; its log goes with the template, so let the script print its cause, or follow the next build in the staging resource group (IT_...) while it runs".to_owned()
        },
    },
];

fn check_identity() -> String {
    format!(
        "check input '{}': the identity must exist: az identity show --ids <the input's value>",
        MANAGED_IDENTITY.name
    )
}

/// The next action after a failed request.
pub(super) fn of_failure(failure: &Failure) -> Option<String> {
    match &failure.cause {
        Cause::Refused(refusal) => of_text(&refusal.code, &refusal.message),
        Cause::SignIn(failure) => failure.hint.clone(),
        Cause::Unreachable { host, .. } => Some(format!(
            "check that the agent reaches {host}, and its proxy and certificate settings"
        )),
        Cause::Unreadable(_) => None,
    }
}

/// The next action for a code and a text of Azure.
pub(super) fn of_text(code: &str, text: &str) -> Option<String> {
    let rule = RULES.iter().find(|rule| {
        let code_fits = rule.code.is_empty()
            || rule.code.eq_ignore_ascii_case(code)
            || text.contains(rule.code);
        code_fits && text.contains(rule.text)
    })?;
    Some((rule.hint)())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_refusals_have_a_next_action() {
        let check = |code: &str, text: &str, expected: Option<&str>| {
            let hint = of_text(code, text);
            match expected {
                Some(part) => assert!(
                    hint.as_deref().is_some_and(|hint| hint.contains(part)),
                    "{code} {text}: {hint:?}"
                ),
                None => assert_eq!(hint, None, "{code} {text}"),
            }
        };
        check(
            "LinkedAuthorizationFailed",
            "x",
            Some("Managed Identity Operator"),
        );
        check("AuthorizationFailed", "x", Some("Contributor"));
        check(
            "409",
            "The subscription is not registered for the resource type 'imageTemplates'",
            Some("az provider register"),
        );
        check(
            "BadPIRSource",
            "Platform Image was not found. sku: 19h1-evd",
            Some("az vm image list-skus"),
        );
        check(
            "InvalidTemplateDeployment",
            "... RequestDisallowedByPolicy ...",
            Some("Azure Policy"),
        );
        check("Other", "something else", None);
    }

    #[test]
    fn each_rule_can_be_reached() {
        for (index, rule) in RULES.iter().enumerate() {
            assert_eq!(
                of_text(rule.code, rule.text),
                Some((rule.hint)()),
                "rule {index}"
            );
        }
    }
}
