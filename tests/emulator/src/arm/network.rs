//! Virtual networks and their subnets (<https://learn.microsoft.com/rest/api/virtualnetwork/subnets/get>).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::ids;
use crate::world::Subnet;

const NETWORK_TYPE: &str = "Microsoft.Network/virtualNetworks";

impl Arm {
    pub(crate) fn list_networks(&self, asked: &Asked<'_>) -> Answer {
        let prefix = format!(
            "{}/providers/{NETWORK_TYPE}/",
            self.world.group_id(asked.path.get("group"))
        );
        let own = |subnet: &&Subnet| ids::key(&subnet.id).starts_with(&ids::key(&prefix));
        let subnets = self.world.subnets.iter().filter(own);
        let networks: BTreeSet<&str> = subnets.map(network_of).collect();
        let all: Vec<Value> = networks.into_iter().map(|id| self.network(id)).collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    pub(crate) fn get_network(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = self.network_id(asked);
        let known = |subnet: &&Subnet| ids::key(network_of(subnet)) == ids::key(&id);
        let Some(subnet) = self.world.subnets.iter().find(known) else {
            let (name, group) = (asked.path.get("network"), asked.path.get("group"));
            return Err(Refusal::not_found(NETWORK_TYPE, name, group));
        };
        let document = self.network(network_of(subnet));
        Ok(Answer::new(200, Body::Compact(document)))
    }

    /// A subnet is no resource of its own for Azure Resource Manager: Microsoft.Network refuses with `NotFound`.
    pub(crate) fn get_subnet(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.get_network(asked)?;
        let name = asked.path.get("subnet");
        let id = format!("{}/subnets/{name}", self.network_id(asked));
        let mut subnets = self.world.subnets.iter();
        let found = subnets.find(|subnet| ids::key(&subnet.id) == ids::key(&id));
        let subnet = found.ok_or_else(|| {
            let message = format!("Resource {id} not found.");
            Refusal::new(404, "NotFound", message)
        })?;
        Ok(Answer::new(200, Body::Compact(document(subnet))))
    }

    fn network_id(&self, asked: &Asked<'_>) -> String {
        format!(
            "{}/providers/{NETWORK_TYPE}/{}",
            self.world.group_id(asked.path.get("group")),
            asked.path.get("network")
        )
    }

    fn network(&self, id: &str) -> Value {
        let own = |subnet: &&Subnet| ids::key(network_of(subnet)) == ids::key(id);
        let subnets = self.world.subnets.iter().filter(own);
        let subnets: Vec<Value> = subnets.map(document).collect();
        json!({
            "name": id.rsplit('/').next().unwrap_or_default(),
            "id": id,
            "type": NETWORK_TYPE,
            "location": "westeurope",
            "properties": {"provisioningState": "Succeeded", "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "subnets": subnets},
        })
    }
}

/// The id of the network that a subnet lies in.
fn network_of(subnet: &Subnet) -> &str {
    let at = ids::key(&subnet.id).rfind("/subnets/");
    at.and_then(|at| subnet.id.get(..at)).unwrap_or_default()
}

fn document(subnet: &Subnet) -> Value {
    let policies = if subnet.private_link_policies {
        "Enabled"
    } else {
        "Disabled"
    };
    let mut properties = Map::new();
    let mut add = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    add("provisioningState", json!("Succeeded"));
    add("addressPrefix", json!("10.0.1.0/24"));
    let delegation = subnet.delegation.iter().map(
        |service| json!({"name": "delegation", "properties": {"serviceName": service, "provisioningState": "Succeeded"}}),
    );
    add("delegations", Value::Array(delegation.collect()));
    add("privateEndpointNetworkPolicies", json!("Disabled"));
    add("privateLinkServiceNetworkPolicies", json!(policies));
    if let Some(outbound) = subnet.default_outbound {
        add("defaultOutboundAccess", json!(outbound));
    }
    if subnet.nat_gateway {
        let id = format!(
            "{}/natGateways/nat-images",
            network_of(subnet)
                .rsplit_once("/virtualNetworks/")
                .map_or("", |(head, _)| head)
        );
        add("natGateway", json!({"id": id}));
    }
    json!({
        "name": subnet.id.rsplit('/').next().unwrap_or_default(),
        "id": subnet.id,
        "type": "Microsoft.Network/virtualNetworks/subnets",
        "properties": properties,
    })
}
