//! What a run leaves behind: it writes gallery image versions, managed images and VHDs, and names them in its run outputs.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use time::OffsetDateTime;

use crate::arm::Arm;
use crate::arm::images::ManagedImage;
use crate::arm::numbering::{next_version, parts};
use crate::arm::template::{RunOutput, Template, text};
use crate::arm::version::{Copying, ImageVersion, TargetRegion};
use crate::blob::BlobService;
use crate::ids::{self, Purpose};
use crate::switches::{DefaultVersion, ImageDisk};

impl Arm {
    /// Distribution begins: the gallery image versions are there from now on, still being created.
    pub(crate) fn publish_versions(&mut self, key: &str, at: OffsetDateTime) {
        let Some(template) = self.templates.get(key).cloned() else {
            return;
        };
        for (index, target) in template.list("distribute").into_iter().enumerate() {
            if text(target, "type") != "SharedImage" {
                continue;
            }
            let version = self.new_version(&template, target, at);
            // The number of a version that was deleted softly brings that one back.
            let version = match self.soft_deleted.remove(&ids::key(&version.id)) {
                Some(deleted) => ImageVersion {
                    state: "Updating".to_owned(),
                    ..deleted.version
                },
                None => version,
            };
            if let Some(run) = self
                .templates
                .get_mut(key)
                .and_then(|template| template.run.as_mut())
            {
                run.published.push((index, ids::key(&version.id)));
            }
            self.versions.insert(ids::key(&version.id), version);
        }
    }

    /// Distribution has ended: the first `count` targets have their image, what was begun for the others is gone.
    pub(crate) fn distribute(
        &mut self,
        key: &str,
        count: usize,
        blobs: &mut BlobService,
        at: OffsetDateTime,
    ) {
        let Some(template) = self.templates.get(key).cloned() else {
            return;
        };
        let published = template
            .run
            .as_ref()
            .map(|run| run.published.clone())
            .unwrap_or_default();
        for (index, version) in &published {
            if *index >= count {
                self.versions.remove(version);
            }
        }
        let mut outputs = Vec::new();
        for (index, target) in template
            .list("distribute")
            .into_iter()
            .enumerate()
            .take(count)
        {
            let name = text(target, "runOutputName").to_owned();
            let (member, artifact) = match text(target, "type") {
                "ManagedImage" => ("artifactId", self.make_managed_image(&template, target)),
                "VHD" => ("artifactUri", self.make_vhd(&template, target, blobs, at)),
                _ => {
                    let version = published
                        .iter()
                        .find(|(of, _)| *of == index)
                        .and_then(|(_, key)| self.versions.get_mut(key));
                    let Some(version) = version else { continue };
                    version.succeed();
                    version.published = version.published.or(Some(at));
                    let stem = text(target, "galleryImageId")
                        .split("/versions/")
                        .next()
                        .unwrap_or_default();
                    ("artifactId", format!("{stem}/versions/{}", version.name))
                }
            };
            outputs.push(RunOutput {
                name,
                member,
                artifact,
            });
        }
        if let Some(template) = self.templates.get_mut(key) {
            template.outputs = outputs;
        }
    }

    fn new_version(
        &mut self,
        template: &Template,
        target: &Map<String, Value>,
        at: OffsetDateTime,
    ) -> ImageVersion {
        let asked = text(target, "galleryImageId");
        let (stem, fixed) = asked
            .split_once("/versions/")
            .map_or((asked, None), |(stem, number)| (stem, Some(number)));
        let name = fixed.map_or_else(|| self.number(template, target, stem, at), str::to_owned);
        let mut tags = target
            .get("artifactTags")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        tags.insert(
            "VMImageBuilderSource".to_owned(),
            Value::String(source_tag(template)),
        );
        let correlation = self.ids.of(Purpose::Correlation, stem).guid();
        tags.insert("correlationId".to_owned(), Value::String(correlation));
        let location = self
            .definition_of(stem)
            .map(|(gallery, _)| gallery.location.clone())
            .unwrap_or_default();
        let mut version = ImageVersion {
            published: Some(at),
            regions: regions(template, target),
            exclude_from_latest: target
                .get("excludeFromLatest")
                .and_then(Value::as_bool)
                .unwrap_or(false),
            tags: Some(tags),
            ..ImageVersion::new(format!("{stem}/versions/{name}"), name, location)
        };
        if let Some((uri, account)) = self.new_vhd(template) {
            let source = json!({"uri": uri, "storageAccountId": account});
            version.os_disk.insert("source".to_owned(), source);
        }
        version
    }

    /// The address of a VHD in the staging account that nobody has used yet, and the id of the account; nothing where images don't tell.
    fn new_vhd(&mut self, template: &Template) -> Option<(String, String)> {
        if self.switches.image_disk == ImageDisk::Unnamed {
            return None;
        }
        let staging = template.staging.as_ref()?;
        let account = format!(
            "{}/providers/Microsoft.Storage/storageAccounts/{}",
            staging.id, staging.account
        );
        let endpoint = self.world.addresses.blob_endpoint(&staging.account);
        let disk = self.ids.of(Purpose::Disk, &account).guid();
        Some((format!("{endpoint}vhds/{disk}.vhd"), account))
    }

