//! Host pools of Azure Virtual Desktop as a scene has them: session hosts, the VMs behind them, the users on them, and scaling plans.

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::estate::SceneResource;
use crate::ids;

/// Who makes and updates the session hosts of a pool (`managementType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Management {
    /// The service, by a session host configuration.
    Automated,
    /// Whoever owns the pool.
    Standard,
}

impl Management {
    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Automated => "Automated",
            Self::Standard => "Standard",
        }
    }
}

/// A host pool.
#[derive(Debug, Clone)]
pub struct HostPool {
    /// The resource id.
    pub id: String,
    /// The region.
    pub location: String,
    /// Who makes its session hosts.
    pub management: Management,
    /// Each host is for one user.
    pub personal: bool,
    /// Object id of the pool's managed identity, which reads the secrets of the session host configuration. None: who reads them is not checked.
    pub identity: Option<String>,
    /// The properties of the session host configuration, with `version` and `provisioningState`.
    pub configuration: Option<Value>,
    /// The properties of the active configuration, if they are others.
    pub active_configuration: Option<Value>,
    /// The properties of the session host management.
    pub host_management: Option<Value>,
    /// The session hosts.
    pub hosts: Vec<SessionHost>,
}

impl HostPool {
    /// An empty pool whose hosts its owner makes.
    pub fn standard(id: impl Into<String>, location: &str) -> Self {
        Self {
            id: id.into(),
            location: location.to_owned(),
            management: Management::Standard,
            personal: false,
            identity: None,
            configuration: None,
            active_configuration: None,
            host_management: None,
            hosts: Vec::new(),
        }
    }

    /// An empty pool whose hosts the service makes from a gallery image version, in the region and the group of the pool.
    pub fn automated(id: impl Into<String>, location: &str, version: &str, subnet: &str) -> Self {
        let id = id.into();
        let group = ids::segment_after(&id, "resourceGroups").unwrap_or_default();
        let configuration = configuration(location, group, version, subnet);
        let host_management = json!({
            "provisioningState": "Succeeded",
            "failedSessionHostCleanupPolicy": "KeepAll",
            "scheduledDateTimeZone": "UTC",
            "update": {"deleteOriginalVm": true, "maxVmsRemoved": 1, "logOffDelayMinutes": 5, "logOffMessage": ""},
            "provisioning": {"instanceCount": 1, "canaryPolicy": "Auto", "setDrainMode": false},
        });
        Self {
            management: Management::Automated,
            configuration: Some(configuration),
            host_management: Some(host_management),
            ..Self::standard(id, location)
        }
    }

    /// With hosts `<prefix>-0`, `<prefix>-1` and so on, whose VMs are of a gallery image version.
    #[must_use]
    pub fn with_hosts(mut self, prefix: &str, count: usize, version: &str) -> Self {
        let group = self
            .id
            .split("/providers/")
            .next()
            .unwrap_or_default()
            .to_owned();
        let configuration = self
            .configuration
            .as_ref()
            .and_then(|configuration| configuration.get("version")?.as_str())
            .map(str::to_owned);
        let hosts = (0..count).map(|number| SessionHost {
            configuration: configuration.clone(),
            ..SessionHost::of_version(
                &format!("{prefix}-{number}"),
                &group,
                &self.location,
                version,
            )
        });
        self.hosts.extend(hosts.collect::<Vec<_>>());
        self
    }

    /// With sessions of `user1@contoso.example` and so on, one host after the other.
    #[must_use]
    pub fn with_users(mut self, count: u32) -> Self {
        let hosts = self.hosts.len().max(1);
        for number in 1..=count {
            let place = usize::try_from(number - 1).unwrap_or_default() % hosts;
            if let Some(host) = self.hosts.get_mut(place) {
                let user = format!("user{number}@contoso.example");
                host.sessions.push(UserSession::active(number, &user));
            }
        }
        self
    }
}

