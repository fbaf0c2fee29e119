//! What the log says of the list of an image's contents.

use crate::error::{CONTENTS_NOT_KEPT, CONTENTS_NOT_TAGGED, NO_CONTENTS, duration};
use crate::inputs::inventory::STEP;
use crate::inputs::manifest::{INVENTORY_CONTAINER, STORAGE_ACCOUNT_NAME};
use crate::inventory::{NoList, NotKept};
use crate::report::messages::Messages;
use crate::resource::tag::INVENTORY_SHA256;
use crate::resource::{ResourceId, quoted};
use crate::run::event::ContentsEvent;

/// What the log says of an event of the list.
pub(super) fn messages(event: &ContentsEvent) -> Messages {
    match event {
        ContentsEvent::Listed {
            system,
            components,
            incomplete,
        } => {
            let first = format!("inventory:  {system}, {components} components");
            let missing = incomplete.iter();
            let missing = missing.map(|kind| format!("inventory:  {kind} could not be listed"));
            Messages::lines([first].into_iter().chain(missing).collect())
        }
        ContentsEvent::Saved { path, .. } => {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            Messages::line(format!(
                "SBOM:  {name}; it is attached to the logs of this run"
            ))
        }
        ContentsEvent::NotSaved { reason } => Messages::line(format!("no SBOM file:  {reason}")),
        ContentsEvent::Kept { blob } => Messages::line(format!("SBOM kept:  {blob}")),
        ContentsEvent::Tagging { version } => Messages::line(format!(
            "writing the SBOM's tags on image version {version}"
        )),
        ContentsEvent::Busy {
            version,
            state,
            elapsed,
        } => Messages::line(format!(
            "image version {version}:  {state} (after {})",
            duration(*elapsed)
        )),
        ContentsEvent::None { reason, log } => Messages::warning(
            NO_CONTENTS,
            format!(
                "The image is built, but its contents are not known: {}",
                why(reason, *log)
            ),
            remedy(reason, *log),
        ),
        ContentsEvent::NotKept {
            container,
            version,
            why,
        } => not_kept(version, container, why),
        ContentsEvent::NotTagged {
            version,
            reason,
            is_forbidden,
        } => Messages::warning(
            CONTENTS_NOT_TAGGED,
            format!(
                "The tags of the SBOM were not written on image version {}: {reason}",
                version.name()
            ),
            hint_of_tags(version, *is_forbidden),
        ),
    }
}

fn not_kept(version: &str, container: &str, why: &NotKept) -> Messages {
    Messages::warning(
        CONTENTS_NOT_KEPT,
        format!(
            "The SBOM of image version {version} is not kept in container '{container}': {why}"
        ),
        format!(
            "later versions cannot be compared with it; {}",
            how_to_keep(why)
        ),
    )
}

/// What to do so that the list of the next version is kept.
fn how_to_keep(why: &NotKept) -> String {
    let inputs = || {
        format!(
            "check inputs '{}' and '{}'",
            STORAGE_ACCOUNT_NAME.name, INVENTORY_CONTAINER.name
        )
    };
    match why {
        NotKept::Storage(failure) => failure.hint().unwrap_or_else(inputs),
        NotKept::Taken { .. } => format!(
            "a file that exists is never overwritten: if it is that of a version that was deleted, delete it; or choose another container in input '{}'",
            INVENTORY_CONTAINER.name
        ),
        NotKept::Unread { failure, .. } => {
            let hint = failure.hint().unwrap_or_else(inputs);
            format!("a file that exists is never overwritten; to read it: {hint}")
        }
        NotKept::TooLarge | NotKept::NoVersion(_) => {
            "it is attached to the logs of this run".to_owned()
        }
    }
}

fn hint_of_tags(version: &ResourceId, is_forbidden: bool) -> String {
    if !is_forbidden {
        return format!(
            "the SBOM is found without them; only its sum cannot be compared with the tag '{INVENTORY_SHA256}'"
        );
    }
    let definition = version.parent();
    let scope = definition.as_ref().map_or("", |id| id.as_str());
    format!(
        "to write the tags, give the permission 'Microsoft.Compute/galleries/images/versions/write': az role assignment create --assignee <service connection's principal> --role \"Compute Gallery Artifacts Publisher\" --scope {}",
        quoted(scope)
    )
}

fn why(reason: &NoList, log: bool) -> String {
    if *reason == NoList::None && !log {
        "the log of the build could not be read".to_owned()
    } else {
        reason.to_string()
    }
}

fn remedy(reason: &NoList, log: bool) -> String {
    match reason {
        NoList::None if !log => {
            "the line 'no build log' says why, and which role helps".to_owned()
        }
        NoList::None => {
            format!("look for the step '{STEP}' in the build log: it printed no list")
        }
        NoList::Failed(_) => {
            "add what is missing to the image; on Linux the step needs base64, fold, gzip, mktemp, sha256sum, sort and tr".to_owned()
        }
        NoList::Form(_) => {
            "the template was created by another version of this task: use one version for the step that creates the template and the one that waits".to_owned()
        }
        NoList::NoEnd
        | NoList::Gap { .. }
        | NoList::Contradiction
        | NoList::Packing
        | NoList::Sum => {
            "the log has lost or changed lines, so the list is not used; the next build creates a new one".to_owned()
        }
        NoList::TooLarge | NoList::NoSystem => {
            format!("check the step '{STEP}' in the build log; another step must not print lines that begin with 'image-inventory'")
        }
    }
}