    /// The number of a new version, by the target's `versioning`.
    fn number(
        &self,
        template: &Template,
        target: &Map<String, Value>,
        stem: &str,
        at: OffsetDateTime,
    ) -> String {
        let versioning = target
            .get("versioning")
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        let existing: Vec<[u64; 3]> = self
            .versions_of(stem)
            .iter()
            .map(|version| parts(&version.name))
            .collect();
        let major = versioning.get("major").and_then(Value::as_u64);
        match text(&versioning, "scheme") {
            "Source" => {
                let provisioned = template
                    .provisioned
                    .as_ref()
                    .and_then(|provisioned| provisioned.exact_version.clone());
                let exact = provisioned.unwrap_or_default();
                let [major, minor, patch] = parts(exact.rsplit('/').next().unwrap_or_default());
                format!("{major}.{minor}.{patch}")
            }
            "Latest" => next_version(&existing, major),
            _ if self.switches.default_version == DefaultVersion::DateLike => {
                format!(
                    "0.{}.{}",
                    25_000 + u64::from(at.ordinal()),
                    at.unix_timestamp().rem_euclid(86_400)
                )
            }
            _ => next_version(&existing, None),
        }
    }

    fn make_managed_image(&mut self, template: &Template, target: &Map<String, Value>) -> String {
        let id = text(target, "imageId").to_owned();
        let scripts = template.list("customize");
        let windows = scripts.iter().any(|script| {
            ["PowerShell", "WindowsUpdate", "WindowsRestart"].contains(&text(script, "type"))
        });
        let image = ManagedImage {
            id: id.clone(),
            location: text(target, "location").to_owned(),
            tags: target
                .get("artifactTags")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default(),
            os_type: if windows { "Windows" } else { "Linux" },
            vhd: self.new_vhd(template).map(|(address, _)| address),
        };
        self.images.insert(ids::key(&id), image);
        id
    }

    /// Writes a VHD into the staging account, where it dies with the template, or answers the place that the target names.
    fn make_vhd(
        &mut self,
        template: &Template,
        target: &Map<String, Value>,
        blobs: &mut BlobService,
        at: OffsetDateTime,
    ) -> String {
        let asked = text(target, "uri");
        if !asked.is_empty() {
            return asked.to_owned();
        }
        let Some(staging) = &template.staging else {
            return String::new();
        };
        let digits: String = crate::clock::ticks_text(at)
            .chars()
            .filter(char::is_ascii_digit)
            .take(14)
            .collect();
        let blob = format!("{}_{digits}.vhd", text(target, "runOutputName"));
        blobs.put_from_service(
            &staging.account,
            "vhds",
            &blob,
            Bytes::from_static(b"conectix"),
        );
        format!(
            "{}vhds/{blob}",
            self.world.addresses.blob_endpoint(&staging.account)
        )
    }
}

fn regions(template: &Template, target: &Map<String, Value>) -> Vec<TargetRegion> {
    let storage = |object: &Map<String, Value>| match text(object, "storageAccountType") {
        "" => "Standard_LRS".to_owned(),
        other => other.to_owned(),
    };
    let list = |name: &str| target.get(name).and_then(Value::as_array);
    let named = list("targetRegions").into_iter().flatten();
    let mut regions: Vec<_> = named
        .filter_map(Value::as_object)
        .map(|region| {
            let count = region.get("replicaCount").and_then(Value::as_i64);
            let (name, count) = (text(region, "name"), count.unwrap_or(1));
            TargetRegion::new(name, count, &storage(region))
        })
        .collect();
    let listed = list("replicationRegions").into_iter().flatten();
    let listed = listed.filter_map(Value::as_str);
    regions.extend(listed.map(|name| TargetRegion::new(name, 1, &storage(target))));
    if regions.is_empty() {
        regions.push(TargetRegion::new(&template.location, 1, &storage(target)));
    }
    for region in &mut regions {
        region.copying = Some(Copying::WithTheVersion);
    }
    regions
}

fn source_tag(template: &Template) -> String {
    let source = template.source().cloned().unwrap_or_default();
    let exact = template
        .provisioned
        .as_ref()
        .and_then(|provisioned| provisioned.exact_version.clone())
        .unwrap_or_default();
    match text(&source, "type") {
        "PlatformImage" => {
            format!(
                "PlatformImage {}::{}::{}::{exact}",
                text(&source, "publisher"),
                text(&source, "offer"),
                text(&source, "sku")
            )
        }
        "ManagedImage" => format!("ManagedImage {}", text(&source, "imageId")),
        other => format!("{other} {exact}"),
    }
}
