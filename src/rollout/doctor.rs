//! What a roll-out needs, checked without changing anything: the kind of the pool, the version and its replicas, the template, scaling plans, what
//! the pool's identity may do, and what the service connection may do.

use futures::future::join_all;
use serde_json::Value;

use super::codes;
use super::event::{Event, Events};
use super::method::check_template;
use super::outcome::NotRolledOut;
use super::permissions;
use super::step::RolloutStep;
use crate::arm::api::ROLES;
use crate::arm::authorization::{Action, Permission, RoleAssignment, missing, role_assignments};
use crate::arm::desktops::{HostConfiguration, HostPool};
use crate::arm::{Arm, Failure};
use crate::check::{Finding, Verdict};
use crate::inputs::{Rollout, RolloutMethod};
use crate::resource::{ResourceId, quoted};

/// Key Vault Secrets User, Key Vault Secrets Officer and Key Vault Administrator
/// (<https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/security>).
const SECRET_READERS: [&str; 3] = [
    "4633458b-17de-408a-b874-0445c86b69e6",
    "b86a8fe4-44ce-4948-aee5-eccb2c155cd7",
    "00482a5a-887f-4fb3-b363-3b7fe8e74483",
];

/// Drops the events: the doctor says everything in its findings.
struct Silent;

impl Events for Silent {
    fn emit(&self, _: Event) {}
}

/// Makes all checks. None stops another.
pub async fn doctor(request: &Rollout, arm: &Arm) -> Vec<Finding> {
    let step = RolloutStep::new(request, arm, &Silent);
    let mut findings = Vec::new();
    if request.template.is_some() {
        findings.push(template(request));
    }
    let pool = match step.read_pool().await {
        Ok(pool) => {
            let text = format!(
                "'{}' is {}, managementType {}",
                request.pool.name(),
                pool.kind,
                pool.management
            );
            findings.push(finding(POOL, Verdict::Fine, text, None));
            Some(pool)
        }
        Err(not) => {
            findings.push(problem(POOL, &not));
            None
        }
    };
    if let Some(pool) = &pool {
        findings.push(match step.check_kind(pool) {
            Ok(()) => finding("method", Verdict::Fine, method_text(request, pool), None),
            Err(refused) => problem("method", &refused.into()),
        });
    }
    let updates = pool.as_ref().is_some_and(|pool| updates(request, pool));
    findings.push(version(&step, updates).await);
    findings.push(plans(&step, pool.as_ref()).await);
    if let Some(pool) = pool.as_ref().filter(|_| updates) {
        findings.extend(of_update(&step, pool).await);
    }
    findings.extend(own_permissions(request, arm, updates).await);
    findings
}

const POOL: &str = "host pool";

fn updates(request: &Rollout, pool: &HostPool) -> bool {
    match request.method {
        Some(method) => method == RolloutMethod::SessionHostUpdate,
        None => pool.is_automated(),
    }
}

fn method_text(request: &Rollout, pool: &HostPool) -> String {
    match request.method {
        Some(method) => format!("'{}' fits the host pool", method.name()),
        None if pool.is_automated() => "'auto' takes 'sessionHostUpdate'".to_owned(),
        None => "'auto' takes 'existing' if enough hosts of the version are there, and otherwise 'replace'".to_owned(),
    }
}

fn finding(check: &'static str, verdict: Verdict, text: String, fix: Option<String>) -> Finding {
    Finding {
        check,
        verdict,
        text,
        fix,
    }
}

fn unknown(check: &'static str, failure: &dyn std::fmt::Display) -> Finding {
    let text = format!("it cannot be read: {failure}");
    finding(check, Verdict::Unknown, text, None)
}

/// What the step itself would say.
fn problem(check: &'static str, not: &NotRolledOut) -> Finding {
    match not {
        NotRolledOut::Refused(refused) | NotRolledOut::NotReady(refused) => finding(
            check,
            Verdict::Problem(refused.code),
            refused.text.clone(),
            refused.hint.clone(),
        ),
        NotRolledOut::Version(refused) => finding(
            check,
            Verdict::Problem(refused.code().unwrap_or(codes::CONNECTION_LACKS_PERMISSION)),
            refused.to_string(),
            refused.hint(),
        ),
        NotRolledOut::Azure(failure) => unknown(check, failure),
        NotRolledOut::Canceled => unknown(check, &"the job was canceled"),
    }
}

