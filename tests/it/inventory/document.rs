//! The document about what an image holds, whole; `tests/clients/python/sbom.py` has it read by a library that is not ours.

use std::fs;

use image_builder::inventory::{Inventory, Subject, read, write};
use time::macros::datetime;

use super::linux::{data, read as lines};
use crate::golden::golden;

fn printed(name: &str) -> Inventory {
    let path = data(&format!("../../../emulator/testdata/inventory-{name}.txt"));
    lines(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn documents_are_these_to_the_byte() {
    let provenance = [
        ("source", "Canonical:ubuntu-24_04-lts:server".to_owned()),
        ("branch", "refs/heads/main".to_owned()),
        ("buildNumber", "20261122.1".to_owned()),
    ];
    for (name, definition) in [("ubuntu", "ubuntu-2404"), ("windows", "win11-avd")] {
        let inventory = printed(name);
        let id = format!(
            "/subscriptions/3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963/resourceGroups/rg-images/providers/Microsoft.Compute/galleries/galContoso/images/{definition}/versions/1.0.2609402"
        );
        let document = write(
            &inventory,
            Subject {
                id: &id,
                name: definition,
                version: Some("1.0.2609402"),
                ended: Some(datetime!(2026-11-28 18:02:11.25 UTC)),
                task_version: "1.1.0",
                provenance: &provenance,
            },
        );
        assert_eq!(read(&document), Ok(inventory));
        let text = String::from_utf8(document).unwrap();
        golden(&format!("sbom/{name}.cdx.json"), &text);
    }
}
