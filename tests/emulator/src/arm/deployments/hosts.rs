//! The rule that turns the parameters of a template of session hosts into VMs, and VMs into session hosts of a pool.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use super::Deployment;
use super::parameters::Parameters;
use crate::arm::{Arm, Asked};
use crate::estate::SceneResource;
use crate::ids;
use crate::pools::{DeploymentFate, HealthCheck, SessionHost, machine_of_image};

/// A VM that a deployment makes, and the session host that it becomes.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    machine: SceneResource,
    parts: Vec<SceneResource>,
    /// Who it is in the pool: the key of the pool, and the host.
    host: Option<(String, SessionHost)>,
    /// When the VM is there; none once it is, or if it never will be.
    pub(super) machine_at: Option<OffsetDateTime>,
    /// When the host is registered; none once it is, or if it never will be.
    pub(super) registers_at: Option<OffsetDateTime>,
    pub(super) begun: OffsetDateTime,
    pub(super) made_at: Option<OffsetDateTime>,
    pub(super) registered_at: Option<OffsetDateTime>,
    /// What the VM or the extension failed with, and when.
    pub(super) failure: Option<(OffsetDateTime, bool, Value)>,
}

impl Planned {
    pub(super) fn machine_id(&self) -> &str {
        &self.machine.id
    }

    /// A VM that is not there yet never will be; an extension that runs goes on, unless `stops`.
    pub(super) fn cancel(&mut self, now: OffsetDateTime, stops: bool) {
        let is_there = self.made_at.is_some();
        if !is_there && self.machine_at.is_none_or(|at| at > now) {
            self.machine_at = None;
            self.registers_at = None;
        }
        if stops {
            self.registers_at = None;
        }
    }
}

/// What a deployment will do.
pub(super) struct Plan {
    pub(super) hosts: Vec<Planned>,
    pub(super) details: Vec<Value>,
    pub(super) duration: Duration,
    pub(super) extension: String,
}

impl Arm {
    pub(super) fn plan_hosts(
        &self,
        asked: &Asked<'_>,
        parameters: &Parameters,
        template: &Value,
        fate: DeploymentFate,
    ) -> Plan {
        let creating = self.lag(|durations| durations.creating_machine);
        let registering = self.lag(|durations| durations.registering_host);
        let mut plan = Plan {
            hosts: Vec::new(),
            details: Vec::new(),
            duration: creating,
            extension: extension_of(template),
        };
        let (Some(prefix), Some(count), Some(image)) = (
            parameters.text("namePrefix"),
            parameters.number("count"),
            parameters.text("imageVersionId"),
        ) else {
            return plan;
        };
        plan.duration = registering + self.lag(|durations| durations.finishing_deployment);
        let location = parameters.text("location").unwrap_or_default();
        let pool = self.pool_of_parameters(parameters, asked);
        let first = parameters.number("firstIndex").unwrap_or_default();
        for number in first..first.saturating_add(count) {
            let name = format!("{prefix}-{number}");
            let mut planned = planned(asked, &name, location, image, template);
            let problem = self.problem_of_machine(&planned, image, location, fate);
            let fails = fate == DeploymentFate::ExtensionFails && number == first;
            if let Some((code, message)) = problem {
                let error = json!({"code": code, "message": message});
                planned.failure = Some((asked.now + creating, false, error.clone()));
                plan.details.push(error);
                plan.duration = creating;
            } else {
                planned.machine_at = Some(asked.now + creating);
                if pool.is_none() || fails {
                    let error = extension_error(&plan.extension);
                    planned.failure = Some((asked.now + registering, true, error.clone()));
                    plan.details.push(error);
                } else if fate != DeploymentFate::NeverEnds {
                    planned.registers_at = Some(asked.now + registering);
                }
            }
            planned.host = pool
                .clone()
                .map(|pool| (pool, self.host_of(&planned, &name, fate)));
            plan.hosts.push(planned);
        }
        plan
    }

    /// The pool that hosts are registered in: the one that is named, if the token is its own.
    fn pool_of_parameters(&self, parameters: &Parameters, asked: &Asked<'_>) -> Option<String> {
        let token = parameters.text("registrationToken").unwrap_or_default();
        let named = parameters.text("hostPoolName").unwrap_or_default();
        let key = self.pool_of_token(token, asked.now)?;
        let own = key.rsplit('/').next().unwrap_or_default();
        own.eq_ignore_ascii_case(named).then_some(key)
    }

    fn host_of(&self, planned: &Planned, name: &str, fate: DeploymentFate) -> SessionHost {
        let name = match &self.switches.desktops.host_domain {
            Some(domain) => format!("{name}.{domain}"),
            None => name.to_owned(),
        };
        let mut host = SessionHost {
            machine: planned.machine.clone(),
            parts: planned.parts.clone(),
            ..SessionHost::of_version(&name, "", "", "")
        };
        if fate == DeploymentFate::HostsNeedAssistance {
            host.status = Some("NeedsAssistance".to_owned());
            host.checks = vec![HealthCheck {
                name: "AADJoinedHealthCheck".to_owned(),
                result: "HealthCheckFailed".to_owned(),
                message: "SessionHost unhealthy: the VM is not joined to Microsoft Entra ID."
                    .to_owned(),
            }];
        }
        host
    }