/// Whether the token of the deployment would be a secret; the other parameters are checked with the inputs.
fn template(request: &Rollout) -> Finding {
    let check = "template of session hosts";
    match check_template(request) {
        Ok(()) => {
            let text = "it has the parameters that the step fills in, and the token is a secret";
            finding(check, Verdict::Fine, text.to_owned(), None)
        }
        Err(refused) => problem(check, &refused.into()),
    }
}

/// The version, and its replicas where the hosts are.
async fn version(step: &RolloutStep<'_>, updates: bool) -> Finding {
    let check = "image";
    let looked = async {
        let version = step.read_version().await?;
        let hosts = step.hosts().await?;
        let method = step.request.method.unwrap_or(RolloutMethod::Replace);
        let made = step.made_by(method).filter(|_| !updates);
        if let Some(version) = &version {
            step.check_replicas(version, &hosts, made.as_ref())?;
        }
        // Of an update the session host configuration is compared.
        if !updates {
            step.check_system().await?;
        }
        if let Some(made) = &made {
            step.check_fit(made).await?;
        }
        Ok::<_, NotRolledOut>((version, hosts))
    };
    match looked.await {
        Ok((_, hosts)) => {
            let count = hosts.len();
            let wanted = hosts.iter().filter(|host| host.is_wanted).count();
            let text = format!(
                "{} can be rolled out; {wanted} of {count} hosts have it",
                step.request.image.short()
            );
            finding(check, Verdict::Fine, text, None)
        }
        Err(not) => problem(check, &not),
    }
}

async fn plans(step: &RolloutStep<'_>, pool: Option<&HostPool>) -> Finding {
    let check = "scaling plans";
    let request = step.request;
    let plans = match step.arm.scaling_plans(&request.pool).await {
        Ok(plans) => plans,
        Err(failure) => return unknown(check, &failure),
    };
    let mut on = plans.iter().filter(|plan| plan.is_on_for(&request.pool));
    let Some(plan) = on.next() else {
        let text = "none is enabled for the host pool".to_owned();
        return finding(check, Verdict::Fine, text, None);
    };
    let verdict = if pool.is_some_and(|pool| self::updates(request, pool)) {
        Verdict::Problem(codes::AUTOSCALE)
    } else {
        Verdict::Warning(codes::AUTOSCALE)
    };
    let name = super::preflight::plan_name(plan);
    let text = format!("'{name}' is enabled for the host pool");
    let fix = super::preflight::switch_off_command(plan, &request.pool);
    finding(check, verdict, text, Some(fix))
}

/// The configuration, and the secrets that the pool's identity reads.
async fn of_update(step: &RolloutStep<'_>, pool: &HostPool) -> Vec<Finding> {
    let check = "session host configuration";
    let mut findings = Vec::new();
    match step.check_configuration().await {
        Ok(configuration) => {
            let image = configuration.image.as_ref();
            let image = image.map_or_else(|| "unknown".to_owned(), super::host::short);
            let text = format!("its image is {image}");
            findings.push(finding(check, Verdict::Fine, text, None));
            findings.extend(vaults(step.arm, pool, &configuration).await);
        }
        Err(not) => findings.push(problem(check, &not)),
    }
    findings
}

/// Whether the identity of the pool has a role that reads secrets, on each vault that the configuration names.
async fn vaults(arm: &Arm, pool: &HostPool, configuration: &HostConfiguration) -> Vec<Finding> {
    let check = "key vault of the pool's identity";
    let mut names: Vec<&str> = configuration
        .secrets
        .iter()
        .filter_map(|secret| secret.strip_prefix("https://")?.split(['.', '/']).next())
        .filter(|name| is_plain(name))
        .collect();
    names.sort_unstable();
    names.dedup();
    let principal = pool.principal.as_ref().filter(|id| is_plain(id));
    let Some(principal) = principal else {
        if names.is_empty() {
            return Vec::new();
        }
        let text = "the host pool has no managed identity; older pools read the secrets with the service principal of Azure Virtual Desktop, whose roles are not checked".to_owned();
        return vec![finding(check, Verdict::Unknown, text, None)];
    };
    let looks = names
        .into_iter()
        .map(|name| vault(arm, pool, principal, name));
    join_all(looks).await
}

/// Whether a text can become part of an address.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
}