/// The properties of a configuration, as recorded, with a gallery image version.
fn configuration(location: &str, group: &str, version: &str, subnet: &str) -> Value {
    json!({
        "version": "2025-10-16T09:49:45Z",
        "provisioningState": "Succeeded",
        "vmSizeId": "Standard_D2ads_v6",
        "vmLocation": location,
        "friendlyName": null,
        "vmTags": {},
        "vmResourceGroup": group,
        "vmNamePrefix": "auto",
        "availabilityZones": null,
        "networkInfo": {"subnetId": subnet, "securityGroupId": null},
        "diskInfo": {"managedDisk": {"type": "StandardSSD_LRS"}, "diffDiskSettings": null},
        "imageInfo": {"type": "Custom", "marketplaceInfo": null, "customInfo": {"resourceId": version}},
        "domainInfo": {
            "joinType": "AzureActiveDirectory",
            "activeDirectoryInfo": null,
            "azureActiveDirectoryInfo": {"mdmProviderGuid": null},
        },
        "vmAdminCredentials": {
            "usernameKeyVaultSecretUri": "https://kv-contoso-avd.vault.azure.net/secrets/username",
            "passwordKeyVaultSecretUri": "https://kv-contoso-avd.vault.azure.net/secrets/password",
        },
        "bootDiagnosticsInfo": {"enabled": false, "storageUri": null},
        "securityInfo": {"type": "TrustedLaunch", "secureBootEnabled": true, "vTpmEnabled": true},
        "customConfigurationScriptUrl": null,
    })
}

/// A session host of a pool.
#[derive(Debug, Clone)]
pub struct SessionHost {
    /// The name in the pool, with the domain where hosts have one.
    pub name: String,
    /// Its VM.
    pub machine: SceneResource,
    /// The disk and the network interface of the VM.
    pub parts: Vec<SceneResource>,
    /// Whether it takes new sessions.
    pub allow_new_session: bool,
    /// `status`, if it is not what the VM's state makes of it.
    pub status: Option<String>,
    /// `lastHeartBeat`, if the host does not beat any more.
    pub last_heartbeat: Option<OffsetDateTime>,
    /// The health checks that do not succeed.
    pub checks: Vec<HealthCheck>,
    /// The version of the configuration that it was made with.
    pub configuration: Option<String>,
    /// Who works on it.
    pub sessions: Vec<UserSession>,
    /// Members of `properties` and `systemData` that are shown in the place of those that the emulator makes up.
    pub facts: Value,
}

impl SessionHost {
    /// A host that takes sessions, with a VM of the same name in a group, whose parts go with it.
    pub fn of_version(name: &str, group: &str, location: &str, version: &str) -> Self {
        let machine = name.split('.').next().unwrap_or_default();
        let (machine, parts) = machine_of_version(machine, group, location, version, true);
        Self {
            name: name.to_owned(),
            machine,
            parts,
            allow_new_session: true,
            status: None,
            last_heartbeat: None,
            checks: Vec::new(),
            configuration: None,
            sessions: Vec::new(),
            facts: json!({}),
        }
    }
}

/// A VM of an image (`reference` is the id of a gallery image version), its disk and its network interface; `goes_along`: both are deleted with it.
pub fn machine_of_version(
    name: &str,
    group: &str,
    location: &str,
    reference: &str,
    goes_along: bool,
) -> (SceneResource, Vec<SceneResource>) {
    let exact = reference.rsplit('/').next().unwrap_or_default();
    machine_of_image(
        name,
        group,
        location,
        &json!({"id": reference, "exactVersion": exact}),
        [goes_along; 2],
    )
}

/// The same with the `imageReference` as it is; whether the disk and the network interface go along.
pub(crate) fn machine_of_image(
    name: &str,
    group: &str,
    location: &str,
    image: &Value,
    goes_along: [bool; 2],
) -> (SceneResource, Vec<SceneResource>) {
    let option = |goes: bool| if goes { "Delete" } else { "Detach" };
    let [disk_goes, interface_goes] = goes_along;
    let disk = format!("{group}/providers/Microsoft.Compute/disks/{name}_OsDisk_1");
    let interface = format!("{group}/providers/Microsoft.Network/networkInterfaces/nic-{name}");
    let id = format!("{group}/providers/Microsoft.Compute/virtualMachines/{name}");
    let machine = SceneResource {
        id: id.clone(),
        body: json!({
            "location": location,
            "properties": {
                "hardwareProfile": {"vmSize": "Standard_D2ads_v6"},
                "storageProfile": {
                    "imageReference": image,
                    "osDisk": {
                        "osType": "Windows", "name": format!("{name}_OsDisk_1"), "createOption": "FromImage", "caching": "ReadWrite",
                        "managedDisk": {"storageAccountType": "StandardSSD_LRS", "id": disk},
                        "deleteOption": option(disk_goes), "diskSizeGB": 127,
                    },
                    "dataDisks": [],
                },
                "networkProfile": {"networkInterfaces": [
                    {"id": interface, "properties": {"primary": true, "deleteOption": option(interface_goes)}},
                ]},
                "provisioningState": "Succeeded",
            },
        }),
    };
    let parts = vec![
        SceneResource {
            id: disk,
            body: json!({"location": location, "managedBy": id, "properties": {"diskState": "Attached", "provisioningState": "Succeeded"}}),
        },
        SceneResource {
            id: interface,
            body: json!({"location": location, "properties": {"virtualMachine": {"id": id}, "provisioningState": "Succeeded"}}),
        },
    ];
    (machine, parts)
}

