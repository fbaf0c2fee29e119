//! Sizes of VMs and quotas, as Microsoft.Compute lists them
//! (<https://learn.microsoft.com/rest/api/compute/resource-skus/list>, <https://learn.microsoft.com/rest/api/compute/usage/list>,
//! <https://learn.microsoft.com/rest/api/compute/virtual-machine-sizes/list>).

use serde_json::{Value, json};

use crate::arm::answer::{Answer, Body};
use crate::arm::{Arm, Asked, regions};
use crate::surroundings::VmSize;

impl Arm {
    /// Of the filter only `location eq '...'` exists. The real list has sizes, disks, snapshots and more.
    pub(crate) fn list_vm_sizes(&self, asked: &Asked<'_>) -> Answer {
        let filter = asked.query("$filter").unwrap_or_default();
        let region = filter.split('\'').nth(1).unwrap_or("westeurope");
        let sizes = self.world.vm_sizes.iter();
        let all: Vec<Value> = sizes.map(|size| document(size, region)).collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    /// The sizes of the region, whether the subscription can have them or not.
    pub(crate) fn list_vm_sizes_of_region(&self) -> Answer {
        let sizes = self.world.vm_sizes.iter();
        let all: Vec<Value> = sizes
            .map(|size| {
                json!({
                    "name": size.name,
                    "numberOfCores": size.vcpus,
                    "osDiskSizeInMB": 1_047_552,
                    "resourceDiskSizeInMB": 76_800,
                    "memoryInMB": size.memory_gb * 1024,
                    "maxDataDiskCount": 4,
                })
            })
            .collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }

    pub(crate) fn list_usages(&self) -> Answer {
        let usages = self.world.usages.iter();
        let all: Vec<Value> = usages
            .map(|usage| {
                let name = json!({"value": usage.name, "localizedValue": usage.name});
                json!({"limit": usage.limit, "unit": "Count", "currentValue": usage.used, "name": name})
            })
            .collect();
        Answer::new(200, Body::Compact(json!({"value": all})))
    }
}

fn document(size: &VmSize, region: &str) -> Value {
    let capability = |name: &str, value: String| json!({"name": name, "value": value});
    let region = regions::plain(region);
    let restrictions: Vec<Value> = size
        .restriction
        .iter()
        .map(|reason| {
            json!({
                "type": "Location",
                "values": [region],
                "restrictionInfo": {"locations": [region]},
                "reasonCode": reason,
            })
        })
        .collect();
    json!({
        "resourceType": "virtualMachines",
        "name": size.name,
        "tier": "Standard",
        "size": size.name.trim_start_matches("Standard_"),
        "family": size.family,
        "locations": [region],
        "locationInfo": [{"location": region, "zones": ["1", "2", "3"], "zoneDetails": []}],
        "capabilities": [
            capability("vCPUs", size.vcpus.to_string()),
            capability("MemoryGB", size.memory_gb.to_string()),
            capability("HyperVGenerations", size.generations.clone()),
            capability("CpuArchitectureType", size.architecture.clone()),
        ],
        "restrictions": restrictions,
    })
}
