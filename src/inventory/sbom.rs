//! An inventory as a `CycloneDX` document (<https://cyclonedx.org/docs/1.6/json/>), and back.
//!
//! The same image gives the same bytes: everything is sorted, the serial number is made of the image's id, and the time is the end of the run.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

use super::component::{Component, Inventory, Kind, Property, System};
use super::package_url;

/// The version of `CycloneDX` that is written.
const SPECIFICATION: &str = "1.6";
/// What the names of our own properties begin with.
const OURS: &str = "imageBuilder:";
/// How a component was installed.
const KIND: &str = "imageBuilder:kind";
/// The architecture of an application; that of a package is in its package URL, too.
const ARCH: &str = "imageBuilder:arch";
/// The source package.
const SOURCE: &str = "imageBuilder:source";

/// Where an image comes from: names and values.
pub type Provenance<'a> = &'a [(&'static str, String)];

/// The image that a document is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Resource id of the image version or managed image; the address of a VHD.
    pub id: &'a str,
    /// Name of the image definition or managed image.
    pub name: &'a str,
    /// Number of the image version, where there is one.
    pub version: Option<&'a str>,
    /// When the run ended, if that is known.
    pub ended: Option<OffsetDateTime>,
    /// Version of this program.
    pub task_version: &'a str,
    /// Where the image comes from.
    pub provenance: Provenance<'a>,
}

/// The document about an image that holds `inventory`.
pub fn write(inventory: &Inventory, subject: Subject<'_>) -> Vec<u8> {
    let serial = Uuid::new_v5(&Uuid::NAMESPACE_URL, subject.id.as_bytes());
    let ended = subject.ended.map(OffsetDateTime::truncate_to_second);
    let ended = ended.and_then(|ended| ended.format(&Rfc3339).ok());
    let mut metadata = Map::new();
    if let Some(ended) = ended {
        metadata.insert("timestamp".to_owned(), json!(ended));
    }
    let tool = json!({
        "type": "application",
        "name": "Image Builder Task",
        "version": subject.task_version,
    });
    metadata.insert("tools".to_owned(), json!({"components": [tool]}));
    metadata.insert("component".to_owned(), image(inventory, subject));
    let provenance = subject.provenance.iter();
    let mut provenance: Vec<_> = provenance.collect();
    provenance.sort();
    let provenance: Vec<_> = provenance
        .into_iter()
        .map(|(name, value)| property(&format!("{OURS}{name}"), value))
        .collect();
    if !provenance.is_empty() {
        metadata.insert("properties".to_owned(), json!(provenance));
    }
    let mut references = HashSet::from([subject.id.to_owned()]);
    let components = inventory.components.iter();
    let components = components.map(|found| component(found, &inventory.system, &mut references));
    let components: Vec<_> = [system(&inventory.system)]
        .into_iter()
        .chain(components)
        .collect();
    let document = json!({
        "bomFormat": "CycloneDX",
        "specVersion": SPECIFICATION,
        "serialNumber": serial.urn().to_string(),
        "version": 1,
        "metadata": metadata,
        "components": components,
    });
    let mut bytes = document.to_string().into_bytes();
    bytes.push(b'\n');
    bytes
}

/// The image itself, with what has no version of its own.
fn image(inventory: &Inventory, subject: Subject<'_>) -> Value {
    let mut members = Map::new();
    members.insert("type".to_owned(), json!("operating-system"));
    members.insert("bom-ref".to_owned(), json!(subject.id));
    members.insert("name".to_owned(), json!(subject.name));
    if let Some(version) = subject.version {
        members.insert("version".to_owned(), json!(version));
    }
    let properties = inventory.properties.iter();
    let properties: Vec<_> = properties
        .map(|Property { name, value }| property(&format!("{OURS}{name}"), value))
        .collect();
    if !properties.is_empty() {
        members.insert("properties".to_owned(), json!(properties));
    }
    Value::Object(members)
}

fn property(name: &str, value: &str) -> Value {
    json!({"name": name, "value": value})
}

fn system(system: &System) -> Value {
    json!({
        "type": "operating-system",
        "bom-ref": "operating-system",
        "name": system.name,
        "version": system.version,
        "description": system.title,
    })
}

fn component(found: &Component, system: &System, references: &mut HashSet<String>) -> Value {
    let kind = found.kind;
    let mut members = Map::new();
    let mut put = |name: &str, value: Value| members.insert(name.to_owned(), value);
    put(
        "type",
        json!(if kind.is_package() {
            "library"
        } else {
            "application"
        }),
    );
    let purl = package_url::of(found, system);
    put(
        "bom-ref",
        json!(reference(found, purl.as_deref(), references)),
    );
    put("name", json!(found.name));
    if !found.version.is_empty() {
        put("version", json!(found.version));
    }
    if let Some(publisher) = &found.publisher {
        put("publisher", json!(publisher));
    }
    if let Some(purl) = purl {
        put("purl", json!(purl));
    }
    let properties = [
        (KIND, Some(kind.word())),
        (ARCH, found.arch.as_deref()),
        (SOURCE, found.source.as_deref()),
    ];
    let properties = properties.into_iter();
    let properties = properties.filter_map(|(name, value)| Some(property(name, value?)));
    put("properties", properties.collect());
    Value::Object(members)
}

/// A name within the document that nothing else has.
fn reference(found: &Component, purl: Option<&str>, references: &mut HashSet<String>) -> String {
    let arch = found.arch.as_deref().unwrap_or_default();
    let plain = purl.map_or_else(
        || {
            format!(
                "{}/{}/{arch}@{}",
                found.kind.word(),
                found.name,
                found.version
            )
        },
        str::to_owned,
    );
    let numbered = (2_u32..).map(|number| format!("{plain}#{number}"));
    let mut names = [plain.clone()].into_iter().chain(numbered);
    let free = names.find(|name| references.insert(name.clone()));
    free.unwrap_or(plain)
}

/// The members that are read of a document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: String,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    components: Vec<Listed>,
}

