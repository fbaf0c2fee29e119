//! The list of an image's contents: out of the log of its build, into a file, to where lists are kept, and its sum into the tags of the image.
//!
//! It is a help and no condition: whatever goes wrong here is a warning, and the image is as good as without.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use time::OffsetDateTime;

use super::distribution::Output;
use super::event::Event;
use super::followed::Followed;
use super::image::Image;
use super::provenance::{PACKAGE, Record};
use super::tail::Place;
use crate::file;
use crate::inputs::declared::TASK_VERSION;
use crate::inventory::{
    ADDRESS_TAG, Inventory, LARGEST, NoList, Reader, SHA256_TAG, Shelf, Subject, write,
};
use crate::release::change::Progress;
use crate::release::{NotTagged, tag_version};
use crate::resource::{ResourceGroupId, ResourceId};
use crate::storage::Sha256;
use crate::wording::duration;

/// A change of tags takes 150 s (recorded in 2026); nobody waits longer for what an image is as good without.
const TAGGING: Duration = Duration::from_secs(20 * 60);
/// The longest value of a tag.
const LONGEST_TAG: usize = 256;
/// The file of the first image; the others have numbers.
const FILE: &str = "image-sbom";

/// What an image holds, as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// What it holds.
    pub inventory: Inventory,
    /// The `CycloneDX` document of the first target, on the agent; nothing if it could not be written.
    pub path: Option<PathBuf>,
    /// Its SHA-256, in 64 hexadecimal digits.
    pub sha256: String,
}

/// What there is to say of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// There is none.
    None {
        /// Why: the rest of a sentence.
        reason: NoList,
        /// Whether the log of the build was there to read.
        log: bool,
    },
    /// It is known.
    Listed {
        /// Name and version of the operating system.
        system: String,
        /// How many packages and programs.
        components: usize,
        /// What could not be listed: `snap`.
        incomplete: Vec<String>,
    },
    /// A file with it is on the agent.
    Saved {
        /// The file.
        path: PathBuf,
        /// Whether it is that of the first image, which is the one that is reported.
        is_first: bool,
    },
    /// A file with it could not be written.
    NotSaved {
        /// Why.
        reason: String,
    },
    /// It is kept for later versions.
    Kept {
        /// Where, in words.
        blob: String,
    },
    /// It is not kept for later versions.
    NotKept {
        /// The container in which it should be.
        container: String,
        /// The storage account.
        account: String,
        /// Number of the image version.
        version: String,
        /// Why.
        reason: String,
    },
    /// The tags of the image version are about to be changed.
    Tagging {
        /// Number of the image version.
        version: String,
    },
    /// The image version is being changed; said now and then.
    Busy {
        /// Number of the image version.
        version: String,
        /// Its state: `Updating`.
        state: String,
        /// Since it is waited for.
        elapsed: Duration,
    },
    /// The image version has no tags that tell of it.
    NotTagged {
        /// The image version.
        version: ResourceId,
        /// Why.
        reason: String,
        /// Whether a permission is missing.
        is_forbidden: bool,
    },
}

/// What was read of the list.
pub(super) struct Lists {
    /// From the log of the build, if it could be read.
    pub(super) saved: Option<Reader>,
    /// While the run was on.
    pub(super) seen: Reader,
}

impl Lists {
    /// The log counts; what was seen while the run was on only where the log does not tell.
    fn list(&self, hidden: impl Fn(&str) -> String) -> Result<Inventory, NoList> {
        let saved = match &self.saved {
            Some(saved) => saved.finish(&hidden),
            None => Err(NoList::None),
        };
        let reason = match saved {
            Ok(list) => return Ok(list),
            Err(reason) => reason,
        };
        match self.seen.finish(&hidden) {
            Err(seen) if reason == NoList::None => Err(seen),
            Err(_) => Err(reason),
            Ok(list) => Ok(list),
        }
    }
}

/// Brings the list of `image` to where it belongs. The run that made it ended at `ended`.
pub(super) async fn note(
    place: &Place<'_>,
    followed: &Followed<'_>,
    image: &Image,
    lists: Lists,
    ended: Option<OffsetDateTime>,
) -> Option<Box<Listed>> {
    let tell = |told: Told| place.events.emit(Event::Contents(told));
    let list = lists.list(|line| place.arm.client.hidden(line));
    let log = lists.saved.is_some();
    let inventory = match list {
        Ok(inventory) => inventory,
        Err(reason) => {
            tell(Told::None { reason, log });
            return None;
        }
    };
    tell(Told::Listed {
        system: inventory.system.shown(),
        components: inventory.components.len(),
        incomplete: inventory
            .incomplete()
            .into_iter()
            .map(str::to_owned)
            .collect(),
    });
    let provenance = provenance(followed, image);
    let about = About {
        inventory: &inventory,
        provenance: &provenance,
        ended,
    };
    let outputs = image.outputs.iter();
    let documents: Vec<_> = outputs
        .filter_map(|output| about.document(output))
        .collect();
    let mut listed = None;
    for (index, document) in documents.iter().enumerate() {
        let path = document.save(place, &image.template_name, index);
        let path = match path {
            Ok(path) => {
                tell(Told::Saved {
                    path: path.clone(),
                    is_first: index == 0,
                });
                Some(path)
            }
            Err(reason) => {
                tell(Told::NotSaved { reason });
                None
            }
        };
        listed.get_or_insert_with(|| (path, document.sha256.clone()));
    }
    let in_gallery = documents.iter().filter_map(Document::in_gallery);
    let group = followed.id.group();
    let handing_over = in_gallery.map(|document| document.hand_over(place, &group));
    join_all(handing_over).await;
    let (path, sha256) = listed?;
    Some(Box::new(Listed {
        inventory,
        path,
        sha256,
    }))
}

