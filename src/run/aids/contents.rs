//! The list of an image's contents (SBOM): read from the log of the build, written to a file and to the storage account; its SHA-256 goes into the
//! tags of the image. Afterwards it is compared with the list of an earlier version.
//!
//! Best effort: a failure here is a warning, and the image is as good as without.

use crate::resource::tag::LONGEST_VALUE;
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use time::OffsetDateTime;
use tokio_util::sync::CancellationToken;

use crate::file;
use crate::inputs::CompareWith;
use crate::inputs::manifest::TASK_VERSION;
use crate::inventory::{
    self, Account, Compared, Inventory, Library, NoList, NotCompared, Now, Reader, Subject, write,
};
use crate::release::change::Progress;
use crate::release::{NotTagged, tag_version};
use crate::resource::tag::PACKAGE_SHA256;
use crate::resource::tag::{INVENTORY, INVENTORY_SHA256};
use crate::resource::{ResourceGroupId, ResourceId};
use crate::run::build_template::BuildTemplate;
use crate::run::context::Context;
use crate::run::distribution::Output;
use crate::run::event::{ContentsEvent, Event};
use crate::run::image::Record;
use crate::run::image::{ContentsList, Image};
use crate::run::outcome::{Outcome, Success};
use crate::storage::Sha256;
use crate::wording::duration;

/// A change of tags takes 150 s (recorded in 2026). The step waits no longer than this, because the image is complete without the tags.
const TAGGING: Duration = Duration::from_secs(20 * 60);
/// The file of the first image; the others have numbers.
const FILE: &str = "image-sbom";

/// What was read of the list.
pub(crate) struct ContentsReaders {
    /// From the log of the build, if it could be read.
    pub(crate) saved: Option<Reader>,
    /// While the run was on.
    pub(crate) seen: Reader,
}

impl ContentsReaders {
    /// The list in the saved log, or, if that has none, the list that was seen while the run was on.
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

/// Publishes the list of what `image` holds, and says what there is to say of it. The run that made it ended at `ended`.
pub(crate) async fn publish(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    image: &Image,
    readers: ContentsReaders,
    ended: Option<OffsetDateTime>,
) -> Option<Box<ContentsList>> {
    let emit = |event: ContentsEvent| context.events.emit(Event::Contents(event));
    let list = readers.list(|line| context.arm.client.hidden(line));
    let log = readers.saved.is_some();
    let inventory = match list {
        Ok(inventory) => inventory,
        Err(reason) => {
            emit(ContentsEvent::None { reason, log });
            return None;
        }
    };
    emit(ContentsEvent::Listed {
        system: inventory.system.shown(),
        components: inventory.components.len(),
        incomplete: inventory
            .incomplete()
            .into_iter()
            .map(str::to_owned)
            .collect(),
    });
    let provenance = provenance(template, image);
    let common = Common {
        inventory: &inventory,
        provenance: &provenance,
        ended,
    };
    let outputs = image.outputs.iter();
    let documents: Vec<_> = outputs
        .filter_map(|output| common.document(output))
        .collect();
    let mut listed = None;
    for (index, document) in documents.iter().enumerate() {
        let path = document.save(context, &image.template_name, index);
        let path = match path {
            Ok(path) => {
                emit(ContentsEvent::Saved {
                    path: path.clone(),
                    is_first: index == 0,
                });
                Some(path)
            }
            Err(reason) => {
                emit(ContentsEvent::NotSaved { reason });
                None
            }
        };
        listed.get_or_insert_with(|| (path, document.sha256.clone()));
    }
    hand_over(context, &template.id.group(), &documents).await;
    let (path, sha256) = listed?;
    Some(Box::new(ContentsList {
        inventory,
        path,
        sha256,
    }))
}

/// Keeps the documents of image versions, and names them in their tags. The storage account is looked for once. `group` is where it is looked for first.
async fn hand_over(context: &Context<'_>, group: &ResourceGroupId, documents: &[Document<'_>]) {
    let account = context.storage_account;
    let account = account.map(|name| Account::InGroup(name, group));
    let library = account.map(|account| Library::new(account, &context.contents.container));
    let in_gallery = documents.iter().filter_map(Document::in_gallery);
    join_all(in_gallery.map(|document| document.publish(context, library.as_ref()))).await;
}

