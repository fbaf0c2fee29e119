//! What the step needs, looked at without changing anything: the versions, the permissions, and whether it can be told who uses them.

use futures::join;
use http::StatusCode;

use super::find_uses::{self, FoundUses, Unknown};
use crate::arm::api::ROLES;
use crate::arm::authorization::{Action, Permission, missing};
use crate::arm::{Arm, Failure};
use crate::check::{Finding, Verdict};
use crate::error::Error;
use crate::inputs::{Retain, RetainAction};
use crate::resource::quoted;

const READ: Action = Action::Control("Microsoft.Compute/galleries/images/versions/read");
const WRITE: Action = Action::Control("Microsoft.Compute/galleries/images/versions/write");
const DELETE: Action = Action::Control("Microsoft.Compute/galleries/images/versions/delete");

/// Code of "the service connection lacks a permission", as the checks before a build have it.
const NO_PERMISSION: &str = "AIB712";

/// Makes all checks. None stops another.
pub async fn doctor(retain: &Retain, arm: &Arm) -> Vec<Finding> {
    let (versions, permissions, uses) = join!(
        versions(retain, arm),
        permissions(retain, arm),
        uses(retain, arm)
    );
    let mut findings = vec![versions, permissions];
    findings.extend(uses);
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

async fn versions(retain: &Retain, arm: &Arm) -> Finding {
    let check = "image versions";
    let name = retain.definition.name();
    match arm.versions(&retain.definition).await {
        Ok(versions) => {
            let count = match versions.len() {
                1 => "1 version".to_owned(),
                count => format!("{count} versions"),
            };
            let text = format!("image definition '{name}' has {count}");
            finding(check, Verdict::Fine, text, None)
        }
        Err(failure) if failure.is(StatusCode::NOT_FOUND) => {
            let error = Error::NoDefinition {
                definition: retain.definition.clone(),
            };
            let verdict = Verdict::Problem(error.code());
            finding(check, verdict, error.to_string(), error.hint())
        }
        Err(failure) if failure.is(StatusCode::FORBIDDEN) => {
            let fix = role(retain, "Image Builder Task release");
            let verdict = Verdict::Problem(NO_PERMISSION);
            finding(check, verdict, failure.to_string(), Some(fix))
        }
        Err(failure) => unknown(check, &failure),
    }
}

/// The service connection's own permissions on the definition. Everybody may ask for those.
async fn permissions(retain: &Retain, arm: &Arm) -> Finding {
    let check = "permissions on the versions";
    let change = match retain.keep.action {
        RetainAction::Delete => DELETE,
        RetainAction::Exclude | RetainAction::EndOfLife => WRITE,
    };
    let path = format!(
        "{}/providers/Microsoft.Authorization/permissions",
        retain.definition
    );
    let all = match arm.pages("Reading the permissions", path, ROLES).await {
        Ok(all) => all,
        Err(failure) => return unknown(check, &failure),
    };
    let permissions: Vec<Permission> = all.iter().map(Permission::read).collect();
    let lacking = missing(&permissions, &[READ, change]);
    if lacking.is_empty() {
        let text = format!("{} is permitted", change.name());
        return finding(check, Verdict::Fine, text, None);
    }
    let text = format!(
        "the service connection lacks {} on image definition '{}'",
        lacking.join(", "),
        retain.definition.name()
    );
    let fix = role(retain, "Image Builder Task release");
    finding(check, Verdict::Problem(NO_PERMISSION), text, Some(fix))
}

/// Both looks of the step, each told by itself: they need different permissions.
async fn uses(retain: &Retain, arm: &Arm) -> Vec<Finding> {
    if retain.keep.action == RetainAction::Exclude {
        return Vec::new();
    }
    let mut findings = findings_of(
        "use of the versions",
        find_uses::before_decision(arm, retain).await,
    );
    if retain.keep.action == RetainAction::Delete {
        let again = find_uses::before_deletion(arm, retain).await;
        findings.extend(findings_of("use right before a deletion", again));
    }
    findings
}

fn findings_of(check: &'static str, look: Result<FoundUses, Unknown>) -> Vec<Finding> {
    match look {
        Ok(seen) => {
            let text = "which versions are in use can be determined".to_owned();
            let fine = finding(check, Verdict::Fine, text, None);
            let places = seen.not_looked_at.into_iter();
            let unseen = places.map(|place| {
                finding(
                    check,
                    Verdict::Unknown,
                    format!("not checked: {place}"),
                    None,
                )
            });
            std::iter::once(fine).chain(unseen).collect()
        }
        Err(unknown) => {
            let error = Error::from(unknown);
            let verdict = Verdict::Problem(error.code());
            vec![finding(check, verdict, error.to_string(), error.hint())]
        }
    }
}

fn unknown(check: &'static str, failure: &Failure) -> Finding {
    let text = format!("it cannot be read: {failure}");
    finding(check, Verdict::Unknown, text, None)
}

fn role(retain: &Retain, name: &str) -> String {
    format!(
        "az role assignment create --assignee <object id of its principal> --role \"{name}\" --scope {}; samples/setup creates the role",
        quoted(retain.definition.as_str())
    )
}
