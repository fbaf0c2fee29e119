//! What a promotion or a withdrawal needs, looked at without changing anything: the version, the definitions of the copies, and the permissions.

use futures::future::join_all;

use super::refused::{Refused, display_name, role_assignment};
use super::{Job, NotReleased, Why};
use crate::arm::api::{GALLERIES, ROLES};
use crate::arm::authorization::{Action, Permission, missing};
use crate::arm::gallery::State;
use crate::arm::{Arm, Failure};
use crate::check::{Finding, Verdict, why_alone};
use crate::inputs::Release;
use crate::resource::ResourceId;

const READ_DEFINITION: Action = Action::Control("Microsoft.Compute/galleries/images/read");
const READ: Action = Action::Control("Microsoft.Compute/galleries/images/versions/read");
const WRITE: Action = Action::Control("Microsoft.Compute/galleries/images/versions/write");
const READ_GALLERY: Action = Action::Control("Microsoft.Compute/galleries/read");
const OPERATIONS: Action = Action::Control("Microsoft.Compute/locations/capsOperations/read");

/// Code of "the service connection lacks a permission", as the checks before a build have it.
const NO_PERMISSION: &str = "AIB712";

/// Makes all checks. None stops another.
pub async fn doctor(request: &Release, arm: &Arm) -> Vec<Finding> {
    let definition = request.version.parent();
    let definition = definition.as_ref().unwrap_or(&request.version);
    let targets = request.targets();
    // A copy needs no more than reading where the version is.
    let own: &[Action] = if targets.is_empty() {
        &[READ_DEFINITION, READ, WRITE]
    } else {
        &[READ_DEFINITION, READ]
    };
    let copies = join_all(targets.iter().map(|target| async {
        vec![
            there(arm, target).await,
            permissions(arm, target, &[READ_GALLERY, READ_DEFINITION, READ, WRITE]).await,
        ]
    }));
    let (version, permitted, operations, copies) = futures::join!(
        version(request, arm),
        permissions(arm, definition, own),
        operations(arm, &request.version),
        copies
    );
    let mut findings = vec![version, permitted, operations];
    findings.extend(copies.into_iter().flatten());
    findings
}

fn finding(check: &'static str, verdict: Verdict, text: String, fix: Option<String>) -> Finding {
    Finding {
        check,
        verdict,
        text,
        fix,
    }
}

fn unknown(check: &'static str, failure: &Failure) -> Finding {
    let text = format!("it cannot be read: {failure}");
    finding(check, Verdict::Unknown, text, None)
}

struct Silent;

impl super::event::Events for Silent {
    fn emit(&self, _: super::event::Event) {}
}

/// What the step itself would say of the version before it changes anything.
async fn version(request: &Release, arm: &Arm) -> Finding {
    let check = "image version";
    let job = Job {
        request,
        arm,
        events: &Silent,
    };
    let looked = async {
        let seen = job.look().await?;
        job.refuse(&seen.version)?;
        Ok::<_, NotReleased>(seen.version)
    };
    match looked.await {
        Ok(version) if version.state == State::Succeeded => {
            let text = format!("version {} exists, in state Succeeded", version.name);
            finding(check, Verdict::Fine, text, None)
        }
        Ok(version) => {
            let text = format!(
                "version {} is in state {}: the step would wait for its end",
                version.name,
                version.state.as_str()
            );
            finding(check, Verdict::Fine, text, None)
        }
        Err(NotReleased::Refused(refused)) => {
            let code = refused.code().unwrap_or(NO_PERMISSION);
            finding(
                check,
                Verdict::Problem(code),
                of_version(&refused),
                refused.hint(),
            )
        }
        Err(NotReleased::Azure(failure)) if super::is_forbidden(&failure) => {
            let why = Why::Forbidden(Box::new(failure));
            let refused = job.asked().refused(&request.version, why);
            let verdict = Verdict::Problem(NO_PERMISSION);
            finding(check, verdict, of_version(&refused), refused.hint())
        }
        Err(NotReleased::Azure(failure)) => unknown(check, &failure),
    }
}

/// What speaks against the version; nothing was to be done with it.
fn of_version(refused: &Refused) -> String {
    let text = refused.to_string();
    let name = display_name(&refused.version);
    let name = name.trim_start_matches("image ");
    format!("{name}: {}", why_alone(&text))
}

/// The image definition of a copy.
async fn there(arm: &Arm, target: &ResourceId) -> Finding {
    let check = "image definition of the copy";
    let doing = format!("Reading image definition '{}'", target.name());
    match arm.get_if_there(&doing, target, GALLERIES).await {
        Ok(Some(_)) => {
            let text = format!("'{}' exists", target.name());
            finding(check, Verdict::Fine, text, None)
        }
        Ok(None) => {
            let text = format!(
                "image definition '{}' does not exist in gallery '{}'",
                target.name(),
                target.name_at(0).unwrap_or_default()
            );
            let fix = "check the spelling, or create it".to_owned();
            finding(check, Verdict::Problem("AIB826"), text, Some(fix))
        }
        Err(failure) => unknown(check, &failure),
    }
}

/// Whether the service connection may write tags on the versions of a definition, which is the permission to change them.
pub async fn permissions_to_tag(arm: &Arm, definition: &ResourceId) -> Finding {
    permissions(arm, definition, &[READ_DEFINITION, READ, WRITE]).await
}

/// The service connection's own permissions on a definition. Everybody may ask for those.
async fn permissions(arm: &Arm, definition: &ResourceId, needed: &[Action]) -> Finding {
    let check = "permissions on the versions";
    let lacking = match lacking(arm, definition.as_str(), needed).await {
        Ok(lacking) => lacking,
        Err(failure) => return unknown(check, &failure),
    };
    let name = definition.name();
    if lacking.is_empty() {
        let names: Vec<_> = needed.iter().map(Action::name).collect();
        let text = format!("{} on '{name}': permitted", names.join(", "));
        return finding(check, Verdict::Fine, text, None);
    }
    let text = format!(
        "the service connection lacks {} on image definition '{name}'",
        lacking.join(", ")
    );
    let fix = role_assignment(definition, "<object id of its principal>");
    finding(check, Verdict::Problem(NO_PERMISSION), text, Some(fix))
}

/// Following a change needs this at the subscription; without it the version itself is read instead.
async fn operations(arm: &Arm, version: &ResourceId) -> Finding {
    let check = "permission on operations";
    let scope = format!("/subscriptions/{}", version.subscription());
    match lacking(arm, &scope, &[OPERATIONS]).await {
        Ok(lacking) if lacking.is_empty() => {
            let text = format!("{} is permitted", OPERATIONS.name());
            finding(check, Verdict::Fine, text, None)
        }
        Ok(_) => {
            let text = format!(
                "the service connection lacks {} on the subscription: the step reads the version instead",
                OPERATIONS.name()
            );
            finding(check, Verdict::Unknown, text, None)
        }
        Err(failure) => unknown(check, &failure),
    }
}

async fn lacking(arm: &Arm, scope: &str, needed: &[Action]) -> Result<Vec<&'static str>, Failure> {
    let path = format!("{scope}/providers/Microsoft.Authorization/permissions");
    let all = arm.pages("Reading the permissions", path, ROLES).await?;
    let permissions: Vec<Permission> = all.iter().map(Permission::read).collect();
    Ok(missing(&permissions, needed))
}