/// The provenance of the image, the same in each attempt. The SHA-256 of the package is taken from the template's tags, because only the attempt that
/// packed the package knows it.
fn provenance(template: &BuildTemplate<'_>, image: &Image) -> Record {
    let of_tags = template.provenance_in_tags();
    let is_package = |name: &str| name == PACKAGE_SHA256;
    let package = of_tags.into_iter().filter(|(name, _)| is_package(name));
    let others = image.provenance.iter();
    let others = others.filter(|(name, _)| !is_package(name));
    others.cloned().chain(package).collect()
}

/// What all documents of a run have in common.
struct Common<'a> {
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

impl<'a> Common<'a> {
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
    fn save(&self, context: &Context<'_>, template: &str, index: usize) -> Result<PathBuf, String> {
        let number = match index {
            0 => String::new(),
            others => format!("-{}", others + 1),
        };
        let path = context
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
    async fn publish(self, context: &Context<'_>, library: Option<&Library<'_>>) {
        let address = match library {
            Some(library) => self.keep(context, library).await,
            None => None,
        };
        let mut tags = vec![(INVENTORY_SHA256.to_owned(), self.sha256.to_owned())];
        let fits = address.filter(|address| address.len() <= LONGEST_VALUE);
        tags.extend(fits.map(|address| (INVENTORY.to_owned(), address)));
        let emit = |event: ContentsEvent| context.events.emit(Event::Contents(event));
        emit(ContentsEvent::Tagging {
            version: self.version.name().to_owned(),
        });
        let version = self.version.name();
        let busy = |progress: Progress| {
            if let Progress::Busy { state, elapsed } = progress {
                emit(ContentsEvent::Busy {
                    version: version.to_owned(),
                    state,
                    elapsed,
                });
            }
        };
        let tagging = tag_version(context.arm, self.version, &tags, &busy);
        let late = || NotTagged::Unfinished(format!("it was not done after {}", duration(TAGGING)));
        let tagged = tokio::time::timeout(TAGGING, tagging).await;
        let tagged = tagged.unwrap_or_else(|_| Err(late()));
        if let Err(why) = tagged {
            emit(ContentsEvent::NotTagged {
                version: self.version.clone(),
                is_forbidden: why.is_forbidden(),
                reason: why.to_string(),
            });
        }
    }

    /// The address of the document, if it is kept.
    async fn keep(&self, context: &Context<'_>, library: &Library<'_>) -> Option<String> {
        let kept = library.keep(context.arm, self.version, self.bytes.clone());
        let (event, address) = match kept.await {
            Ok(blob) => (
                ContentsEvent::Kept {
                    blob: blob.to_string(),
                },
                Some(blob.url().to_string()),
            ),
            Err(why) => (
                ContentsEvent::NotKept {
                    container: library.container().to_owned(),
                    version: self.version.name().to_owned(),
                    why: Box::new(why),
                },
                None,
            ),
        };
        context.events.emit(Event::Contents(event));
        address
    }
}

/// Compares the image of `outcome`, if it has one, with an earlier version. A failure here never fails the build: there is nothing to compare with
/// then. `group` is where the storage account is looked for first.
pub(crate) async fn compare(
    context: &Context<'_>,
    group: &ResourceGroupId,
    outcome: &mut Outcome,
    stop: &CancellationToken,
) {
    let Ok(Success::Image(image)) = &mut outcome.result else {
        return;
    };
    let contents = context.contents;
    let gates = contents.gates();
    if contents.compare_with == CompareWith::Nothing && !gates {
        return;
    }
    let account = context.storage_account;
    let account = account.map(|name| Account::InGroup(name, group));
    let library = account.map(|account| Library::new(account, &contents.container));
    let now = Now {
        id: &image.uri,
        inventory: image.contents.as_ref().map(|listed| &listed.inventory),
    };
    let compared = tokio::select! {
        biased;
        () = stop.cancelled() => Err(NotCompared::Nothing("the job was canceled".to_owned())),
        compared = inventory::compare(context.arm, contents, library.as_ref(), now) => compared,
    };
    image.compared = Some(match compared {
        Ok(comparison) => Compared::With(Box::new(comparison)),
        Err(why) => Compared::Nothing {
            why: why.to_string(),
            gates,
        },
    });
}
