//! What a VM of the step's own needs, looked at before there is one: the resource group, the subnet, the size, and the permissions.

use super::finding::Finding;
use super::lookup::{Azure, Lookup, Patience, text};
use super::subject::{Machine, Subject};
use super::{permissions, resource_group, subnets, vm};
use crate::arm::Arm;
use crate::arm::api::NETWORKS;
use crate::resource::plain_region;

/// The region of the network, if it can be read, and what was found. None of the checks stops another.
pub async fn machine(wanted: Machine<'_>, arm: &Arm) -> (Option<String>, Vec<Finding>) {
    let region = region(&wanted, arm).await;
    let location = region.clone().unwrap_or_default();
    let azure = Azure::new(arm, Subject::of_machine(&wanted, &location), Patience::LONG);
    let size = async {
        if region.is_some() {
            vm::check(&azure).await
        } else {
            let reason = "the region of the subnet is not known";
            vec![Finding::unknown("the list of VM sizes", reason)]
        }
    };
    let all = futures::join!(
        resource_group::check(&azure),
        subnets::check(&azure),
        size,
        permissions::of_tester(&azure)
    );
    let names = [
        "resource group",
        "subnets",
        "VM size",
        "permissions of the service connection",
    ];
    let found = [all.0, all.1, all.2, all.3].into_iter().zip(names);
    let mut findings = Vec::new();
    for (of_check, check) in found {
        let told = of_check.into_iter();
        findings.extend(told.map(|finding| Finding { check, ..finding }));
    }
    (region, findings)
}

/// The region of the subnet's network.
async fn region(wanted: &Machine<'_>, arm: &Arm) -> Option<String> {
    let azure = Azure::new(arm, Subject::of_machine(wanted, ""), Patience::LONG);
    let network = wanted.subnet.parent()?;
    match &*azure.look_up(network, NETWORKS).await {
        Lookup::Found(network) => text(network, "/location").map(plain_region),
        Lookup::Missing | Lookup::NoGroup | Lookup::Unknown(_) => None,
    }
}
