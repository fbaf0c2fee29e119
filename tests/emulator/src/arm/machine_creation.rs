//! Virtual machines and network interfaces that a client makes itself, and what a VM says while it boots.

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::machine_work::Creation;
use crate::arm::operations::End;
use crate::arm::{Arm, Asked};
use crate::blob::{BlobAccount, BlobService};
use crate::estate::SceneResource;
use crate::ids::{self, Purpose};
use crate::json::set;
use crate::pools::MachineFate;

type Object = Map<String, Value>;

/// What an image is, as far as a VM shows it.
struct Image {
    reference: Value,
    os_type: String,
}

impl Arm {
    /// 201 and `Creating`, with `azure-asyncoperation` and no `location` (recorded); 200 for one that is there.
    pub(crate) fn put_machine(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.raw.uri().path().to_owned();
        let key = ids::key(&id);
        let body = asked.json()?.as_object().cloned().unwrap_or_default();
        let location = body.get("location").and_then(Value::as_str);
        let Some(location) = location.map(str::to_owned) else {
            return Err(required("location"));
        };
        let sent = body.get("properties").cloned().unwrap_or_default();
        let image = self.image_of_machine_sent(&sent, &location)?;
        self.check_image_fits(&sent)?;
        if let Some(existing) = self.placed(&key).map(super::machines::Placed::document) {
            return self.change_machine(asked, &key, &body, &image, &existing);
        }
        let fate = self.machine_fates.pop_front();
        let fate = fate.unwrap_or(self.switches.desktops.machine);
        if let Some((code, message)) = refusal_of(fate) {
            return Err(Refusal::by_compute(409, code, message));
        }
        self.attach_interfaces(&id, &location, &sent)?;
        let machine_id = self.ids.of(Purpose::Desktop, &key).guid();
        let properties = document(&id, &machine_id, &sent, &image);
        let mut made = Object::new();
        made.insert("location".to_owned(), json!(location));
        for name in ["tags", "zones", "identity", "plan"] {
            if let Some(value) = body.get(name) {
                made.insert(name.to_owned(), value.clone());
            }
        }
        made.insert("properties".to_owned(), properties);
        let resource = SceneResource {
            id,
            body: Value::Object(made),
        };
        self.place(resource, Some(asked.now));
        let (lag, end) = self.end_of_creation(fate);
        let (operation, headers) =
            self.start_machine_operation(asked, &key, &location, (lag, end), false);
        let is_silent = [
            MachineFate::AgentNeverReports,
            MachineFate::ProvisioningTimesOut,
        ];
        let creation = Creation {
            operation,
            is_silent: is_silent.contains(&fate),
        };
        self.begin_creation(&key, creation, asked.now);
        let mut answer = self.get_placed(asked)?;
        answer.status = 201;
        answer.headers = headers;
        let bucket = "Microsoft.Compute/PutVM3Min;745,Microsoft.Compute/PutVM30Min;3729";
        Ok(answer.with("x-ms-ratelimit-remaining-resource", bucket))
    }