    /// Why a VM cannot be made.
    fn problem_of_machine(
        &self,
        planned: &Planned,
        image: &str,
        location: &str,
        fate: DeploymentFate,
    ) -> Option<(&'static str, String)> {
        if fate == DeploymentFate::QuotaExceeded {
            let message = "Operation could not be completed as it results in exceeding approved standardDDSv5Family Cores quota. Additional \
                           details - Deployment Model: Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: 8, Additional \
                           Required: 4, (Minimum) New Limit Required: 12.";
            return Some(("OperationNotAllowed", message.to_owned()));
        }
        let version = self.versions.get(&ids::key(image));
        let plain = crate::arm::regions::plain(location);
        let has_replica = version.is_some_and(|version| version.region(&plain).is_some());
        if version.is_none() || !has_replica {
            let message = format!(
                "The gallery image {image} is not available in {plain} region. Please contact image owner to replicate to this region, or change \
                 your requested region."
            );
            return Some(("GalleryImageNotFound", message));
        }
        let there = self.placed(&ids::key(planned.machine_id()))?.document();
        let reference = there.pointer("/properties/storageProfile/imageReference/id");
        let same = reference
            .and_then(Value::as_str)
            .is_some_and(|known| ids::key(known) == ids::key(image));
        (!same).then(|| {
            (
                "PropertyChangeNotAllowed",
                "Changing property 'imageReference' is not allowed.".to_owned(),
            )
        })
    }

    /// VMs and hosts whose time has come.
    pub(crate) fn settle_deployments(&mut self, now: OffsetDateTime) {
        let keys: Vec<String> = self.deployments.keys().cloned().collect();
        for key in keys {
            let Some(mut deployment) = self.deployments.remove(&key) else {
                continue;
            };
            self.settle_deployment(&mut deployment, now);
            self.deployments.insert(key, deployment);
        }
    }

    fn settle_deployment(&mut self, deployment: &mut Deployment, now: OffsetDateTime) {
        let booting = self.lag(|durations| durations.booting_host);
        for planned in &mut deployment.planned {
            if let Some(at) = planned.machine_at.take_if(|at| *at <= now) {
                // A VM that is there with the same image stays as it is.
                if self.placed(&ids::key(planned.machine_id())).is_none() {
                    self.place(planned.machine.clone(), Some(at));
                    for part in planned.parts.clone() {
                        self.place(part, Some(at));
                    }
                }
                planned.made_at = Some(at);
            }
            if let Some(at) = planned.registers_at.take_if(|at| *at <= now) {
                planned.registered_at = Some(at);
                if let Some((pool, host)) = planned.host.clone() {
                    let known = self.pools.get(&pool);
                    let there = known.is_some_and(|pool| {
                        let mut hosts = pool.hosts.iter();
                        hosts.any(|known| known.scene.machine.id == host.machine.id)
                    });
                    if !there {
                        self.register_host(&pool, host, Some(at), Some(at + booting));
                    }
                }
            }
        }
    }
}

/// A VM of an image that the template makes, before anything is known of its end.
fn planned(
    asked: &Asked<'_>,
    name: &str,
    location: &str,
    image: &str,
    template: &Value,
) -> Planned {
    let group = format!(
        "/subscriptions/{}/resourceGroups/{}",
        asked.path.get("subscription"),
        asked.path.get("group")
    );
    let reference = json!({"id": image, "exactVersion": image.rsplit('/').next()});
    let along = [
        "/properties/storageProfile/osDisk/deleteOption",
        "/properties/networkProfile/networkInterfaces/0/properties/deleteOption",
    ]
    .map(|option| goes_along(template, option));
    let (machine, parts) = machine_of_image(name, &group, location, &reference, along);
    Planned {
        machine,
        parts,
        host: None,
        machine_at: None,
        registers_at: None,
        begun: asked.now,
        made_at: None,
        registered_at: None,
        failure: None,
    }
}

/// The extension that the template registers hosts with: the one that gets the token.
fn extension_of(template: &Value) -> String {
    let resources = template.get("resources").and_then(Value::as_array);
    let name = resources.into_iter().flatten().find_map(|resource| {
        let text = resource.to_string();
        let is_extension = resource.get("type").and_then(Value::as_str)
            == Some("Microsoft.Compute/virtualMachines/extensions");
        let name = resource.get("name").and_then(Value::as_str)?;
        let (_, rest) = name.split_once('/')?;
        (is_extension && text.contains("registrationToken"))
            .then(|| rest.split('\'').next().unwrap_or_default().to_owned())
    });
    name.unwrap_or_else(|| "Microsoft.PowerShell.DSC".to_owned())
}

/// Whether the VM of the template takes a part with it when it is deleted.
fn goes_along(template: &Value, option: &str) -> bool {
    let resources = template.get("resources").and_then(Value::as_array);
    let mut machines = resources.into_iter().flatten().filter(|resource| {
        resource.get("type").and_then(Value::as_str) == Some("Microsoft.Compute/virtualMachines")
    });
    machines.any(|machine| machine.pointer(option).and_then(Value::as_str) == Some("Delete"))
}

fn extension_error(extension: &str) -> Value {
    json!({
        "code": "VMExtensionProvisioningError",
        "message": format!(
            "VM has reported a failure when processing extension '{extension}' (publisher 'Microsoft.Powershell' and type 'DSC'). Error message: \
             'DSC Configuration 'AddSessionHost' completed with error(s). The registration token is not valid.'. More information on \
             troubleshooting is available at https://aka.ms/VMExtensionDSCWindowsTroubleshoot."
        ),
    })
}