async fn vault(arm: &Arm, pool: &HostPool, principal: &str, name: &str) -> Finding {
    let check = "key vault of the pool's identity";
    let doing = format!("Looking for key vault '{name}'");
    let subscription = pool.id.subscription();
    let path = format!(
        "/subscriptions/{subscription}/resources?$filter=resourceType eq 'Microsoft.KeyVault/vaults' and name eq '{name}'"
    );
    let found = arm.pages(&doing, path, crate::arm::api::RESOURCES).await;
    let id = match found {
        Ok(all) => {
            let id = |one: &Value| one.get("id")?.as_str()?.parse::<ResourceId>().ok();
            let mut ids = all.iter().filter_map(id);
            ids.find(|id| id.name().eq_ignore_ascii_case(name))
        }
        Err(failure) => return unknown(check, &failure),
    };
    let Some(id) = id else {
        let text = format!("'{name}' is not in subscription {subscription}, or cannot be read");
        return finding(check, Verdict::Unknown, text, None);
    };
    match has_role(arm, &id, principal).await {
        Ok(true) => {
            let text = format!("the identity of the pool can read the secrets of '{name}'");
            finding(check, Verdict::Fine, text, None)
        }
        Ok(false) => {
            let text =
                format!("the identity of the pool has no role that reads the secrets of '{name}'");
            let fix = format!(
                "az role assignment create --assignee-object-id {principal} --assignee-principal-type ServicePrincipal --role 'Key Vault Secrets User' --scope {} (a vault with access policies needs one for it instead)",
                quoted(id.as_str())
            );
            finding(
                check,
                Verdict::Warning(codes::IDENTITY_LACKS_PERMISSION),
                text,
                Some(fix),
            )
        }
        Err(failure) => unknown(check, &failure),
    }
}

/// Whether one of Azure's own roles that read secrets holds at the vault, also by a group. A role of one's own may permit it as well.
async fn has_role(arm: &Arm, vault: &ResourceId, principal: &str) -> Result<bool, Failure> {
    let doing = format!(
        "Reading the role assignments on key vault '{}'",
        vault.name()
    );
    let path = role_assignments(vault.as_str(), principal);
    let all = arm.pages(&doing, path, ROLES).await?;
    let mut assignments = all.iter().filter_map(RoleAssignment::read);
    Ok(assignments.any(|assignment| {
        let role = assignment.role.rsplit('/').next().unwrap_or_default();
        let reads = SECRET_READERS
            .iter()
            .any(|id| id.eq_ignore_ascii_case(role));
        reads && assignment.holds_at(vault.as_str())
    }))
}

/// The service connection's own permissions. Everybody may ask for those.
async fn own_permissions(request: &Rollout, arm: &Arm, updates: bool) -> Vec<Finding> {
    let mut pool: Vec<Action> = permissions::LOOKS.to_vec();
    if updates {
        pool.extend(permissions::UPDATE);
    } else {
        pool.extend(permissions::DRAIN);
    }
    let replaces = request.template.is_some() && !updates;
    if replaces {
        pool.extend(permissions::REPLACE);
    }
    let scope = request.pool.to_string();
    let name = format!("host pool '{}'", request.pool.name());
    let role = "Desktop Virtualization Host Pool Contributor";
    let mut findings = vec![permitted(arm, &scope, &name, &pool, role).await];
    if replaces {
        let scope = request.group.to_string();
        let name = format!("resource group '{}'", request.group.name());
        let role = "Contributor";
        findings.push(permitted(arm, &scope, &name, permissions::DEPLOY, role).await);
    }
    findings
}

async fn permitted(
    arm: &Arm,
    scope: &str,
    name: &str,
    needed: &[Action],
    role: &'static str,
) -> Finding {
    let check = "permissions of the service connection";
    let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
    let all = match arm.pages("Reading the permissions", path, ROLES).await {
        Ok(all) => all,
        Err(failure) => return unknown(check, &failure),
    };
    let permissions: Vec<Permission> = all.iter().map(Permission::read).collect();
    let lacking = missing(&permissions, needed);
    if lacking.is_empty() {
        let text = format!("everything that is needed on {name} is permitted");
        return finding(check, Verdict::Fine, text, None);
    }
    let text = format!(
        "the service connection lacks {} on {name}",
        lacking.join(", ")
    );
    let fix = format!(
        "az role assignment create --assignee <object id of its principal> --role {} --scope {}",
        quoted(role),
        quoted(scope)
    );
    finding(
        check,
        Verdict::Problem(codes::CONNECTION_LACKS_PERMISSION),
        text,
        Some(fix),
    )
}
