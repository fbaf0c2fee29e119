//! What a step may call its own, read again for a stage that removes what another one left.

use super::origin::Origin;
use super::reading::Reading;
use super::{Given, Plan, package, service_connection};
use crate::secret::Masker;

/// What a step may call its own: what lies elsewhere, or is of another run, is none of its business.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The step.
    pub origin: Origin,
    /// The subscription that it works in, if its inputs tell.
    pub subscription: Option<String>,
    /// The resource group of its template, if its inputs tell.
    pub resource_group: Option<String>,
    /// The account of its package, if its inputs tell.
    pub storage_account: Option<String>,
}

impl From<&Plan> for Owner {
    fn from(plan: &Plan) -> Self {
        let package = plan.package.as_ref();
        Self {
            origin: plan.origin.clone(),
            subscription: Some(plan.connection.subscription.clone()),
            resource_group: Some(plan.resource_group.clone()),
            storage_account: package.map(|package| package.storage_account.clone()),
        }
    }
}

/// What the step that `given` is about may call its own. An input that is not understood makes less its own, never more.
pub fn owner(given: &Given, masker: &dyn Masker) -> Owner {
    let mut reading = Reading::new(given);
    let connection = service_connection::read(&mut reading, masker).ok();
    Owner {
        origin: Origin::of(given),
        subscription: connection.map(|connection| connection.subscription),
        resource_group: super::resource_group(&mut reading).ok(),
        storage_account: package::storage_account(&mut reading, true).ok(),
    }
}
