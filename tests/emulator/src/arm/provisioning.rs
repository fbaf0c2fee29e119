//! What the service finds out while it provisions a template: whether all that the template names exists, and what the scripts hold.

use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use url::Url;

use crate::arm::Arm;
use crate::arm::template::{Failure, Provisioned, Template, text};
use crate::blob::BlobService;
use crate::ids;
use crate::world::{BlobAddress, Identity, World};

impl Arm {
    /// Provisions a template as of `now`: resolves its source and fetches its scripts.
    pub(crate) fn provision(
        &self,
        template: &Template,
        blobs: &BlobService,
        now: OffsetDateTime,
    ) -> Result<Provisioned, Failure> {
        self.check_identity(template)?;
        let exact_version = self.resolve_source(template)?;
        self.check_targets(template)?;
        self.check_network(template)?;
        let mut provisioned = Provisioned {
            exact_version,
            ..Provisioned::default()
        };
        let sections = [
            ("customize", template.list("customize")),
            ("validate", template.validators()),
        ];
        for (section, scripts) in sections {
            for (index, script) in scripts.into_iter().enumerate() {
                if let Some(checksum) = self.fetch(template, script, section, blobs, now)? {
                    provisioned.checksums.insert((section, index), checksum);
                }
            }
        }
        Ok(provisioned)
    }

    fn check_identity(&self, template: &Template) -> Result<(), Failure> {
        let identities = template.identities();
        let known = |id: &&str| {
            self.world
                .identities
                .iter()
                .any(|known| ids::key(&self.world.identity_id(known)) == ids::key(id))
        };
        if identities.iter().all(known) {
            return Ok(());
        }
        Err(failure(
            "Unauthorized",
            "Other",
            "The assigned managed identity cannot be used. Please remove the existing one and re-assign a new identity. For more details, go \
             to https://aka.ms/azvmimagebuilderts.",
        ))
    }

    /// The exact version of the source, for the kinds that have one.
    fn resolve_source(&self, template: &Template) -> Result<Option<String>, Failure> {
        let source = template.source().cloned().unwrap_or_default();
        match text(&source, "type") {
            "PlatformImage" => platform_version(&self.world, &source)
                .map(Some)
                .ok_or_else(|| {
                    failure(
                        "PlatformImageNotFound",
                        "BadPIRSource",
                        "Platform Image was not found",
                    )
                }),
            "ManagedImage" => {
                let id = text(&source, "imageId");
                if self.images.contains_key(&ids::key(id)) {
                    return Ok(None);
                }
                Err(not_authorized(id, "BadManagedImageSource"))
            }
            _ => {
                let id = text(&source, "imageVersionId");
                self.source_version(id, &template.location).map(Some).ok_or_else(|| {
                    failure(
                        "Unauthorized",
                        "BadSharedImageVersionSource",
                        &format!("Not authorized to access the resource: {id}. To resolve this issue, go to https://aka.ms/azvmimagebuilderts."),
                    )
                })
            }
        }
    }

    fn check_targets(&self, template: &Template) -> Result<(), Failure> {
        for target in template.list("distribute") {
            let id = text(target, "galleryImageId");
            if text(target, "type") == "SharedImage" && self.definition_of(id).is_none() {
                return Err(not_authorized(id, "BadSharedImageDistribute"));
            }
        }
        Ok(())
    }

    fn check_network(&self, template: &Template) -> Result<(), Failure> {
        let network = template
            .properties
            .get("vmProfile")
            .and_then(|profile| profile.get("vnetConfig"));
        let network = network
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        for (member, delegation) in [
            ("subnetId", None),
            (
                "containerInstanceSubnetId",
                Some("Microsoft.ContainerInstance/containerGroups"),
            ),
        ] {
            let id = text(&network, member);
            let subnet = self
                .world
                .subnets
                .iter()
                .find(|subnet| ids::key(&subnet.id) == ids::key(id));
            let fits = subnet.is_some_and(|subnet| {
                delegation.is_none() || subnet.delegation.as_deref() == delegation
            });
            if !id.is_empty() && !fits {
                // The service names the network, not the subnet.
                return Err(not_authorized(
                    id.split("/subnets/").next().unwrap_or_default(),
                    "Other",
                ));
            }
        }
        let staging = text(&template.properties, "stagingResourceGroup");
        let subscription = ids::segment_after(staging, "subscriptions").unwrap_or_default();
        if staging.is_empty() || subscription.eq_ignore_ascii_case(&self.world.subscription) {
            return Ok(());
        }
        Err(failure(
            "BadRequest",
            "BadStagingResourceGroup",
            &format!(
                "The staging resource group '{staging}' is not in the subscription of the image template."
            ),
        ))
    }

