//! Which session host runs which image.

use crate::arm::api::{SESSION_HOSTS, address};
use crate::arm::desktops::{ImageInfo, SessionHost, letting_in};
use crate::arm::machine::Machine;
use crate::arm::machine_image::MachineImage;
use crate::inputs::WantedImage;
use crate::resource::{ResourceId, quoted};

/// A session host, and what it runs.
#[derive(Debug, Clone, PartialEq)]
pub struct Host {
    /// What the pool says of it.
    pub host: SessionHost,
    /// Its VM; nothing if that is gone, or is not told.
    pub machine: Option<Machine>,
    /// Whether it runs the wanted image.
    pub is_wanted: bool,
}

impl Host {
    /// Its name in the pool.
    pub fn name(&self) -> &str {
        &self.host.name
    }

    /// Whether it lets users in.
    pub fn is_open(&self) -> bool {
        self.host.allow_new_session
    }

    /// The command that lets users in.
    pub fn opening(&self, pool: &ResourceId) -> String {
        let path = format!("{pool}/sessionHosts/{}", self.name());
        format!(
            "az rest --method patch --url {} --body {}",
            quoted(&address(path, SESSION_HOSTS)),
            quoted(&letting_in(true).to_string())
        )
    }

    /// The image that it runs; nothing if its VM is gone.
    pub fn image(&self) -> Option<&MachineImage> {
        self.machine.as_ref().map(|machine| &machine.image)
    }

    /// The image as the inputs take it: the id of a version, or `publisher:offer:sku:version`.
    pub fn image_name(&self) -> Option<String> {
        let image = self.image()?;
        let version = image.version().map(|id| id.to_string());
        version
            .or_else(|| image.marketplace.clone())
            .or_else(|| image.id.clone())
    }

    /// The image as tables call it: `1.0.2609301`; `unknown` if its VM is gone.
    pub fn version(&self) -> String {
        let version = self.image().and_then(MachineImage::version);
        match version {
            Some(version) => version.name().to_owned(),
            None => self.image_name().unwrap_or_else(|| "unknown".to_owned()),
        }
    }
}

/// The command that takes a host out of its pool.
pub(super) fn removal_command(pool: &ResourceId, name: &str) -> String {
    let id = format!("{pool}/sessionHosts/{name}");
    format!("az resource delete --ids {}", quoted(&id))
}

/// The command that deletes a VM.
pub(super) fn deletion_command(machine: &ResourceId) -> String {
    format!("az vm delete --yes --ids {}", quoted(machine.as_str()))
}

/// Whether a VM was made of the wanted image. Letter case does not matter.
pub(super) fn is_wanted(wanted: &WantedImage, image: &MachineImage) -> bool {
    match wanted {
        WantedImage::Version(id) => image.version().as_ref() == Some(id),
        WantedImage::Marketplace(parts) => {
            let wanted = parts.join(":");
            let own = image.marketplace.as_deref();
            own.is_some_and(|own| own.eq_ignore_ascii_case(&wanted))
        }
    }
}

/// The wanted image in the words of a session host configuration.
pub(super) fn image_info(wanted: &WantedImage) -> ImageInfo {
    match wanted {
        WantedImage::Version(id) => ImageInfo::Custom(id.to_string()),
        WantedImage::Marketplace(parts) => ImageInfo::Marketplace(parts.clone()),
    }
}

/// An image as tables call it: the number of a version, else the whole name.
pub(super) fn short(image: &ImageInfo) -> String {
    let name = image.to_string();
    let id: Option<ResourceId> = name.parse().ok();
    id.map_or(name, |id| id.name().to_owned())
}

/// The image of before: what most old hosts run that let users in, or most old hosts if none does. Nothing where it is none that a roll-out takes.
pub(super) fn previous(hosts: &[Host]) -> Option<WantedImage> {
    let old = || hosts.iter().filter(|host| !host.is_wanted);
    let open = most(old().filter(|host| host.is_open()));
    let name = open.or_else(|| most(old()))?;
    WantedImage::parse(&name)
}