    fn end_of_creation(&self, fate: MachineFate) -> (Duration, End) {
        let failed = |code: &str, message: &str| End::Failed {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        match fate {
            MachineFate::ProvisioningTimesOut => (
                self.lag(|durations| durations.provisioning_times_out),
                failed(
                    "OSProvisioningTimedOut",
                    "OS Provisioning for VM did not finish in the allotted time. The VM may still finish provisioning successfully. Please check \
                     provisioning state later.",
                ),
            ),
            MachineFate::AllocationFails => (
                self.lag(|durations| durations.creating_machine),
                failed(
                    "AllocationFailed",
                    "Allocation failed. We do not have sufficient capacity for the requested VM size in this region.",
                ),
            ),
            _ => (
                self.lag(|durations| durations.creating_machine),
                End::Succeeded,
            ),
        }
    }

    /// Only tags of a VM that is there are changed; its image cannot be.
    fn change_machine(
        &mut self,
        asked: &Asked<'_>,
        key: &str,
        body: &Object,
        image: &Image,
        existing: &Value,
    ) -> Result<Answer, Refusal> {
        let id = |reference: Option<&Value>| {
            let id = reference.and_then(|reference| reference.get("id")?.as_str());
            id.map(ids::key)
        };
        let known = existing.pointer("/properties/storageProfile/imageReference");
        if id(known) != id(Some(&image.reference)) {
            let message = "Changing property 'imageReference' is not allowed.";
            return Err(Refusal::by_compute(
                409,
                "PropertyChangeNotAllowed",
                message,
            ));
        }
        let tags = body.get("tags").cloned().unwrap_or_else(|| json!({}));
        if let Some(placed) = self.resources.get_mut(key) {
            placed.set_tags(tags);
        }
        self.get_placed(asked)
    }

    /// The image that a VM is made of, which has to be there, and in the region.
    fn image_of_machine_sent(&self, sent: &Value, location: &str) -> Result<Image, Refusal> {
        let reference = sent.pointer("/storageProfile/imageReference");
        let Some(reference) = reference.filter(|reference| reference.is_object()) else {
            return Err(required("vm.properties.storageProfile.imageReference"));
        };
        let text = |name: &str| {
            let value = reference.get(name).and_then(Value::as_str);
            value.unwrap_or_default()
        };
        let id = text("id");
        if id.is_empty() {
            return self.platform_image_of(reference, text);
        }
        if self.images.contains_key(&ids::key(id)) {
            let image = self.images.get(&ids::key(id));
            let os_type = image.map_or("Linux", |image| image.os_type).to_owned();
            let reference = reference.clone();
            return Ok(Image { reference, os_type });
        }
        let plain = crate::arm::regions::plain(location);
        let definition = id.split("/versions/").next().unwrap_or_default();
        let version = if id.contains("/versions/") {
            self.versions.get(&ids::key(id))
        } else {
            self.latest(id, &plain)
        };
        let version = version.filter(|version| version.region(&plain).is_some());
        let found = version.and_then(|version| {
            let (_, definition) = self.definition_of(definition)?;
            Some((version.name.clone(), definition.os_type.clone()))
        });
        let Some((exact, os_type)) = found else {
            let message = format!(
                "The gallery image {id} is not available in {plain} region. Please contact image owner to replicate to this region, or change \
                 your requested region."
            );
            return Err(Refusal::by_compute(404, "GalleryImageNotFound", message));
        };
        let mut reference = reference.clone();
        set(&mut reference, "exactVersion", json!(exact));
        Ok(Image { reference, os_type })
    }

    /// A generalized image needs an `osProfile`, a specialized one takes none; some images start with one security type alone.
    fn check_image_fits(&self, sent: &Value) -> Result<(), Refusal> {
        let id = sent.pointer("/storageProfile/imageReference/id");
        let id = id.and_then(Value::as_str).unwrap_or_default();
        let definition = id.split("/versions/").next().unwrap_or_default();
        let Some((_, definition)) = self.definition_of(definition) else {
            return Ok(());
        };
        let has_profile = sent.get("osProfile").is_some();
        if !definition.specialized && !has_profile {
            return Err(required("osProfile"));
        }
        if definition.specialized && has_profile {
            let message = "Parameter 'osProfile' is not allowed.";
            return Err(Refusal::by_compute(400, "InvalidParameter", message));
        }
        let wanted = definition.security_type.as_deref();
        let demanded = wanted.filter(|kind| ["TrustedLaunch", "ConfidentialVM"].contains(kind));
        let kind = sent.pointer("/securityProfile/securityType");
        let kind = kind.and_then(Value::as_str);
        if let Some(demanded) = demanded.filter(|demanded| kind != Some(demanded)) {
            let message = format!(
                "The provided gallery image only supports creation of VMs and VM Scale Sets with '{demanded}' security type."
            );
            return Err(Refusal::by_compute(400, "BadRequest", message));
        }
        Ok(())
    }

    fn platform_image_of<'text>(
        &self,
        reference: &Value,
        text: impl Fn(&str) -> &'text str,
    ) -> Result<Image, Refusal> {
        let wanted = text("version");
        let image = self.world.platform_images.iter().find(|image| {
            image.publisher.eq_ignore_ascii_case(text("publisher"))
                && image.offer.eq_ignore_ascii_case(text("offer"))
                && image.sku.eq_ignore_ascii_case(text("sku"))
        });
        let exact = image.and_then(|image| {
            if wanted.eq_ignore_ascii_case("latest") {
                return image.versions.last();
            }
            image.versions.iter().find(|known| *known == wanted)
        });
        let (Some(image), Some(exact)) = (image, exact) else {
            let message = format!(
                "The platform image '{}:{}:{}:{wanted}' is not available. Verify that all fields in the storage profile are correct.",
                text("publisher"),
                text("offer"),
                text("sku")
            );
            return Err(Refusal::by_compute(404, "PlatformImageNotFound", message));
        };
        let os_type = image.facts.os_type.clone();
        let mut reference = reference.clone();
        set(&mut reference, "exactVersion", json!(exact));
        Ok(Image { reference, os_type })
    }

