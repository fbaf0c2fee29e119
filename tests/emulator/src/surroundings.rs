//! What a subscription has beside images: facts about marketplace images, sizes of VMs, quotas, roles.

/// What a platform image is.
#[derive(Debug, Clone)]
pub struct ImageFacts {
    /// `Linux` or `Windows`.
    pub os_type: String,
    /// `V1` or `V2`.
    pub hyper_v_generation: String,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// The feature `SecurityType`, such as `TrustedLaunchSupported`.
    pub security_type: Option<String>,
    /// Name, publisher and product of the plan under which it is sold.
    pub plan: Option<[String; 3]>,
    /// Its end, where that is known.
    pub deprecation: Option<Deprecation>,
}

impl Default for ImageFacts {
    fn default() -> Self {
        Self {
            os_type: "Linux".to_owned(),
            hyper_v_generation: "V2".to_owned(),
            architecture: "x64".to_owned(),
            security_type: None,
            plan: None,
            deprecation: None,
        }
    }
}

/// The end of a platform image.
#[derive(Debug, Clone)]
pub struct Deprecation {
    /// `ScheduledForDeprecation` or `Deprecated`.
    pub state: String,
    /// When, `2026-12-31T00:00:00Z`.
    pub time: Option<String>,
    /// The offer or plan to go to.
    pub alternative: Option<String>,
}

/// A size of VMs, in all regions.
#[derive(Debug, Clone)]
pub struct VmSize {
    /// Its name, `Standard_D2ds_v5`.
    pub name: String,
    /// The family that its quota counts for, `standardDDSv5Family`.
    pub family: String,
    /// Number of virtual processors.
    pub vcpus: u32,
    /// Memory in GB.
    pub memory_gb: u32,
    /// `V1,V2`.
    pub generations: String,
    /// `x64` or `Arm64`.
    pub architecture: String,
    /// Why the subscription cannot have it: `NotAvailableForSubscription`, `QuotaId`.
    pub restriction: Option<String>,
}

/// A quota of virtual processors.
#[derive(Debug, Clone)]
pub struct Usage {
    /// The family, or `cores` for all.
    pub name: String,
    /// What is used.
    pub used: u32,
    /// What may be used.
    pub limit: u32,
}

/// A role.
#[derive(Debug, Clone, Default)]
pub struct Role {
    /// The GUID.
    pub id: String,
    /// The name for display.
    pub name: String,
    /// What it permits, with `*` for anything.
    pub actions: Vec<String>,
    /// What of that it does not.
    pub not_actions: Vec<String>,
    /// What it permits to do with data.
    pub data_actions: Vec<String>,
}

/// Who has which role where.
#[derive(Debug, Clone)]
pub struct RoleAssignment {
    /// Object id of the principal.
    pub principal: String,
    /// GUID of the role.
    pub role: String,
    /// Where it begins to hold, a resource id.
    pub scope: String,
    /// The condition under which it holds.
    pub condition: Option<String>,
}