/// The image that most of `hosts` run; of as many the first one.
fn most<'h>(hosts: impl Iterator<Item = &'h Host>) -> Option<String> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for name in hosts.filter_map(Host::image_name) {
        match counts
            .iter_mut()
            .find(|(known, _)| known.eq_ignore_ascii_case(&name))
        {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let best = counts.iter().map(|(_, count)| *count).max()?;
    let found = counts.into_iter().find(|(_, count)| *count == best);
    found.map(|(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const DEFINITION: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11";

    fn host(name: &str, open: bool, image: &Value) -> Host {
        let document = json!({"name": name, "properties": {"allowNewSession": open}});
        Host {
            host: SessionHost::read(&document).unwrap(),
            machine: Some(Machine {
                region: "westeurope".to_owned(),
                image: MachineImage::read(image),
                ..Machine::default()
            }),
            is_wanted: false,
        }
    }

    fn of_version(number: &str) -> Value {
        json!({"id": format!("{DEFINITION}/versions/{number}")})
    }

    #[test]
    fn an_image_is_wanted_however_it_is_named() {
        let version = format!("{DEFINITION}/versions/1.0.1");
        let wanted = WantedImage::Version(version.parse().unwrap());
        let is = |image: Value| is_wanted(&wanted, &MachineImage::read(&image));
        assert!(is(json!({"id": version.to_uppercase()})));
        assert!(is(json!({"id": DEFINITION, "exactVersion": "1.0.1"})));
        assert!(!is(json!({"id": DEFINITION, "exactVersion": "1.0.0"})));
        assert!(!is(
            json!({"id": format!("{DEFINITION}-2"), "exactVersion": "1.0.1"})
        ));
        let urn = ["p", "o", "s", "1.2.3"].map(str::to_owned);
        let wanted = WantedImage::Marketplace(urn);
        let is = |image: Value| is_wanted(&wanted, &MachineImage::read(&image));
        let of = |exact: &str| json!({"publisher": "P", "offer": "o", "sku": "s", "version": "latest", "exactVersion": exact});
        assert!(is(of("1.2.3")));
        assert!(!is(of("1.2.4")));
        assert!(!is(json!({})));
    }

    #[test]
    fn the_image_of_before_is_that_of_most_open_hosts() {
        let hosts = |opens: &[(bool, &str)]| {
            let hosts: Vec<Host> = opens
                .iter()
                .map(|(open, number)| host("h", *open, &of_version(number)))
                .collect();
            previous(&hosts).map(|image| image.short())
        };
        let (old, new) = ((true, "1.0.0"), (true, "1.0.1"));
        assert_eq!(hosts(&[old, new, new]).as_deref(), Some("1.0.1"));
        let closed = (false, "1.0.1");
        assert_eq!(hosts(&[closed, closed, old]).as_deref(), Some("1.0.0"));
        assert_eq!(hosts(&[closed, closed]).as_deref(), Some("1.0.1"));
        assert_eq!(hosts(&[old, new]).as_deref(), Some("1.0.0"));
        assert_eq!(hosts(&[]), None);
        // What others have written is told only where a roll-out takes it.
        for (image, expected) in [
            (json!({"id": DEFINITION}), None),
            (json!({"sharedGalleryImageId": "x\nhostPoolId: y"}), None),
            (
                json!({"publisher": "p", "offer": "o\n- script: x", "sku": "s", "version": "1.2.3"}),
                None,
            ),
            (
                json!({"publisher": "p", "offer": "o", "sku": "s", "version": "latest"}),
                None,
            ),
            (
                json!({"publisher": "p", "offer": "o", "sku": "s", "version": "latest", "exactVersion": "1.2.3"}),
                Some("p:o:s:1.2.3"),
            ),
        ] {
            let found = previous(&[host("h", true, &image)]);
            assert_eq!(found.map(|it| it.to_string()).as_deref(), expected);
        }
    }

    #[test]
    fn a_host_is_called_by_the_number_of_its_version() {
        let version = |image: Value| host("h", true, &image).version();
        assert_eq!(version(of_version("1.0.1")), "1.0.1");
        assert_eq!(version(json!({})), "unknown");
        let urn = json!({"publisher": "p", "offer": "o", "sku": "s", "version": "1.2.3"});
        assert_eq!(version(urn), "p:o:s:1.2.3");
    }
}