    /// Fetches what a script or file names; its checksum, or `None` when it names nothing to fetch.
    fn fetch(
        &self,
        template: &Template,
        script: &Map<String, Value>,
        section: &str,
        blobs: &BlobService,
        now: OffsetDateTime,
    ) -> Result<Option<String>, Failure> {
        let member = if text(script, "type") == "File" {
            "sourceUri"
        } else {
            "scriptUri"
        };
        let uri = text(script, member);
        if uri.is_empty() {
            let has_inline = script
                .get("inline")
                .and_then(Value::as_array)
                .is_some_and(|lines| !lines.is_empty());
            if has_inline || text(script, "type").starts_with("Windows") {
                return Ok(None);
            }
            let code = if section == "validate" {
                "NoValidatorScript"
            } else {
                "NoCustomizerScript"
            };
            let kind = text(script, "type");
            return Err(failure(
                "BadRequest",
                code,
                &format!("{kind} has neither 'scriptUri' nor 'inline'."),
            ));
        }
        let content = self.read(template, uri, blobs, now).map_err(|reason| {
            // The query may hold a signature, so only what stands before it is named.
            let place = uri.split('?').next().unwrap_or_default();
            let message = format!(
                "Downloading external file ({place}) to local file (xxxxx.0.customizer.fp) [attempt 1 of 10] failed: {reason}"
            );
            failure("ExternalFileDownloadFailed", "Other", &message)
        })?;
        let checksum = sha256(&content);
        let asked = text(script, "sha256Checksum");
        if !asked.is_empty() && !asked.eq_ignore_ascii_case(&checksum) {
            let message = format!(
                "The checksum of the downloaded file is '{checksum}', but 'sha256Checksum' is '{asked}'."
            );
            return Err(failure("ChecksumMismatch", "Other", &message));
        }
        Ok(Some(checksum))
    }

    fn read(
        &self,
        template: &Template,
        uri: &str,
        blobs: &BlobService,
        now: OffsetDateTime,
    ) -> Result<Bytes, String> {
        let url = Url::parse(uri).map_err(|error| format!("the URL is not valid: {error}"))?;
        if !is_blob(&self.world.addresses.blob, &url) {
            let file = self.world.public_files.get(uri);
            return file
                .map(|content| Bytes::from(content.clone()))
                .ok_or_else(|| "404 Not Found".to_owned());
        }
        if url.query().is_some() {
            return blobs.read_with_link(&url, now);
        }
        // Without a signature in the link the identity of the template has to have the right to read, even if the blob is public.
        let assigned = template.identities();
        let known = |identity: &&Identity| {
            assigned
                .iter()
                .any(|id| ids::key(id) == ids::key(&self.world.identity_id(identity)))
        };
        let identity = self.world.identities.iter().find(known);
        blobs.read_as(
            &url,
            identity.map_or("", |identity| &identity.principal),
            now,
        )
    }
}

/// The number of the platform image that the source names: the newest for `latest`.
fn platform_version(world: &World, source: &Map<String, Value>) -> Option<String> {
    let same = |known: &str, member: &str| known.eq_ignore_ascii_case(text(source, member));
    let image = world.platform_images.iter().find(|image| {
        same(&image.publisher, "publisher")
            && same(&image.offer, "offer")
            && same(&image.sku, "sku")
    })?;
    let version = text(source, "version");
    if version.eq_ignore_ascii_case("latest") {
        return image.versions.last().cloned();
    }
    image
        .versions
        .iter()
        .find(|known| *known == version)
        .cloned()
}

/// Whether a URL leads to blob storage.
fn is_blob(address: &BlobAddress, url: &Url) -> bool {
    match address {
        BlobAddress::Hosts { suffix } => url
            .host_str()
            .is_some_and(|host| host.ends_with(&format!(".blob.{suffix}"))),
        BlobAddress::Paths { origin } => url.origin().ascii_serialization() == *origin,
    }
}

/// The SHA-256 of a content in lower-case hexadecimal.
pub(crate) fn sha256(content: &[u8]) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, content);
    digest
        .as_ref()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // Writing into a String cannot fail.
            let _written = write!(text, "{byte:02x}");
            text
        })
}

fn failure(operation_code: &str, provisioning_code: &'static str, message: &str) -> Failure {
    Failure {
        operation_code: operation_code.to_owned(),
        provisioning_code,
        message: message.to_owned(),
    }
}

fn not_authorized(id: &str, provisioning_code: &'static str) -> Failure {
    failure(
        "Unauthorized",
        provisioning_code,
        &format!(
            "Not authorized to access the resource: {id}. Please check the user assigned identity has the correct permissions. For more \
             details, go to https://aka.ms/azvmimagebuilderts."
        ),
    )
}
