//! Contoso's sizes of VMs, quotas and roles.

use crate::surroundings::{ImageFacts, Role, RoleAssignment, Usage, VmSize};

pub(super) fn facts(os_type: &str, generation: &str, security_type: Option<&str>) -> ImageFacts {
    ImageFacts {
        os_type: os_type.to_owned(),
        hyper_v_generation: generation.to_owned(),
        security_type: security_type.map(str::to_owned),
        ..ImageFacts::default()
    }
}

pub(super) fn vm_sizes() -> Vec<VmSize> {
    let size = |name: &str, family: &str, vcpus, memory_gb, generations: &str| VmSize {
        name: name.to_owned(),
        family: family.to_owned(),
        vcpus,
        memory_gb,
        generations: generations.to_owned(),
        architecture: "x64".to_owned(),
        restriction: None,
    };
    let mut sizes = vec![
        size("Standard_D1_v2", "standardDv2Family", 1, 3, "V1"),
        size("Standard_DS4_v2", "standardDSv2Family", 8, 28, "V1,V2"),
        size("Standard_D2ds_v4", "standardDDSv4Family", 2, 8, "V1,V2"),
        size("Standard_D2ds_v5", "standardDDSv5Family", 2, 8, "V1,V2"),
        size("Standard_D4ds_v5", "standardDDSv5Family", 4, 16, "V1,V2"),
        size("Standard_D4s_v5", "standardDSv5Family", 4, 16, "V1,V2"),
        size("Standard_D8s_v5", "standardDSv5Family", 8, 32, "V1,V2"),
        size("Standard_D8ds_v5", "standardDDSv5Family", 8, 32, "V1,V2"),
    ];
    let arm = VmSize {
        architecture: "Arm64".to_owned(),
        ..size("Standard_D2pds_v5", "standardDPDSv5Family", 2, 8, "V2")
    };
    sizes.push(arm);
    sizes
}

pub(super) fn usages() -> Vec<Usage> {
    let usage = |name: &str, limit| Usage {
        name: name.to_owned(),
        used: 4,
        limit,
    };
    let mut usages = vec![usage("cores", 100)];
    for size in vm_sizes() {
        if !usages.iter().any(|known| known.name == size.family) {
            usages.push(usage(&size.family, 50));
        }
    }
    usages
}

/// The built-in role Contributor, under its well-known id.
pub(super) const CONTRIBUTOR: &str = "b24988ac-6180-42a0-ab88-20f7382dd24c";
/// A role of Contoso's own.
const PUBLISHER: &str = "4f1d9c3e-7a5b-4d80-96e2-b3c8f0a1d574";

pub(super) fn roles() -> Vec<Role> {
    let all = |actions: &[&str]| actions.iter().map(|&action| action.to_owned()).collect();
    vec![
        Role {
            id: CONTRIBUTOR.to_owned(),
            name: "Contributor".to_owned(),
            actions: all(&["*"]),
            not_actions: all(&[
                "Microsoft.Authorization/*/Delete",
                "Microsoft.Authorization/*/Write",
                "Microsoft.Authorization/elevateAccess/Action",
            ]),
            data_actions: Vec::new(),
        },
        Role {
            id: PUBLISHER.to_owned(),
            name: "Contoso image publisher".to_owned(),
            actions: all(&[
                "Microsoft.Compute/galleries/read",
                "Microsoft.Compute/galleries/images/read",
                "Microsoft.Compute/galleries/images/versions/read",
                "Microsoft.Compute/galleries/images/versions/write",
                "Microsoft.Compute/images/read",
                "Microsoft.Compute/images/write",
                "Microsoft.Compute/images/delete",
                "Microsoft.Network/virtualNetworks/read",
                "Microsoft.Network/virtualNetworks/subnets/join/action",
            ]),
            ..Role::default()
        },
    ]
}

/// The application is Contributor of the group, the identity publishes images there.
pub(super) fn role_assignments(
    group: &str,
    application: &str,
    identity: &str,
) -> Vec<RoleAssignment> {
    let assignment = |principal: &str, role: &str| RoleAssignment {
        principal: principal.to_owned(),
        role: role.to_owned(),
        scope: group.to_owned(),
        condition: None,
    };
    vec![
        assignment(application, CONTRIBUTOR),
        assignment(identity, PUBLISHER),
    ]
}
