//! The errors of a session host update, and how to fix them. They are not in `diagnosis`, because the service reports them in another form: as a
//! JSON list inside the error message.

use std::fmt;

use serde_json::Value;

use crate::inputs::Rollout;
use crate::inputs::manifest::MAX_HOSTS_AT_ONCE;

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The service's code without the number at its end: `ActiveScalingPlan`.
    pub code: String,
    /// The service's text, without the marks that it puts around values.
    pub text: String,
    /// The rule that found it: `ScalingPlanRule`; empty where there is none.
    pub context: String,
}

/// A fault that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The service's code, or a part of its text where it has none.
    pub code: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// Where it was found.
    pub source: &'static str,
}

/// Recorded in a real subscription, in Azure/azure-powershell.
const RECORDED: &str = "recorded";
/// <https://learn.microsoft.com/azure/virtual-desktop/troubleshoot-session-host-update>
const DOCUMENTED: &str = "documented";

/// Every fault that is known.
pub const FAULTS: &[Entry] = &[
    Entry {
        code: "MigrationMayExceedCapacityLimit",
        meaning: "the quota of vCPUs is too small for the new VMs beside the old ones",
        fix: "raise the quota of the VM size's family in the region (az quota, or Azure portal > Quotas), or set '{maxHostsAtOnce}' to a smaller number",
        source: RECORDED,
    },
    Entry {
        code: "ComputeCapacityRule",
        meaning: "the quota of vCPUs is too small for the new VMs beside the old ones",
        fix: "raise the quota of the VM size's family in the region (az quota, or Azure portal > Quotas), or set '{maxHostsAtOnce}' to a smaller number",
        source: RECORDED,
    },
    Entry {
        code: "MarketplaceImageNotFound",
        meaning: "the Marketplace image of the session host configuration does not exist any longer",
        fix: "choose a version that exists: az vm image list --publisher <publisher> --offer <offer> --sku <sku> --all --output table",
        source: RECORDED,
    },
    Entry {
        code: "UnableToAccessKeyVaultSecret",
        meaning: "the pool's identity cannot read a secret of the session host configuration",
        fix: "give the managed identity of the host pool the role 'Key Vault Secrets User' on the key vault: az role assignment create --assignee-object-id $(az resource show --ids {pool} --query identity.principalId --output tsv) --assignee-principal-type ServicePrincipal --role 'Key Vault Secrets User' --scope <id of the key vault>; the vault has to permit template deployment and public access",
        source: RECORDED,
    },
    Entry {
        code: "ActiveScalingPlan",
        meaning: "a scaling plan is enabled for the pool",
        fix: "disable it for this pool (Azure portal > Scaling plans > Host pool assignments > Disable autoscale), run the step again, and enable it afterwards",
        source: RECORDED,
    },
    Entry {
        code: "HostpoolHasNoSessionHosts",
        meaning: "the pool has no session host that needs an update",
        fix: "nothing is to be done for the hosts there are",
        source: RECORDED,
    },
    Entry {
        code: "VmSkuNotAvailableInRegion",
        meaning: "the VM size of the session host configuration is not available in the region",
        fix: "choose another VM size in the session host configuration: az vm list-skus --location <region> --output table",
        source: DOCUMENTED,
    },
    Entry {
        code: "VmSkuNotAvailableInLocationDueToRestriction",
        meaning: "the VM size of the session host configuration is not available to the subscription in the region",
        fix: "choose another VM size in the session host configuration, or ask Azure support for this one: az vm list-skus --location <region> --all --output table",
        source: DOCUMENTED,
    },
    Entry {
        code: "AvailabilityZoneNotAvailable",
        meaning: "the VM size is not available in an availability zone of the session host configuration",
        fix: "choose other zones or another VM size in the session host configuration: az vm list-skus --location <region> --zone --output table",
        source: DOCUMENTED,
    },
    Entry {
        code: "ComputeSkuIncompatibleWithImageHyperVGeneration",
        meaning: "the VM size does not support the generation of the image",
        fix: "choose a VM size for generation 2, or build the image for an image definition of the generation that the VM size supports",
        source: DOCUMENTED,
    },
    Entry {
        code: "ImageDiskTypeIncompatible",
        meaning: "the disk type of the session host configuration does not fit the image",
        fix: "choose another disk type in the session host configuration",
        source: DOCUMENTED,
    },
    Entry {
        code: "VnetLocationIncompatible",
        meaning: "the virtual network is in another region than the VMs",
        fix: "choose a subnet in the region of the VMs in the session host configuration",
        source: DOCUMENTED,
    },
    Entry {
        code: "AgentRegistrationFailureGeneric",
        meaning: "a new VM did not register in the host pool",
        fix: "run the step again with '{maxHostsAtOnce}: 1'; if it fails again, check that the VMs reach the endpoints of Azure Virtual Desktop and that the image has no agent of another pool in it",
        source: DOCUMENTED,
    },
    Entry {
        code: "ScopeLocked",
        meaning: "a lock forbids the deletion of an old VM",
        fix: "remove the lock from the VMs of the session hosts and their resource group: az lock list --resource-group <group> --output table",
        source: DOCUMENTED,
    },
    Entry {
        code: "QuotaExceeded",
        meaning: "a quota of the subscription is exceeded",
        fix: "raise the quota in the region (Azure portal > Quotas), or set '{maxHostsAtOnce}' to a smaller number",
        source: DOCUMENTED,
    },
    Entry {
        code: "SessionHostConfiguration does not exist",
        meaning: "the pool has no session host configuration",
        fix: "create one: https://learn.microsoft.com/azure/virtual-desktop/session-host-update-configure",
        source: DOCUMENTED,
    },
];

