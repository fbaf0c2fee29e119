//! Locks: Azure Resource Manager refuses what they forbid, whatever the provider would say
//! (<https://learn.microsoft.com/azure/azure-resource-manager/management/lock-resources>).

use http::Method;

use crate::arm::answer::Refusal;
use crate::arm::{Arm, Asked};
use crate::estate::LockLevel;
use crate::ids;

impl Arm {
    /// Refuses a request that a lock at its resource or above it forbids.
    pub(crate) fn check_locks(&self, asked: &Asked<'_>) -> Result<(), Refusal> {
        let (action, forbidden): (_, &[LockLevel]) = match *asked.raw.method() {
            Method::DELETE => ("delete", &[LockLevel::CanNotDelete, LockLevel::ReadOnly]),
            Method::PUT | Method::PATCH | Method::POST => ("write", &[LockLevel::ReadOnly]),
            _ => return Ok(()),
        };
        let path = asked.raw.uri().path();
        let key = ids::key(path);
        let holds = |scope: &str| {
            let rest = key.strip_prefix(&ids::key(scope));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let scopes: Vec<&str> = self
            .world
            .locks
            .iter()
            .filter(|lock| forbidden.contains(&lock.level) && holds(&lock.scope))
            .map(|lock| lock.scope.as_str())
            .collect();
        if scopes.is_empty() {
            return Ok(());
        }
        let message = format!(
            "The scope '{path}' cannot perform {action} operation because following scope(s) are locked: '{}'. Please remove the lock and try \
             again.",
            scopes.join(",")
        );
        Err(Refusal::new(409, "ScopeLocked", message))
    }
}
