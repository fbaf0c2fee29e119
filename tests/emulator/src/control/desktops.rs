//! What people ask of host pools: how updates and deployments end, what a session host says, who signs in.

use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cloud::Cloud;
use crate::pools::{CommandFate, DeploymentFate, HealthCheck, MachineFate, UpdateFate};

/// How coming updates end, for example `{"end": "hostFails"}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScriptedUpdate {
    end: UpdateEnd,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum UpdateEnd {
    Succeeds,
    CapacityRule,
    NoHosts,
    KeyVault,
    HostFails,
    RollbackFails,
    NeverStarts,
    NeverEnds,
    Error,
}

/// How coming deployments end, for example `{"end": "extensionFails"}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScriptedDeployment {
    end: DeploymentEnd,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum DeploymentEnd {
    Succeeds,
    ExtensionFails,
    QuotaExceeded,
    NeverEnds,
    HostsNeedAssistance,
}

/// How the next VM comes up, for example `{"end": "agentNeverReports"}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScriptedMachine {
    end: MachineEnd,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum MachineEnd {
    Succeeds,
    AgentNeverReports,
    ProvisioningTimesOut,
    AllocationFails,
    QuotaExceeded,
    SizeNotAvailable,
}

/// How the next run command ends, for example `{"end": "fails", "exitCode": 3, "output": "no driver"}`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ScriptedCommand {
    end: CommandEnd,
    #[serde(default = "one")]
    exit_code: i32,
    #[serde(default)]
    output: String,
    #[serde(default)]
    error: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CommandEnd {
    Succeeds,
    Fails,
    TimesOut,
    NotRun,
    NeverEnds,
    IsCanceled,
}

fn one() -> i32 {
    1
}

/// What a session host says, for example `{"host": "avd-0", "status": "NeedsAssistance"}`; the pool is named where several have such a host.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Said {
    host: String,
    pool: Option<String>,
    status: Option<String>,
    last_heart_beat: Option<String>,
    check: Option<Check>,
    allow_new_session: Option<bool>,
    /// Who signs in to the pool.
    sign_in: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Check {
    name: String,
    #[serde(default = "failed")]
    result: String,
    #[serde(default)]
    message: String,
}

fn failed() -> String {
    "HealthCheckFailed".to_owned()
}

/// Scripts the next update.
pub(super) fn update(cloud: &Cloud, body: &[u8]) -> Result<(), String> {
    let scripted: ScriptedUpdate =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    cloud.script_update(match scripted.end {
        UpdateEnd::Succeeds => UpdateFate::Deserved,
        UpdateEnd::CapacityRule => UpdateFate::CapacityRule,
        UpdateEnd::NoHosts => UpdateFate::NoHosts,
        UpdateEnd::KeyVault => UpdateFate::KeyVault,
        UpdateEnd::HostFails => UpdateFate::HostFails,
        UpdateEnd::RollbackFails => UpdateFate::RollbackFails,
        UpdateEnd::NeverStarts => UpdateFate::NeverStarts,
        UpdateEnd::NeverEnds => UpdateFate::NeverEnds,
        UpdateEnd::Error => UpdateFate::Error,
    });
    Ok(())
}

/// Scripts the next deployment.
pub(super) fn deployment(cloud: &Cloud, body: &[u8]) -> Result<(), String> {
    let scripted: ScriptedDeployment =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    cloud.script_deployment(match scripted.end {
        DeploymentEnd::Succeeds => DeploymentFate::Deserved,
        DeploymentEnd::ExtensionFails => DeploymentFate::ExtensionFails,
        DeploymentEnd::QuotaExceeded => DeploymentFate::QuotaExceeded,
        DeploymentEnd::NeverEnds => DeploymentFate::NeverEnds,
        DeploymentEnd::HostsNeedAssistance => DeploymentFate::HostsNeedAssistance,
    });
    Ok(())
}

/// Scripts the next VM.
pub(super) fn machine(cloud: &Cloud, body: &[u8]) -> Result<(), String> {
    let scripted: ScriptedMachine =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    cloud.script_machine(match scripted.end {
        MachineEnd::Succeeds => MachineFate::Deserved,
        MachineEnd::AgentNeverReports => MachineFate::AgentNeverReports,
        MachineEnd::ProvisioningTimesOut => MachineFate::ProvisioningTimesOut,
        MachineEnd::AllocationFails => MachineFate::AllocationFails,
        MachineEnd::QuotaExceeded => MachineFate::QuotaExceeded,
        MachineEnd::SizeNotAvailable => MachineFate::SizeNotAvailable,
    });
    Ok(())
}

/// Scripts the next run command.
pub(super) fn command(cloud: &Cloud, body: &[u8]) -> Result<(), String> {
    let scripted: ScriptedCommand =
        serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let (exit_code, output, error) = (scripted.exit_code, scripted.output, scripted.error);
    cloud.script_command(match scripted.end {
        CommandEnd::Succeeds => CommandFate::Succeeds { output },
        CommandEnd::Fails => CommandFate::Fails {
            exit_code,
            output,
            error,
        },
        CommandEnd::TimesOut => CommandFate::TimesOut,
        CommandEnd::NotRun => CommandFate::NotRun,
        CommandEnd::NeverEnds => CommandFate::NeverEnds,
        CommandEnd::IsCanceled => CommandFate::IsCanceled,
    });
    Ok(())
}

/// Changes a session host.
pub(super) fn host(cloud: &Cloud, body: &[u8]) -> Result<(), String> {
    let wanted: Said = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let beat = wanted
        .last_heart_beat
        .map(|time| OffsetDateTime::parse(&time, &Rfc3339))
        .transpose()
        .map_err(|error| error.to_string())?;
    let pools = cloud.host_pools();
    let has = |pool: &&String| {
        let named = wanted.pool.as_ref();
        let is_named = named.is_none_or(|named| {
            pool.eq_ignore_ascii_case(named) || pool.rsplit('/').next() == Some(named.as_str())
        });
        let mut hosts = cloud.session_hosts(pool).into_iter();
        is_named && hosts.any(|host| host.name.eq_ignore_ascii_case(&wanted.host))
    };
    let Some(pool) = pools.iter().find(has) else {
        return Err(format!("there is no session host '{}'", wanted.host));
    };
    cloud.change_session_host(pool, &wanted.host, |host| {
        if let Some(status) = wanted.status {
            // What the VM's state makes of it is said again by an empty text.
            host.status = Some(status).filter(|status| !status.is_empty());
        }
        if let Some(beat) = beat {
            host.last_heartbeat = Some(beat);
        }
        if let Some(open) = wanted.allow_new_session {
            host.allow_new_session = open;
        }
        if let Some(check) = wanted.check {
            host.checks.retain(|known| known.name != check.name);
            if check.result != "HealthCheckSucceeded" {
                host.checks.push(HealthCheck {
                    name: check.name,
                    result: check.result,
                    message: check.message,
                });
            }
        }
    });
    if let Some(user) = wanted.sign_in {
        cloud
            .sign_in(pool, &user)
            .ok_or("no session host of the pool takes sessions")?;
    }
    Ok(())
}
