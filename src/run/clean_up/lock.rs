//! The name of the lock that keeps something from being deleted: Azure's refusal names the place of the lock alone.

use serde_json::Value;

use crate::arm::{Arm, Failure, api};
use crate::resource::{ResourceGroupId, ResourceId, quoted};

/// Between a place and the name of a lock on it.
const LOCKS: &str = "/providers/Microsoft.Authorization/locks";

/// Which locks block it, with the commands that delete them, if `failure` is about locks. Whoever may not read locks is told where they are.
pub(super) async fn named(arm: &Arm, failure: &Failure) -> Option<String> {
    let refusal = failure.refusal()?;
    if refusal.code != "ScopeLocked" {
        return None;
    }
    let mut locks = Vec::new();
    for place in places(&refusal.message) {
        let path = format!("{place}{LOCKS}");
        let answer = arm.glance("Reading the locks", path, api::LOCKS).await;
        let answer = answer.unwrap_or_default();
        let found = on(&answer, place);
        if found.is_empty() {
            locks.push(format!("{} shows the lock", list_command(place)));
        }
        locks.extend(found.into_iter().map(|(name, id)| {
            let command = format!("az lock delete --ids {}", quoted(&id));
            format!("the lock is '{name}', {command} deletes it")
        }));
    }
    (!locks.is_empty()).then(|| locks.join("; "))
}

/// The locked places that a refusal names, as far as they are ids: they become parts of addresses.
fn places(message: &str) -> Vec<&str> {
    let (_, named) = message.split_once("are locked:").unwrap_or_default();
    let quoted = named.split('\'').skip(1).step_by(2);
    let quoted = quoted.flat_map(|several| several.split(','));
    let is_id = |text: &&str| {
        text.parse::<ResourceGroupId>().is_ok()
            || subscription(text).is_some()
            || text.parse::<ResourceId>().is_ok()
    };
    quoted.filter(is_id).take(3).collect()
}

/// The subscription, if that is what the id is of.
fn subscription(id: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let id = id.strip_prefix("/subscriptions/")?;
    (!id.is_empty() && id.chars().all(plain)).then_some(id)
}

/// Names and ids of the locks on `place` itself: a list has those below it, too.
fn on(answer: &Value, place: &str) -> Vec<(String, String)> {
    let locks = answer.get("value").and_then(Value::as_array);
    let lock = |lock: &Value| {
        let text = |member: &str| Some(lock.get(member)?.as_str()?.to_owned());
        let (name, id) = (text("name")?, text("id")?);
        let owner = id.len().checked_sub(LOCKS.len() + 1 + name.len())?;
        let is_here = id.get(..owner)?.eq_ignore_ascii_case(place);
        is_here.then_some((name, id))
    };
    locks.into_iter().flatten().filter_map(lock).collect()
}

/// The command that lists the locks of `place`.
fn list_command(place: &str) -> String {
    let parts: Vec<&str> = place.split('/').collect();
    match parts.as_slice() {
        [_, _, subscription, _, group, ..] => format!(
            "az lock list --subscription {} --resource-group {}",
            quoted(subscription),
            quoted(group)
        ),
        [_, _, subscription, ..] => format!("az lock list --subscription {}", quoted(subscription)),
        _ => "az lock list".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_ids_become_parts_of_an_address() {
        let check = |named: &str, expected: &[&str]| {
            let message = format!(
                "The scope '/x' cannot perform delete operation because following scope(s) are locked: {named}. Please remove the lock and try again."
            );
            assert_eq!(places(&message), expected, "{named}");
        };
        let group = "/subscriptions/s/resourceGroups/rg";
        check(&format!("'{group}'"), &[group]);
        check(
            &format!("'{group}','/subscriptions/s'"),
            &[group, "/subscriptions/s"],
        );
        check(
            &format!("'{group},/subscriptions/s'"),
            &[group, "/subscriptions/s"],
        );
        check("'/subscriptions/s/resourceGroups/..'", &[]);
        check("'@evil/subscriptions/s'", &[]);
        check("", &[]);
        assert!(places("no").is_empty());
    }

    #[test]
    fn a_lock_is_told_where_it_lies() {
        let group = "/subscriptions/s/resourceGroups/rg";
        let lock =
            |place: &str, name: &str| json!({"name": name, "id": format!("{place}{LOCKS}/{name}")});
        let below = format!("{group}/providers/n/t/x");
        let answer =
            json!({"value": [lock(&below, "other"), lock(&group.to_uppercase(), "keep"), 17]});
        let found = on(&answer, group);
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, "keep");
        assert!(on(&Value::Null, group).is_empty());
        assert_eq!(
            list_command("/subscriptions/s"),
            "az lock list --subscription s"
        );
        assert_eq!(
            list_command(&below),
            "az lock list --subscription s --resource-group rg"
        );
    }
}