/// Where the image comes from, the same for each attempt at it: what only the attempt knows that packed the package stands in the tags.
fn provenance(followed: &Followed<'_>, image: &Image) -> Record {
    let of_tags = followed.provenance_in_tags();
    let package = of_tags.into_iter().filter(|(name, _)| *name == PACKAGE);
    let others = image.provenance.iter().filter(|(name, _)| *name != PACKAGE);
    others.cloned().chain(package).collect()
}

/// What all documents of a run have in common.
struct About<'a> {
    inventory: &'a Inventory,
    provenance: &'a Record,
    ended: Option<OffsetDateTime>,
}

/// The document about one image.
struct Document<'a> {
    output: &'a Output,
    id: Option<ResourceId>,
    bytes: Bytes,
    sha256: String,
}

/// The document about an image version.
struct OfVersion<'a> {
    version: &'a ResourceId,
    bytes: &'a Bytes,
    sha256: &'a str,
}

impl<'a> About<'a> {
    /// The document about the image that `output` tells of, if there is one.
    fn document(&self, output: &'a Output) -> Option<Document<'a>> {
        let uri = output.uri.as_deref()?;
        let id = uri.parse::<ResourceId>().ok();
        let of_gallery = id.as_ref().filter(|_| output.target.is_gallery());
        let definition = of_gallery.and_then(ResourceId::parent);
        let name = match (&definition, &id) {
            (Some(definition), _) => definition.name(),
            (None, Some(id)) => id.name(),
            (None, None) => output.target.run_output.as_str(),
        };
        let subject = Subject {
            id: uri,
            name,
            version: of_gallery.map(ResourceId::name),
            ended: self.ended,
            task_version: TASK_VERSION,
            provenance: self.provenance,
        };
        let bytes = Bytes::from(write(self.inventory, subject));
        let sha256 = Sha256::of(&bytes).to_string();
        Some(Document {
            output,
            id,
            bytes,
            sha256,
        })
    }
}

impl Document<'_> {
    fn save(&self, place: &Place<'_>, template: &str, index: usize) -> Result<PathBuf, String> {
        let number = match index {
            0 => String::new(),
            others => format!("-{}", others + 1),
        };
        let path = place
            .folder
            .join(format!("{template}-{FILE}{number}.cdx.json"));
        match file::write(&path, &self.bytes) {
            Ok(()) => Ok(path),
            Err(error) => Err(format!("'{}' cannot be written: {error}", path.display())),
        }
    }

    fn in_gallery(&self) -> Option<OfVersion<'_>> {
        let version = self
            .id
            .as_ref()
            .filter(|_| self.output.target.is_gallery())?;
        Some(OfVersion {
            version,
            bytes: &self.bytes,
            sha256: &self.sha256,
        })
    }
}

impl OfVersion<'_> {
    /// Keeps the document, and says in the tags of the version which one it is.
    async fn hand_over(self, place: &Place<'_>, group: &ResourceGroupId) {
        let address = self.keep(place, group).await;
        let mut tags = vec![(SHA256_TAG.to_owned(), self.sha256.to_owned())];
        let fits = address.filter(|address| address.len() <= LONGEST_TAG);
        tags.extend(fits.map(|address| (ADDRESS_TAG.to_owned(), address)));
        let tell = |told: Told| place.events.emit(Event::Contents(told));
        tell(Told::Tagging {
            version: self.version.name().to_owned(),
        });
        let version = self.version.name();
        let busy = |progress: Progress| {
            if let Progress::Busy { state, elapsed } = progress {
                tell(Told::Busy {
                    version: version.to_owned(),
                    state,
                    elapsed,
                });
            }
        };
        let tagging = tag_version(place.arm, self.version, &tags, &busy);
        let late = || NotTagged::Unfinished(format!("it was not done after {}", duration(TAGGING)));
        let tagged = tokio::time::timeout(TAGGING, tagging).await;
        let tagged = tagged.unwrap_or_else(|_| Err(late()));
        if let Err(why) = tagged {
            tell(Told::NotTagged {
                version: self.version.clone(),
                is_forbidden: why.is_forbidden(),
                reason: why.to_string(),
            });
        }
    }

    /// The address of the document, if it is kept.
    async fn keep(&self, place: &Place<'_>, group: &ResourceGroupId) -> Option<String> {
        let account = place.storage_account?;
        let lists = Shelf {
            group,
            account,
            container: &place.contents.container,
        };
        let kept = if u64::try_from(self.bytes.len()).is_ok_and(|length| length <= LARGEST) {
            lists
                .keep(place.arm, self.version, self.bytes.clone())
                .await
        } else {
            Err("it is larger than 32 MiB".to_owned())
        };
        let told = match &kept {
            Ok(blob) => Told::Kept {
                blob: blob.to_string(),
            },
            Err(reason) => Told::NotKept {
                container: place.contents.container.clone(),
                account: account.to_owned(),
                version: self.version.name().to_owned(),
                reason: reason.clone(),
            },
        };
        place.events.emit(Event::Contents(told));
        Some(kept.ok()?.url().to_string())
    }
}