    /// Network interfaces have to be there, or are made by their configurations.
    fn attach_interfaces(
        &mut self,
        machine: &str,
        location: &str,
        sent: &Value,
    ) -> Result<(), Refusal> {
        let list = |name: &str| {
            let list = sent.pointer(&format!("/networkProfile/{name}"));
            list.and_then(Value::as_array).cloned().unwrap_or_default()
        };
        let text = |value: &Value, name: &str| {
            let value = value.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        for interface in list("networkInterfaces") {
            let id = text(&interface, "id");
            let Some(placed) = self
                .resources
                .get_mut(&ids::key(&id))
                .filter(|placed| placed.until.is_none())
            else {
                let message = format!(
                    "Resource {id} referenced by resource {machine} was not found. Please make sure that the referenced resource exists, and \
                     that both resources are in the same region."
                );
                return Err(Refusal::by_compute(
                    400,
                    "InvalidResourceReference",
                    message,
                ));
            };
            placed.set_property("virtualMachine", json!({"id": machine}));
        }
        let group = machine.split("/providers/").next().unwrap_or_default();
        for configuration in list("networkInterfaceConfigurations") {
            let name = text(&configuration, "name");
            let id = format!("{group}/providers/Microsoft.Network/networkInterfaces/{name}");
            let body = json!({"location": location, "properties": {"virtualMachine": {"id": machine}, "provisioningState": "Succeeded"}});
            self.place(SceneResource { id, body }, None);
        }
        Ok(())
    }

    /// 201, ready at once; its subnet has to be there.
    pub(crate) fn put_network_interface(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let id = asked.raw.uri().path().to_owned();
        let existed = self.placed(&ids::key(&id)).is_some();
        let mut body = asked.json()?;
        let subnet = body.pointer("/properties/ipConfigurations/0/properties/subnet/id");
        let subnet = subnet.and_then(Value::as_str).unwrap_or_default();
        let mut subnets = self.world.subnets.iter();
        if !subnets.any(|known| ids::key(&known.id) == ids::key(subnet)) {
            let message = format!(
                "Resource {subnet} referenced by resource {id} was not found. Please make sure that the referenced resource exists, and that both \
                 resources are in the same region."
            );
            return Err(Refusal::new(400, "InvalidResourceReference", message));
        }
        if let Some(properties) = body.get_mut("properties") {
            set(properties, "provisioningState", json!("Succeeded"));
        }
        self.place(SceneResource { id, body }, Some(asked.now));
        let mut answer = self.get_placed(asked)?;
        answer.status = if existed { 200 } else { 201 };
        Ok(answer)
    }

    /// Links to the picture of the screen and to the serial log, which are secrets; 409 where boot diagnostics are off.
    pub(crate) fn boot_diagnostics(
        &mut self,
        asked: &Asked<'_>,
        blobs: &mut BlobService,
    ) -> Result<Answer, Refusal> {
        let key = self.machine_key(asked)?;
        let document = self.placed(&key).map(super::machines::Placed::document);
        let on = document.as_ref().and_then(|document| {
            document.pointer("/properties/diagnosticsProfile/bootDiagnostics/enabled")
        });
        if on != Some(&json!(true)) {
            let message = format!(
                "Boot diagnostics are not enabled for the VM '{}'.",
                asked.path.get("machine")
            );
            return Err(Refusal::by_compute(409, "OperationNotAllowed", message));
        }
        let minutes = asked
            .query("sasUriExpirationTimeInMinutes")
            .and_then(|minutes| minutes.parse().ok())
            .unwrap_or(120_i64);
        let expiry = asked.now + time::Duration::minutes(minutes);
        let account = "mdbootdiagnostics";
        if blobs.account_settings(account).is_none() {
            let settings = BlobAccount {
                key_base64: super::lifecycle::STAGING_KEY.to_owned(),
                allow_shared_key: true,
                ..BlobAccount::default()
            };
            blobs.set_account(account, settings);
        }
        let container = format!("bootdiagnostics-{}", self.ids.of(Purpose::Log, &key).guid());
        let name = asked.path.get("machine");
        let endpoint = self.world.addresses.blob_endpoint(account);
        let mut link = |blob: String, content: Vec<u8>| {
            blobs.put_from_service(account, &container, &blob, content.into());
            blobs.read_link(&endpoint, (account, &container, &blob), expiry)
        };
        let screen: Option<String> = link(format!("{name}.screenshot.bmp"), picture());
        let serial: Option<String> =
            link(format!("{name}.serialconsole.log"), self.serial_log(&key));
        Ok(Answer::new(
            200,
            Body::Compute(
                json!({"consoleScreenshotBlobUri": screen, "serialConsoleLogBlobUri": serial}),
            ),
        ))
    }

    fn serial_log(&self, key: &str) -> Vec<u8> {
        let end = if self.is_silent(key) {
            "[   62.104113] Kernel panic - not syncing: VFS: Unable to mount root fs on unknown-block(0,0)\r\n"
        } else {
            "[   12.003871] cloud-init[812]: Cloud-init finished\r\n"
        };
        format!("[    0.000000] Linux version 6.8.0-1021-azure\r\n{end}").into_bytes()
    }
}

/// The smallest picture that is one: a black dot.
fn picture() -> Vec<u8> {
    let mut picture = b"BM".to_vec();
    for number in [
        58_u32,
        0,
        54,
        40,
        1,
        1,
        0x0018_0001,
        0,
        4,
        2835,
        2835,
        0,
        0,
        0,
    ] {
        picture.extend_from_slice(&number.to_le_bytes());
    }
    picture
}

fn required(name: &str) -> Refusal {
    let message = format!("Required parameter '{name}' is missing (null).");
    Refusal::by_compute(400, "InvalidParameter", message)
}

fn refusal_of(fate: MachineFate) -> Option<(&'static str, &'static str)> {
    match fate {
        MachineFate::QuotaExceeded => Some((
            "OperationNotAllowed",
            "Operation could not be completed as it results in exceeding approved Total Regional Cores quota. Additional details - Deployment \
             Model: Resource Manager, Location: westeurope, Current Limit: 10, Current Usage: 10, Additional Required: 4, (Minimum) New Limit \
             Required: 14.",
        )),
        MachineFate::SizeNotAvailable => Some((
            "SkuNotAvailable",
            "The requested VM size for resource 'Following SKUs have failed for Capacity Restrictions' is currently not available in location \
             'westeurope'. Please try another size or deploy to a different location or different zone.",
        )),
        _ => None,
    }
}

/// The properties of a VM that is being made, in the recorded order.
fn document(id: &str, machine_id: &str, sent: &Value, image: &Image) -> Value {
    let name = id.rsplit('/').next().unwrap_or_default();
    let given = |path: &str| sent.pointer(path).cloned();
    let or = |path: &str, otherwise: Value| given(path).unwrap_or(otherwise);
    let is_windows = image.os_type == "Windows";
    let mut properties = Object::new();
    properties.insert("vmId".to_owned(), json!(machine_id));
    properties.insert(
        "hardwareProfile".to_owned(),
        or("/hardwareProfile", json!({})),
    );
    let os_disk = os_disk(name, sent, image);
    let data_disks = or("/storageProfile/dataDisks", json!([]));
    let data_disks: Vec<Value> = data_disks
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(index, disk)| data_disk(name, index, disk))
        .collect();
    properties.insert(
        "storageProfile".to_owned(),
        json!({"imageReference": image.reference, "osDisk": os_disk, "dataDisks": data_disks}),
    );
    if let Some(profile) = given("/osProfile") {
        properties.insert("osProfile".to_owned(), os_profile(&profile, is_windows));
    }
    for part in [
        "securityProfile",
        "networkProfile",
        "diagnosticsProfile",
        "licenseType",
    ] {
        if let Some(value) = given(&format!("/{part}")) {
            properties.insert(part.to_owned(), value);
        }
    }
    if let Some(profile) = properties.get_mut("networkProfile") {
        name_interfaces(id, profile);
    }
    properties.insert("provisioningState".to_owned(), json!("Creating"));
    Value::Object(properties)
}