/// The longest list that is read; the service checks a dozen rules.
const MOST_FAULTS: usize = 50;
/// The longest text of a fault that is told.
const LONGEST_TEXT: usize = 2_000;

/// The faults in the code and the text of an error. The text is a list as JSON (recorded), or a sentence.
pub fn read(error: Option<&(String, String)>) -> Vec<Fault> {
    let Some((code, message)) = error else {
        return Vec::new();
    };
    let parsed: Option<Vec<Value>> = serde_json::from_str(message).ok();
    let list = parsed.unwrap_or_default();
    let faults: Vec<Fault> = list
        .iter()
        .take(MOST_FAULTS)
        .filter_map(|item| {
            let text = |name: &str| item.get(name).and_then(Value::as_str).map(plain);
            let code = text("faultCode").or_else(|| text("code"))?;
            Some(Fault {
                code: without_number(&code).to_owned(),
                text: text("faultText")
                    .or_else(|| text("message"))
                    .unwrap_or_default(),
                context: text("faultContext").unwrap_or_default(),
            })
        })
        .collect();
    if faults.is_empty() && !(code.is_empty() && message.is_empty()) {
        return vec![Fault {
            code: without_number(code).to_owned(),
            text: plain(message),
            context: String::new(),
        }];
    }
    faults
}

/// Whether the only fault is that there is nothing to update.
pub fn is_nothing_to_do(faults: &[Fault]) -> bool {
    matches!(faults, [only] if only.code.eq_ignore_ascii_case("HostpoolHasNoSessionHosts"))
}

/// `ActiveScalingPlan_1024` as `ActiveScalingPlan`.
fn without_number(code: &str) -> &str {
    match code.rsplit_once('_') {
        Some((name, number)) if !name.is_empty() && number.chars().all(|c| c.is_ascii_digit()) => {
            name
        }
        _ => code,
    }
}

/// Without the marks around values (recorded: `≤` and `≥`), on one line.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(|c| !"≤≥".contains(*c));
    let line: String = kept
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(LONGEST_TEXT)
        .collect();
    line.trim().to_owned()
}

/// What is known of a fault: by its code, its rule, or what its text says.
pub fn entry_of(fault: &Fault) -> Option<&'static Entry> {
    let is = |own: &str, code: &str| own.eq_ignore_ascii_case(code);
    let by_code = FAULTS
        .iter()
        .find(|entry| is(&fault.code, entry.code) || is(&fault.context, entry.code));
    by_code.or_else(|| FAULTS.iter().find(|entry| fault.text.contains(entry.code)))
}