/// A health check that does not succeed.
#[derive(Debug, Clone)]
pub struct HealthCheck {
    /// `healthCheckName`.
    pub name: String,
    /// `healthCheckResult`: `HealthCheckFailed`, `SessionHostShutdown`, `Unknown`.
    pub result: String,
    /// What is said about it.
    pub message: String,
}

/// A user on a session host.
#[derive(Debug, Clone)]
pub struct UserSession {
    /// The number of the session on its host.
    pub id: u32,
    /// `userPrincipalName`.
    pub user: String,
    /// `sessionState`: `Active`, `Disconnected`, `Pending`.
    pub state: String,
    /// When it began; the beginning of the scene if nothing is said.
    pub created: Option<OffsetDateTime>,
    /// When the user signs out without being asked.
    pub ends: Option<OffsetDateTime>,
}

impl UserSession {
    /// A session that is worked in.
    pub fn active(id: u32, user: &str) -> Self {
        Self {
            id,
            user: user.to_owned(),
            state: "Active".to_owned(),
            created: None,
            ends: None,
        }
    }
}

/// A plan that starts and stops session hosts by the time of day.
#[derive(Debug, Clone)]
pub struct ScalingPlan {
    /// The resource id.
    pub id: String,
    /// The region.
    pub location: String,
    /// The ids of the pools that it is for, and whether it is switched on there.
    pub pools: Vec<(String, bool)>,
}

/// How a session host update ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateFate {
    /// As the pool deserves.
    Deserved,
    /// The validation finds too few virtual processors.
    CapacityRule,
    /// The validation finds no host to update.
    NoHosts,
    /// The validation cannot read a secret.
    KeyVault,
    /// The first host fails and is rolled back; the update waits for Retry or Cancel, and Retry succeeds.
    HostFails,
    /// The first host fails and cannot be rolled back; it is counted, and Retry leaves it out.
    RollbackFails,
    /// It is accepted, and never shows.
    NeverStarts,
    /// Its first batch never ends, unless it is canceled.
    NeverEnds,
    /// It ends in `Error`, a state that nothing is said about.
    Error,
}

/// How a deployment ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeploymentFate {
    /// As it deserves.
    Deserved,
    /// The extension that registers the first host fails.
    ExtensionFails,
    /// The quota of virtual processors does not suffice: no VM is made.
    QuotaExceeded,
    /// The VMs are made, the hosts never come.
    NeverEnds,
    /// It succeeds, and the hosts need assistance.
    HostsNeedAssistance,
}

/// How a VM that a client makes comes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineFate {
    /// It boots, and its guest agent reports.
    Deserved,
    /// It is made, and its guest agent never reports.
    AgentNeverReports,
    /// It does not boot: its operation fails in the end.
    ProvisioningTimesOut,
    /// Its operation fails for lack of capacity.
    AllocationFails,
    /// It is refused for lack of quota.
    QuotaExceeded,
    /// It is refused because its size cannot be had.
    SizeNotAvailable,
}

/// How a run command ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandFate {
    /// With exit code 0 and this output.
    Succeeds {
        /// What the script wrote.
        output: String,
    },
    /// With another exit code.
    Fails {
        /// The exit code.
        exit_code: i32,
        /// What the script wrote.
        output: String,
        /// What it wrote as errors.
        error: String,
    },
    /// It is stopped after its time-out.
    TimesOut,
    /// It is not run, and says `Running` and exit code 0 all the same (recorded).
    NotRun,
    /// It goes on for ever.
    NeverEnds,
    /// Somebody cancels it.
    IsCanceled,
}

impl CommandFate {
    /// What the script writes as output and as errors.
    pub(crate) fn texts(&self) -> (&str, &str) {
        match self {
            Self::Succeeds { output } => (output, ""),
            Self::Fails { output, error, .. } => (output, error),
            Self::TimesOut | Self::NotRun | Self::NeverEnds | Self::IsCanceled => ("", ""),
        }
    }
}

/// A session host as a test looks at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostView {
    /// The name in the pool.
    pub name: String,
    /// The resource id of its VM.
    pub machine: String,
    /// The image of its VM: the id of a gallery image version, or `publisher:offer:sku:version`; empty when the VM is gone.
    pub image: String,
    /// `status`.
    pub status: String,
    /// Whether it takes new sessions.
    pub open: bool,
    /// Who works on it.
    pub users: Vec<String>,
}