fn os_disk(machine: &str, sent: &Value, image: &Image) -> Value {
    let or = |path: &str, otherwise: Value| {
        let value = sent.pointer(&format!("/storageProfile/osDisk/{path}"));
        value.cloned().unwrap_or(otherwise)
    };
    let size = if image.os_type == "Windows" { 127 } else { 30 };
    json!({
        "osType": image.os_type,
        "name": or("name", json!(format!("{machine}_OsDisk_1"))),
        "createOption": or("createOption", json!("FromImage")),
        "caching": or("caching", json!("ReadWrite")),
        "managedDisk": {"storageAccountType": or("managedDisk/storageAccountType", json!("Premium_LRS"))},
        "deleteOption": or("deleteOption", json!("Detach")),
        "diskSizeGB": or("diskSizeGB", json!(size)),
    })
}

/// Interfaces that Compute makes itself are shown like others.
fn name_interfaces(id: &str, profile: &mut Value) {
    let group = id.split("/providers/").next().unwrap_or_default();
    let configurations = profile
        .get("networkInterfaceConfigurations")
        .and_then(Value::as_array)
        .cloned();
    let Some(configurations) = configurations else {
        return;
    };
    let interfaces: Vec<Value> = configurations
        .iter()
        .map(|configuration| {
            let name = configuration.get("name").and_then(Value::as_str);
            let name = name.unwrap_or_default();
            let option = configuration.pointer("/properties/deleteOption").cloned();
            json!({
                "id": format!("{group}/providers/Microsoft.Network/networkInterfaces/{name}"),
                "properties": {"primary": true, "deleteOption": option.unwrap_or_else(|| json!("Detach"))},
            })
        })
        .collect();
    *profile = json!({"networkInterfaces": interfaces});
}

