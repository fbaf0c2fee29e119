//! What is asked of Azure: network interface, VM and run command, as JSON.

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::resource::ResourceId;
use crate::secret::Secret;
use crate::template::PARAMETER;

/// The administrator of the VM.
const ADMINISTRATOR: &str = "imagetest";
/// No script takes longer. Azure ends it then.
pub(super) const SCRIPT_SECONDS: u64 = 3600;

/// What a VM is made of.
pub(super) struct Machine<'a> {
    /// The name of the VM and of its disk.
    pub(super) name: &'a str,
    /// The region, `westeurope`.
    pub(super) location: &'a str,
    /// The tags of VM and network interface.
    pub(super) tags: &'a Map<String, Value>,
    /// The size.
    pub(super) size: &'a str,
    /// The image version, or the managed image.
    pub(super) image: &'a ResourceId,
    /// Its network interface.
    pub(super) interface: &'a ResourceId,
    /// The administrator's password; none for an image that was not generalized and has its own users.
    pub(super) password: Option<&'a Secret>,
    /// `TrustedLaunch`, `TrustedLaunchSupported` ..., if its image definition says so.
    pub(super) security: Option<&'a str>,
    /// The purchase plan of its image definition.
    pub(super) plan: Option<&'a Value>,
    /// The places of the data disks that the image has.
    pub(super) data_disks: &'a [u64],
}

/// The network interface in `subnet`, without a public address.
pub(super) fn interface(location: &str, tags: &Map<String, Value>, subnet: &ResourceId) -> Value {
    json!({
        "location": location,
        "tags": tags,
        "properties": {"ipConfigurations": [{"name": "internal", "properties": {"subnet": {"id": subnet.as_str()}}}]},
    })
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct HardwareProfile<'a> {
    vm_size: &'a str,
}

impl Machine<'_> {
    /// The VM. It holds the password: not for logs.
    pub(super) fn body(&self) -> Value {
        let mut properties = Map::new();
        let mut put = |name: &str, value: Value| properties.insert(name.to_owned(), value);
        put(
            "hardwareProfile",
            json!(HardwareProfile { vm_size: self.size }),
        );
        put("storageProfile", self.storage());
        if let Some(password) = self.password {
            put(
                "osProfile",
                json!({
                    "computerName": self.computer_name(),
                    "adminUsername": ADMINISTRATOR,
                    "adminPassword": password.reveal(),
                }),
            );
        }
        put(
            "networkProfile",
            json!({"networkInterfaces": [{"id": self.interface.as_str(), "properties": {"deleteOption": "Delete"}}]}),
        );
        if let Some(kind) = self.security.and_then(security_type) {
            put(
                "securityProfile",
                json!({"securityType": kind, "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}}),
            );
        }
        put(
            "diagnosticsProfile",
            json!({"bootDiagnostics": {"enabled": true}}),
        );
        let mut body = Map::new();
        body.insert("location".to_owned(), json!(self.location));
        body.insert("tags".to_owned(), json!(self.tags));
        // The definition's members are those of a VM, but its product goes first there.
        if let Some(plan) = self.plan {
            let text = |name: &str| plan.get(name).cloned().unwrap_or_default();
            let plan = json!({"name": text("name"), "publisher": text("publisher"), "product": text("product")});
            body.insert("plan".to_owned(), plan);
        }
        body.insert("properties".to_owned(), Value::Object(properties));
        Value::Object(body)
    }

    fn storage(&self) -> Value {
        let mut disk =
            json!({"name": self.name, "createOption": "FromImage", "deleteOption": "Delete"});
        if self.security.and_then(security_type) == Some(CONFIDENTIAL)
            && let Some(disk) = disk.as_object_mut()
        {
            let profile =
                json!({"securityProfile": {"securityEncryptionType": "VMGuestStateOnly"}});
            disk.insert("managedDisk".to_owned(), profile);
        }
        let mut storage = json!({"imageReference": {"id": self.image.as_str()}, "osDisk": disk});
        if !self.data_disks.is_empty()
            && let Some(storage) = storage.as_object_mut()
        {
            let disk = |lun: &u64| json!({"lun": lun, "name": format!("{}-{lun}", self.name), "createOption": "FromImage", "deleteOption": "Delete"});
            let disks: Vec<_> = self.data_disks.iter().map(disk).collect();
            storage.insert("dataDisks".to_owned(), json!(disks));
        }
        storage
    }

    /// Windows takes 15 characters at most.
    fn computer_name(&self) -> String {
        let digits: Vec<char> = self.name.chars().filter(char::is_ascii_digit).collect();
        let from = digits.len().saturating_sub(14);
        let last: String = digits.into_iter().skip(from).collect();
        format!("t{last}")
    }
}

const CONFIDENTIAL: &str = "ConfidentialVM";

/// The security type of a VM from such an image: what the image demands, else trusted launch where it can, as the portal and Azure Virtual Desktop do
/// (<https://learn.microsoft.com/azure/virtual-machines/trusted-launch>).
fn security_type(of_definition: &str) -> Option<&'static str> {
    let is = |one: &str| of_definition.eq_ignore_ascii_case(one);
    if is("ConfidentialVM") {
        return Some(CONFIDENTIAL);
    }
    let trusted = [
        "TrustedLaunch",
        "TrustedLaunchSupported",
        "TrustedLaunchAndConfidentialVmSupported",
    ];
    trusted.iter().any(|one| is(one)).then_some("TrustedLaunch")
}

