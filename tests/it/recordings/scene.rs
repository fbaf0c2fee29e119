//! The scene of a recording: everything that it names exists.

use std::collections::BTreeSet;

use azure_emulator::{
    Addresses, Gallery, Identity, ImageDefinition, PlatformImage, ResourceGroup, World,
};
use serde_json::Value;

use super::recording::{Recording, texts};

/// The recorded checksums, and the scripts that they belong to. The scripts themselves are no part of the recordings, so that the emulated
/// internet has others under the same addresses, and their checksums take the places of the recorded ones.
const SCRIPTS: [(&str, &str); 2] = [
    (
        "https://raw.githubusercontent.com/danielsollondon/azvmimagebuilder/master/quickquickstarts/customizeScript.sh",
        "2c6ff6902a4a52deee69e8db26d0036a53388651008aaf31795bb20dabd21fd8",
    ),
    (
        "https://raw.githubusercontent.com/danielsollondon/azvmimagebuilder/master/quickquickstarts/customizeScript2.sh",
        "ade4c5214c3c675e92c66e2d067a870c5b81b9844b3de3cc72c49ff36425fc93",
    ),
];

/// Reads a recording for the emulated cloud: its addresses, its front end, its scripts.
pub(crate) fn read(name: &str) -> Recording {
    Recording::read(name, |text| {
        let text = text
            .replace(
                "https://management.azure.com/",
                "https://management.azure.emulator/",
            )
            .replace(".blob.core.windows.net/", ".blob.azure.emulator/")
            // The region of the front end that answered, in `x-ms-operation-identifier`.
            .replace("-000000000000/eastus/", "-000000000000/westeurope/");
        SCRIPTS.iter().fold(text, |text, (address, checksum)| {
            text.replace(checksum, &sha256(address))
        })
    })
}

/// A world with what the recording names.
pub(crate) fn world(recording: &Recording) -> World {
    let mut world = World::contoso(Addresses::in_process());
    "00000000-0000-0000-0000-000000000000".clone_into(&mut world.subscription);
    for (address, _) in SCRIPTS {
        let content = address.as_bytes().to_vec();
        world.public_files.insert(address.to_owned(), content);
    }
    world.platform_images.push(PlatformImage {
        publisher: "Canonical".to_owned(),
        offer: "UbuntuServer".to_owned(),
        sku: "18_04-LTS-GEN2".to_owned(),
        versions: vec!["18.04.202401161".to_owned()],
        ..PlatformImage::default()
    });
    let mut names = Vec::new();
    for step in &recording.steps {
        names.push(step.path.clone());
        texts(&step.sent, &mut names);
        texts(&step.answer, &mut names);
        world.managed_images.extend(source_image(&step.answer));
    }
    for id in names.into_iter().collect::<BTreeSet<_>>() {
        add(&mut world, &id);
    }
    world
}

/// The managed image that a gallery image version was made of.
fn source_image(answer: &Value) -> Option<String> {
    let id = answer.pointer("/properties/storageProfile/source/id")?;
    Some(id.as_str()?.to_owned())
}

/// Adds the group, the identity and the image definition that an id names.
fn add(world: &mut World, id: &str) {
    let segments: Vec<&str> = id.split('/').collect();
    let after = |literal: &str| {
        let at = segments
            .iter()
            .position(|segment| segment.eq_ignore_ascii_case(literal))?;
        segments.get(at + 1).map(|&name| name.to_owned())
    };
    let Some(group) = after("resourceGroups").filter(|group| !group.starts_with("IT_")) else {
        return;
    };
    let location = "eastus2".to_owned();
    if !world
        .resource_groups
        .iter()
        .any(|known| known.name == group)
    {
        world.resource_groups.push(ResourceGroup {
            name: group.clone(),
            location: location.clone(),
        });
    }
    if let Some(name) = after("userAssignedIdentities") {
        world.identities.push(Identity {
            name,
            resource_group: group.clone(),
            location: location.clone(),
            principal: "c51e7a90-3d28-4b6f-9e04-1a7b5c9d2e63".to_owned(),
            client: "d84f2b17-90ac-4c3e-8b65-3f2e1d0c9b8a".to_owned(),
        });
    }
    if let (Some(gallery), Some(name)) = (after("galleries"), after("images")) {
        world.galleries.push(Gallery {
            name: gallery,
            resource_group: group,
            location,
            definitions: vec![ImageDefinition {
                name,
                os_type: "Linux".to_owned(),
                hyper_v_generation: "V1".to_owned(),
                identifier: ["a".to_owned(), "b".to_owned(), "c".to_owned()],
                ..ImageDefinition::default()
            }],
            ..Gallery::default()
        });
    }
}

fn sha256(content: &str) -> String {
    use std::fmt::Write as _;
    let digest = ring::digest::digest(&ring::digest::SHA256, content.as_bytes());
    digest
        .as_ref()
        .iter()
        .fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").unwrap();
            text
        })
}
