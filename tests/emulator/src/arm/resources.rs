//! What Azure Resource Manager answers itself, and the identities: subscriptions, groups, providers, metadata of the cloud.

use serde_json::{Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::routes;
use crate::arm::{Arm, Asked, regions};
use crate::world::{BlobAddress, Identity};

const IDENTITY_TYPE: &str = "Microsoft.ManagedIdentity/userAssignedIdentities";

impl Arm {
    /// What tools read that register a custom cloud; no token is needed.
    pub(crate) fn metadata_endpoints(&self, asked: &Asked<'_>) -> Answer {
        let addresses = &self.world.addresses;
        let (arm, login) = (&addresses.arm, &addresses.login);
        let audiences = json!([
            format!("{arm}/"),
            "https://management.core.windows.net/",
            "https://management.azure.com/"
        ]);
        let storage = match &addresses.blob {
            BlobAddress::Hosts { suffix } => suffix.clone(),
            BlobAddress::Paths { origin } => origin.trim_start_matches("https://").to_owned(),
        };
        let document = if asked.version == "2015-01-01" {
            json!({
                "galleryEndpoint": format!("{arm}/"),
                "graphEndpoint": format!("{login}/"),
                "portalEndpoint": format!("{arm}/"),
                "authentication": {"loginEndpoint": format!("{login}/"), "audiences": audiences},
            })
        } else {
            json!({
                "portal": format!("{arm}/"),
                "authentication": {"loginEndpoint": login, "audiences": audiences, "tenant": "common", "identityProvider": "AAD"},
                "graphAudience": format!("{login}/"),
                "graph": format!("{login}/"),
                "name": "AzureEmulator",
                "suffixes": {"storage": storage},
                "resourceManager": format!("{arm}/"),
                "microsoftGraphResourceId": format!("{login}/"),
            })
        };
        Answer::new(200, Body::Compact(document))
    }

    pub(crate) fn list_subscriptions(&self) -> Answer {
        let others = self.world.other_subscriptions.iter();
        let all: Vec<Value> = std::iter::once(&self.world.subscription)
            .chain(others.map(|other| &other.id))
            .map(|id| self.subscription(id))
            .collect();
        let count = json!({"type": "Total", "value": all.len()});
        Answer::new(200, Body::Compact(json!({"value": all, "count": count})))
    }

    pub(crate) fn get_subscription(&self, asked: &Asked<'_>) -> Answer {
        let id = asked.path.get("subscription");
        Answer::new(200, Body::Compact(self.subscription(id)))
    }

    fn subscription(&self, id: &str) -> Value {
        let other = self.world.other_subscription(id);
        let name = other.map_or(&self.world.subscription_name, |other| &other.name);
        json!({
            "id": format!("/subscriptions/{id}"),
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": id,
            "tenantId": self.world.tenant,
            "displayName": name,
            "state": "Enabled",
            "subscriptionPolicies": {"locationPlacementId": "Public_2014-09-01", "quotaId": "EnterpriseAgreement_2014-09-01", "spendingLimit": "Off"},
        })
    }

    /// The regions of the image builder. The real list has more regions, and geography, coordinates and zones for each of them.
    pub(crate) fn list_locations(asked: &Asked<'_>) -> Answer {
        let id = asked.path.get("subscription");
        let region = |display: &&str| {
            let name = regions::plain(display);
            json!({
                "id": format!("/subscriptions/{id}/locations/{name}"),
                "name": name,
                "type": "Region",
                "displayName": display,
                "metadata": {"regionType": "Physical"},
            })
        };
        let all: Vec<Value> = regions::REGIONS.iter().map(region).collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    /// Registration, resource types, their locations and api-versions: those of the emulator.
    pub(crate) fn provider(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let asked_for = asked.path.get("namespace");
        let known = [
            "Microsoft.VirtualMachineImages",
            "Microsoft.Compute",
            "Microsoft.Storage",
            "Microsoft.ManagedIdentity",
            "Microsoft.Network",
            "Microsoft.KeyVault",
            "Microsoft.ContainerInstance",
            "Microsoft.DesktopVirtualization",
            "Microsoft.ResourceGraph",
        ];
        let Some(namespace) = known
            .iter()
            .find(|known| known.eq_ignore_ascii_case(asked_for))
        else {
            let message = format!("The resource namespace '{asked_for}' is invalid.");
            return Err(Refusal::new(404, "InvalidResourceNamespace", message));
        };
        let prefix = format!("/providers/{namespace}/");
        let mut types: Vec<Value> = Vec::new();
        for route in routes::ROUTES {
            let kind = route
                .pattern
                .split_once(&prefix)
                .and_then(|(_, rest)| rest.split('/').next());
            if let Some(kind) = kind.filter(|kind| {
                !types
                    .iter()
                    .any(|known| known.get("resourceType") == Some(&json!(kind)))
            }) {
                let versions: Vec<&str> = self.offered(route).into_iter().rev().collect();
                types.push(json!({"resourceType": kind, "locations": regions::REGIONS, "apiVersions": versions}));
            }
        }
        let state = if self.is_registered(namespace) {
            "Registered"
        } else {
            "NotRegistered"
        };
        Ok(Answer::new(
            200,
            Body::Compact(json!({
                "id": format!("/subscriptions/{}/providers/{namespace}", self.world.subscription),
                "namespace": namespace,
                "resourceTypes": types,
                "registrationState": state,
                "registrationPolicy": "RegistrationRequired",
            })),
        ))
    }

    fn is_registered(&self, namespace: &str) -> bool {
        !self
            .world
            .unregistered_providers
            .iter()
            .any(|missing| missing.eq_ignore_ascii_case(namespace))
    }

    /// Refuses a resource whose provider is not registered in the subscription.
    pub(crate) fn check_registered(&self, namespace: &str, kind: &str) -> Result<(), Refusal> {
        if self.is_registered(namespace) {
            return Ok(());
        }
        let message = format!(
            "The subscription is not registered for the resource type '{kind}' in the location 'westeurope'. Please re-register for this \
             provider in order to have access to this location."
        );
        Err(Refusal::new(
            409,
            "MissingSubscriptionRegistration",
            message,
        ))
    }

    /// Refuses a region in which the image builder is not available.
    pub(crate) fn check_location(location: &str) -> Result<(), Refusal> {
        if regions::REGIONS
            .iter()
            .any(|known| regions::plain(known) == regions::plain(location))
        {
            return Ok(());
        }
        let message = format!(
            "The provided location '{location}' is not available for resource type 'Microsoft.VirtualMachineImages/imageTemplates'. List of \
             available regions for the resource type is '{}'.",
            regions::REGIONS
                .iter()
                .map(|name| regions::plain(name))
                .collect::<Vec<_>>()
                .join(",")
        );
        Err(Refusal::new(
            400,
            "LocationNotAvailableForResourceType",
            message,
        ))
    }

    /// The region of a resource group of the scene or of a staging group.
    pub(crate) fn group_location(&self, name: &str) -> Option<&str> {
        let known = self
            .world
            .resource_groups
            .iter()
            .find(|group| group.name.eq_ignore_ascii_case(name));
        let staging = || {
            let holds = |group: &str| group.eq_ignore_ascii_case(name);
            let template = self.templates.values().find(|template| {
                template
                    .staging
                    .as_ref()
                    .is_some_and(|staging| holds(&staging.group))
            });
            template.map(|template| template.location.as_str())
        };
        known.map(|group| group.location.as_str()).or_else(staging)
    }

    /// The region of a resource group of any subscription.
    pub(crate) fn location_of_group(&self, subscription: &str, name: &str) -> Option<&str> {
        let Some(other) = self.world.other_subscription(subscription) else {
            return self.group_location(name);
        };
        let mut groups = other.resource_groups.iter();
        groups
            .find(|group| group.name.eq_ignore_ascii_case(name))
            .map(|group| group.location.as_str())
    }

    pub(crate) fn resource_group(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.path.get("group");
        let subscription = asked.path.get("subscription");
        let Some(location) = self.location_of_group(subscription, name) else {
            return Err(Refusal::new(
                404,
                "ResourceGroupNotFound",
                format!("Resource group '{name}' could not be found."),
            ));
        };
        Ok(Answer::new(
            200,
            Body::Compact(group_document(subscription, name, location)),
        ))
    }

    /// The groups of the scene; those that the service makes are left out.
    pub(crate) fn list_resource_groups(&self, asked: &Asked<'_>) -> Answer {
        let subscription = asked.path.get("subscription");
        let other = self.world.other_subscription(subscription);
        let groups = other.map_or(&self.world.resource_groups, |other| &other.resource_groups);
        let all: Vec<Value> = groups
            .iter()
            .map(|group| group_document(subscription, &group.name, &group.location))
            .collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    pub(crate) fn resource_group_exists(&self, asked: &Asked<'_>) -> Answer {
        let subscription = asked.path.get("subscription");
        let exists = self
            .location_of_group(subscription, asked.path.get("group"))
            .is_some();
        Answer::new(if exists { 204 } else { 404 }, Body::None)
    }

    pub(crate) fn list_identities(&self, asked: &Asked<'_>) -> Answer {
        let group = asked.path.get("group");
        let all = self.world.identities.iter();
        let all: Vec<Value> = all
            .filter(|identity| identity.resource_group.eq_ignore_ascii_case(group))
            .map(|identity| self.identity_document(identity))
            .collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    pub(crate) fn identity(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (group, name) = (asked.path.get("group"), asked.path.get("identity"));
        let found = self.world.identities.iter().find(|identity| {
            identity.name.eq_ignore_ascii_case(name)
                && identity.resource_group.eq_ignore_ascii_case(group)
        });
        let Some(identity) = found else {
            return Err(Refusal::not_found(IDENTITY_TYPE, name, group));
        };
        Ok(Answer::new(
            200,
            Body::Compact(self.identity_document(identity)),
        ))
    }

    fn identity_document(&self, identity: &Identity) -> Value {
        json!({
            "location": identity.location,
            "tags": {},
            "id": self.world.identity_id(identity),
            "name": identity.name,
            "type": IDENTITY_TYPE,
            "properties": {"tenantId": self.world.tenant, "principalId": identity.principal, "clientId": identity.client},
        })
    }
}

fn group_document(subscription: &str, name: &str, location: &str) -> Value {
    json!({
        "id": format!("/subscriptions/{subscription}/resourceGroups/{name}"),
        "name": name,
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
        "properties": {"provisioningState": "Succeeded"},
    })
}