#[derive(Deserialize, Default)]
struct Metadata {
    component: Option<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    r#type: String,
    name: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    description: String,
    publisher: Option<String>,
    #[serde(default)]
    purl: String,
    #[serde(default)]
    properties: Vec<Pair>,
}

#[derive(Deserialize)]
struct Pair {
    name: String,
    #[serde(default)]
    value: String,
}

impl Listed {
    fn property(&self, wanted: &str) -> Option<&str> {
        let mut pairs = self.properties.iter();
        let pair = pairs.find(|pair| pair.name == wanted)?;
        Some(pair.value.as_str())
    }

    /// By our own property, or in a document of another program by the package URL. An application without one is a program.
    fn kind(&self) -> Option<Kind> {
        if let Some(kind) = self.property(KIND) {
            return Kind::of_word(kind);
        }
        match package_url::kind(&self.purl) {
            Some(word) => Kind::of_word(word),
            None if self.r#type == "application" => Some(Kind::Program),
            None => None,
        }
    }

    fn component(self, kind: Kind) -> Component {
        let arch = self.property(ARCH).map(str::to_owned);
        let epoch = package_url::qualifier(&self.purl, "epoch").filter(|epoch| epoch != "0");
        let version = match epoch {
            Some(epoch) if kind == Kind::Rpm && !self.version.contains(':') => {
                format!("{epoch}:{}", self.version)
            }
            _ => self.version.clone(),
        };
        Component {
            kind,
            arch: arch.or_else(|| package_url::qualifier(&self.purl, "arch")),
            source: self.property(SOURCE).map(str::to_owned),
            version,
            name: self.name,
            publisher: self.publisher,
        }
    }
}