/// A script, and what goes with it.
pub(super) struct Command<'a> {
    pub(super) location: &'a str,
    pub(super) script: &'a str,
    /// The package's address.
    pub(super) package: Option<&'a Secret>,
    /// Where output and errors are written to.
    pub(super) output: Option<[&'a Secret; 2]>,
}

impl Command<'_> {
    /// The run command. It holds links: not for logs. The script can be read by others in Azure, the rest is never shown again.
    pub(super) fn body(&self) -> Value {
        let mut properties = json!({
            "source": {"script": self.script},
            "asyncExecution": true,
            "timeoutInSeconds": SCRIPT_SECONDS,
            "treatFailureAsDeploymentFailure": false,
        });
        if let Some(all) = properties.as_object_mut() {
            if let Some(link) = self.package {
                let parameters = json!([{"name": PARAMETER, "value": link.reveal()}]);
                all.insert("protectedParameters".to_owned(), parameters);
            }
            if let Some([output, error]) = self.output {
                all.insert("outputBlobUri".to_owned(), json!(output.reveal()));
                all.insert("errorBlobUri".to_owned(), json!(error.reveal()));
            }
        }
        json!({"location": self.location, "properties": properties})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Masker;

    struct Nobody;

    impl Masker for Nobody {
        fn mask(&self, _: &str) {}
    }

    fn secret(text: &str) -> Secret {
        Secret::new(text, &Nobody)
    }

    fn id(text: &str) -> ResourceId {
        text.parse().unwrap()
    }

    const IMAGE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11/versions/1.0.2609402";
    const NIC: &str = "/subscriptions/s/resourceGroups/step/providers/Microsoft.Network/networkInterfaces/tst-1763800000000000";

    fn machine<'a>(
        change: impl FnOnce(&mut Machine<'a>),
        (image, nic): (&'a ResourceId, &'a ResourceId),
        tags: &'a Map<String, Value>,
    ) -> Value {
        let mut machine = Machine {
            name: "tst-1763800000000000",
            location: "westeurope",
            tags,
            size: "Standard_D2ds_v5",
            image,
            interface: nic,
            password: None,
            security: None,
            plan: None,
            data_disks: &[],
        };
        change(&mut machine);
        machine.body()
    }

    #[test]
    fn the_machine_is_asked_for_as_the_definition_has_it() {
        let (image, nic) = (id(IMAGE), id(NIC));
        let mut tags = Map::new();
        tags.insert("imageBuilderRun".to_owned(), json!("c/p/1"));
        let password = secret("hunter2-hunter2");
        let whole = machine(
            |it| {
                it.password = Some(&password);
                it.security = Some("TrustedLaunchSupported");
            },
            (&image, &nic),
            &tags,
        );
        let expected = json!({
            "location": "westeurope",
            "tags": {"imageBuilderRun": "c/p/1"},
            "properties": {
                "hardwareProfile": {"vmSize": "Standard_D2ds_v5"},
                "storageProfile": {
                    "imageReference": {"id": IMAGE},
                    "osDisk": {"name": "tst-1763800000000000", "createOption": "FromImage", "deleteOption": "Delete"},
                },
                "osProfile": {"computerName": "t63800000000000", "adminUsername": "imagetest", "adminPassword": "hunter2-hunter2"},
                "networkProfile": {"networkInterfaces": [{"id": NIC, "properties": {"deleteOption": "Delete"}}]},
                "securityProfile": {"securityType": "TrustedLaunch", "uefiSettings": {"secureBootEnabled": true, "vTpmEnabled": true}},
                "diagnosticsProfile": {"bootDiagnostics": {"enabled": true}},
            },
        });
        assert_eq!(whole.to_string(), expected.to_string());
    }

    #[test]
    fn what_an_image_is_decides_what_its_machine_has() {
        let (image, nic, tags) = (id(IMAGE), id(NIC), Map::new());
        let bare = machine(|_| {}, (&image, &nic), &tags);
        let properties = bare["properties"].as_object().unwrap();
        assert!(
            !properties.contains_key("osProfile") && !properties.contains_key("securityProfile")
        );
        assert_eq!(bare.get("plan"), None);
        let of = |security: &'static str| {
            machine(|it| it.security = Some(security), (&image, &nic), &tags)
        };
        let kind = |security: &'static str| {
            of(security)["properties"]["securityProfile"]["securityType"].clone()
        };
        assert_eq!(kind("TrustedLaunch"), "TrustedLaunch");
        assert_eq!(
            kind("TrustedLaunchAndConfidentialVmSupported"),
            "TrustedLaunch"
        );
        assert_eq!(kind("ConfidentialVM"), "ConfidentialVM");
        assert_eq!(kind("ConfidentialVMSupported"), Value::Null);
        assert_eq!(kind("None"), Value::Null);
        let disk = &of("ConfidentialVM")["properties"]["storageProfile"]["osDisk"];
        assert_eq!(
            disk["managedDisk"]["securityProfile"]["securityEncryptionType"],
            "VMGuestStateOnly"
        );
        let plan = json!({"name": "pro", "product": "cis", "publisher": "center"});
        let sold = machine(|it| it.plan = Some(&plan), (&image, &nic), &tags);
        assert_eq!(sold["plan"], plan);
        let disks = machine(|it| it.data_disks = &[0, 2], (&image, &nic), &tags);
        assert_eq!(
            disks["properties"]["storageProfile"]["dataDisks"][1],
            json!({"lun": 2, "name": "tst-1763800000000000-2", "createOption": "FromImage", "deleteOption": "Delete"})
        );
    }

    #[test]
    fn a_link_is_never_in_the_script() {
        let (link, output, error) = (
            secret("https://a/b?sig=x"),
            secret("https://a/o?sig=y"),
            secret("https://a/e?sig=z"),
        );
        let plain = Command {
            location: "westeurope",
            script: "exit 0\n",
            package: None,
            output: None,
        };
        assert_eq!(
            plain.body().to_string(),
            r#"{"location":"westeurope","properties":{"source":{"script":"exit 0\n"},"asyncExecution":true,"timeoutInSeconds":3600,"treatFailureAsDeploymentFailure":false}}"#
        );
        let whole = Command {
            package: Some(&link),
            output: Some([&output, &error]),
            ..plain
        };
        let body = whole.body();
        let parameters = json!([{"name": "imageTestPackage", "value": "https://a/b?sig=x"}]);
        assert_eq!(body["properties"]["protectedParameters"], parameters);
        assert_eq!(body["properties"]["outputBlobUri"], "https://a/o?sig=y");
        assert_eq!(body["properties"]["errorBlobUri"], "https://a/e?sig=z");
        assert_eq!(body["properties"]["source"]["script"], "exit 0\n");
    }
}