/// What to do about a fault, filled in.
pub fn fix(fault: &Fault, request: &Rollout) -> Option<String> {
    let entry = entry_of(fault)?;
    let fix = entry
        .fix
        .replace("{maxHostsAtOnce}", MAX_HOSTS_AT_ONCE.name)
        .replace("{pool}", request.pool.as_str());
    // A secret has the name of its vault in its address.
    let vault = fault.text.split_once("https://").and_then(|(_, rest)| {
        let (name, rest) = rest.split_once('.')?;
        let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        (plain && rest.starts_with("vault")).then_some(name)
    });
    Some(match vault {
        Some(name) => fix.replace(
            "<id of the key vault>",
            &format!("$(az keyvault show --name {name} --query id --output tsv)"),
        ),
        None => fix,
    })
}

/// `ActiveScalingPlan: a scaling plan is enabled for the pool (the service says: …)`.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (entry_of(self), self.text.as_str()) {
            (Some(entry), "") => write!(f, "{}: {}", self.code, entry.meaning),
            (Some(entry), text) => {
                write!(
                    f,
                    "{}: {} (the service says: {text})",
                    self.code, entry.meaning
                )
            }
            (None, "") => f.write_str(&self.code),
            (None, text) if self.code.is_empty() => f.write_str(text),
            (None, text) => write!(f, "{}: {text}", self.code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: &str, message: &str) -> Vec<Fault> {
        read(Some(&(code.to_owned(), message.to_owned())))
    }

    fn fault(code: &str, text: &str, context: &str) -> Fault {
        Fault {
            code: code.to_owned(),
            text: text.to_owned(),
            context: context.to_owned(),
        }
    }

    #[test]
    fn faults_are_a_list_in_a_text() {
        let message = r#"[{"faultCode":"ActiveScalingPlan_1024","faultText":"The plan ≤/x≥ is\non.","faultContext":"ScalingPlanRule","faultType":0},{"faultCode":"HostpoolHasNoSessionHosts_1024","faultText":"none","faultContext":"HostPoolStateRule","faultType":0}]"#;
        let faults = of("UpdateFailure", message);
        let scaling = fault("ActiveScalingPlan", "The plan /x is on.", "ScalingPlanRule");
        let hosts = fault("HostpoolHasNoSessionHosts", "none", "HostPoolStateRule");
        assert_eq!(faults, [scaling, hosts.clone()]);
        assert!(!is_nothing_to_do(&faults));
        assert!(is_nothing_to_do(&[hosts]));
        assert!(!is_nothing_to_do(&[]));
    }

    #[test]
    fn what_is_no_list_is_one_fault() {
        assert_eq!(
            of("QuotaExceeded", "too many"),
            [fault("QuotaExceeded", "too many", "")]
        );
        assert_eq!(
            of("UpdateFailure", "[]"),
            [fault("UpdateFailure", "[]", "")]
        );
        assert_eq!(of("", ""), []);
        assert_eq!(read(None), []);
        assert_eq!(of("A_1024", "{"), [fault("A", "{", "")]);
        assert_eq!(without_number("_1"), "_1");
    }

    #[test]
    fn a_fault_is_known_by_code_rule_or_text() {
        let known = |code, text, context| entry_of(&fault(code, text, context)).map(|it| it.code);
        assert_eq!(
            known("activescalingplan", "", ""),
            Some("ActiveScalingPlan")
        );
        assert_eq!(
            known("Other", "", "ComputeCapacityRule"),
            Some("ComputeCapacityRule")
        );
        assert_eq!(
            known("404", "Error: SessionHostConfiguration does not exist", ""),
            Some("SessionHostConfiguration does not exist")
        );
        assert_eq!(known("New", "something", ""), None);
    }

    #[test]
    fn every_entry_has_all_its_parts_and_its_code_once() {
        for (index, entry) in FAULTS.iter().enumerate() {
            assert!(!entry.meaning.is_empty() && !entry.fix.is_empty());
            assert!([RECORDED, DOCUMENTED].contains(&entry.source));
            let same = FAULTS.iter().filter(|other| other.code == entry.code);
            assert_eq!(same.count(), 1, "{index} {}", entry.code);
        }
    }
}
