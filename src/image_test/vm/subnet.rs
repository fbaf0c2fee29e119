//! Where the VM is made: in the region of the subnet's network, which has to be there.

use serde_json::Value;

use super::vm_test::VmTest;
use crate::arm::api::NETWORKS;
use crate::image_test::codes::NO_SUBNET;
use crate::image_test::not_tested::NotTested;
use crate::inputs::image_test::TestVm;
use crate::inputs::manifest::{IB_LOCATION, TEST_SUBNET_ID};
use crate::inputs::{Code, nearest};
use crate::resource::{ResourceId, plain_region, quoted};

/// Whether the author names another region than that of the network.
pub(in crate::image_test) fn check_region(vm: &TestVm, region: &str) -> Result<(), NotTested> {
    let Some(given) = vm.location.as_ref().filter(|it| it.as_str() != region) else {
        return Ok(());
    };
    let given = given.as_str();
    let text = format!(
        "Input '{}': it is {given}, but the VM is created in the region of its network, {region}",
        IB_LOCATION.name
    );
    let hint = format!(
        "remove the input, or choose a subnet in {given} in input '{}'",
        TEST_SUBNET_ID.name
    );
    Err(NotTested::refused(Code::Malformed.as_str(), text, hint))
}

impl VmTest<'_> {
    /// The region, `westeurope`.
    pub(super) async fn region(&self) -> Result<String, NotTested> {
        let subnet = &self.vm.subnet;
        // An id of a subnet has a network.
        let network = subnet.parent().unwrap_or_else(|| subnet.clone());
        let doing = format!("Reading virtual network '{}'", network.name());
        let found = self
            .step
            .arm
            .get_if_there(&doing, &network, NETWORKS)
            .await?;
        let Some(found) = found else {
            let hint = format!(
                "correct input '{}'; to list the networks that there are, run: az network vnet list --subscription {} --resource-group {} --query [].subnets[].id --output tsv",
                TEST_SUBNET_ID.name,
                quoted(network.subscription()),
                quoted(network.resource_group())
            );
            let text = format!(
                "{} failed: virtual network '{}' does not exist in resource group '{}'",
                self.doing(),
                network.name(),
                network.resource_group()
            );
            return Err(NotTested::refused(NO_SUBNET, text, hint));
        };
        self.has_subnet(&network, &found)?;
        let region = found.get("location").and_then(Value::as_str);
        let region = plain_region(region.unwrap_or_default());
        check_region(self.vm, &region)?;
        Ok(region)
    }

    fn has_subnet(&self, network: &ResourceId, found: &Value) -> Result<(), NotTested> {
        let subnets = found
            .pointer("/properties/subnets")
            .and_then(Value::as_array);
        let Some(subnets) = subnets else {
            return Ok(());
        };
        let names = subnets.iter().filter_map(|it| it.get("name")?.as_str());
        let names: Vec<_> = names.collect();
        let wanted = self.vm.subnet.name();
        if names.iter().any(|name| name.eq_ignore_ascii_case(wanted)) {
            return Ok(());
        }
        let near = nearest(wanted, names.iter().copied());
        let near = near.map(|name| format!("did you mean '{name}'? "));
        let hint = format!(
            "{}correct input '{}'; the subnets of the network are: {}",
            near.unwrap_or_default(),
            TEST_SUBNET_ID.name,
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(", ")
            }
        );
        let text = format!(
            "{} failed: virtual network '{}' has no subnet '{wanted}'",
            self.doing(),
            network.name()
        );
        Err(NotTested::refused(NO_SUBNET, text, hint))
    }
}