fn data_disk(machine: &str, index: usize, sent: &Value) -> Value {
    let or = |path: &str, otherwise: Value| sent.pointer(path).cloned().unwrap_or(otherwise);
    json!({
        "lun": or("/lun", json!(index)),
        "name": or("/name", json!(format!("{machine}_disk{}_{:032x}", index + 2, 0))),
        "createOption": or("/createOption", json!("Empty")),
        "caching": or("/caching", json!("None")),
        "managedDisk": {"storageAccountType": or("/managedDisk/storageAccountType", json!("Standard_LRS"))},
        "deleteOption": or("/deleteOption", json!("Detach")),
        "diskSizeGB": or("/diskSizeGB", json!(30)),
        "toBeDetached": false,
    })
}

/// Without the password, and with what is set by itself (recorded for Windows).
fn os_profile(sent: &Value, is_windows: bool) -> Value {
    let mut shown = Object::new();
    for name in ["computerName", "adminUsername"] {
        if let Some(value) = sent.get(name) {
            shown.insert(name.to_owned(), value.clone());
        }
    }
    let (name, usual) = if is_windows {
        let patches = json!({"patchMode": "AutomaticByOS", "assessmentMode": "ImageDefault"});
        (
            "windowsConfiguration",
            json!({"provisionVMAgent": true, "enableAutomaticUpdates": true, "patchSettings": patches}),
        )
    } else {
        let patches = json!({"patchMode": "ImageDefault", "assessmentMode": "ImageDefault"});
        (
            "linuxConfiguration",
            json!({"disablePasswordAuthentication": false, "provisionVMAgent": true, "patchSettings": patches}),
        )
    };
    let mut configuration = usual;
    for (member, value) in sent
        .get(name)
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        set(&mut configuration, member, value.clone());
    }
    shown.insert(name.to_owned(), configuration);
    shown.insert("secrets".to_owned(), json!([]));
    shown.insert("allowExtensionOperations".to_owned(), json!(true));
    shown.insert("requireGuestProvisionSignal".to_owned(), json!(true));
    Value::Object(shown)
}