/// The inventory in a document of [`write()`]. Others can write to where it comes from, so everything unexpected is an error. Its text continues a
/// sentence after "it": `is not a CycloneDX document`.
pub fn read(document: &[u8]) -> Result<Inventory, String> {
    let Ok(document) = serde_json::from_slice::<Document>(document) else {
        return Err("is not a CycloneDX document".to_owned());
    };
    if document.bom_format != "CycloneDX" {
        return Err("is not a CycloneDX document".to_owned());
    }
    let mut system = None;
    let mut components = Vec::with_capacity(document.components.len());
    for listed in document.components {
        if listed.r#type == "operating-system" {
            system = Some(System {
                name: listed.name,
                version: listed.version,
                title: listed.description,
            });
            continue;
        }
        // What is of a kind that no image of ours has is not compared.
        if let Some(kind) = listed.kind() {
            components.push(listed.component(kind));
        }
    }
    let system = system.ok_or("names no operating system")?;
    let of_image = document.metadata.component.into_iter();
    let properties = of_image.flat_map(|image| image.properties);
    let properties = properties.filter_map(|Pair { name, value }| {
        let name = name.strip_prefix(OURS)?.to_owned();
        Some(Property { name, value })
    });
    Ok(Inventory::new(system, components, properties.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(kind: Kind, name: &str, version: &str, arch: &str) -> Component {
        Component {
            kind,
            name: name.to_owned(),
            arch: (!arch.is_empty()).then(|| arch.to_owned()),
            version: version.to_owned(),
            publisher: None,
            source: None,
        }
    }

    fn ubuntu() -> System {
        System {
            name: "ubuntu".to_owned(),
            version: "24.04".to_owned(),
            title: "Ubuntu 24.04.3 LTS".to_owned(),
        }
    }

    fn subject() -> Subject<'static> {
        Subject {
            id: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/a/images/b/versions/1.0.1",
            name: "b",
            version: Some("1.0.1"),
            ended: OffsetDateTime::from_unix_timestamp(1_795_888_931).ok(),
            task_version: "1.1.0",
            provenance: const { &[] },
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let mut edge = found(Kind::Program, "Microsoft \"Edge\"", "142.0.3595.53", "x86");
        edge.publisher = Some("Microsoft Corporation".to_owned());
        let mut library = found(Kind::Deb, "libssl3t64", "3.0.13-0ubuntu3.6", "amd64");
        library.source = Some("openssl".to_owned());
        let property = Property {
            name: "windows:update".to_owned(),
            value: "KB5068861".to_owned(),
        };
        let inventory = Inventory::new(
            ubuntu(),
            vec![
                library,
                edge,
                found(Kind::Rpm, "openssl", "1:3.2.2-6.el9_5", "x86_64"),
                found(Kind::Snap, "core22", "", ""),
            ],
            vec![property],
        );
        assert_eq!(read(&write(&inventory, subject())), Ok(inventory));
    }

    #[test]
    fn the_same_name_twice_has_two_references() {
        let mut other = found(Kind::Program, "Tool", "1", "");
        other.publisher = Some("Someone".to_owned());
        let tools = vec![found(Kind::Program, "Tool", "1", ""), other];
        let inventory = Inventory::new(ubuntu(), tools, Vec::new());
        let document: Value =
            serde_json::from_slice(&write(&inventory, subject())).unwrap_or_default();
        assert_eq!(document["components"][1]["bom-ref"], "program/Tool/@1");
        assert_eq!(document["components"][2]["bom-ref"], "program/Tool/@1#2");
    }

    #[test]
    fn a_document_of_another_program_is_read_by_its_package_urls() {
        let document = json!({
            "bomFormat": "CycloneDX",
            "components": [
                {"type": "operating-system", "name": "almalinux", "version": "9.6"},
                {"type": "library", "name": "openssl", "version": "3.2.2-6.el9_5",
                 "purl": "pkg:rpm/almalinux/openssl@3.2.2-6.el9_5?arch=x86_64&epoch=1&distro=almalinux-9.6"},
                {"type": "library", "name": "bash", "version": "0:5.1-9", "purl": "pkg:rpm/almalinux/bash@5.1-9?arch=x86%5F64&epoch=0#x"},
                {"type": "library", "name": "requests", "version": "2.31.0", "purl": "pkg:pypi/requests@2.31.0"},
                {"type": "library", "name": "left-pad", "version": "1", "purl": "pkg:npm/left-pad@1"},
                {"type": "library", "name": "unknown", "version": "1"},
                {"type": "application", "name": "Microsoft Edge", "version": "142.0"},
            ],
        });
        let read = read(document.to_string().as_bytes()).unwrap();
        let lines: Vec<_> = read
            .components
            .iter()
            .map(|it| {
                let arch = it.arch.as_deref().unwrap_or_default();
                format!("{} {} {arch} {}", it.kind.word(), it.name, it.version)
            })
            .collect();
        let expected = [
            "rpm bash x86_64 0:5.1-9",
            "rpm openssl x86_64 1:3.2.2-6.el9_5",
            "pypi requests  2.31.0",
            "program Microsoft Edge  142.0",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn what_is_no_inventory_is_refused() {
        let check = |text: &str, expected: &str| {
            assert_eq!(read(text.as_bytes()), Err(expected.to_owned()), "{text}");
        };
        check("", "is not a CycloneDX document");
        check("{}", "is not a CycloneDX document");
        check(r#"{"bomFormat":"SPDX"}"#, "is not a CycloneDX document");
        check(
            r#"{"bomFormat":"CycloneDX","components":[{"type":"library"}]}"#,
            "is not a CycloneDX document",
        );
        check(
            r#"{"bomFormat":"CycloneDX","components":[]}"#,
            "names no operating system",
        );
    }
}
