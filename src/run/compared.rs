//! What is different in the image of a step: a look at what is there, when everything else is done and nothing is left.

use tokio_util::sync::CancellationToken;

use super::tail::Place;
use super::{Done, Outcome};
use crate::inputs::CompareWith;
use crate::inventory::{self, Account, Compared, Library, NotCompared, Now};
use crate::resource::ResourceGroupId;

/// Compares the image of `outcome`, if it has one, with an earlier version. Whatever goes wrong, there is an image: then there was nothing to compare
/// with. `group` is where the storage account is looked for first.
pub(super) async fn compare(
    place: &Place<'_>,
    group: &ResourceGroupId,
    outcome: &mut Outcome,
    stop: &CancellationToken,
) {
    let Ok(Done::Image(image)) = &mut outcome.result else {
        return;
    };
    let contents = place.contents;
    let gates = contents.gates();
    if contents.compare_with == CompareWith::Nothing && !gates {
        return;
    }
    let account = match place.storage_account {
        Some(name) => Account::InGroup(name, group),
        None => Account::Unknown,
    };
    let library = Library::new(account, &contents.container);
    let now = Now {
        id: &image.uri,
        inventory: image.contents.as_ref().map(|listed| &listed.inventory),
    };
    let compared = tokio::select! {
        biased;
        () = stop.cancelled() => Err(NotCompared::Nothing("the job was canceled".to_owned())),
        compared = inventory::compare(place.arm, contents, &library, now) => compared,
    };
    image.compared = Some(match compared {
        Ok(comparison) => Compared::With(Box::new(comparison)),
        Err(why) => Compared::Nothing {
            why: why.to_string(),
            gates,
        },
    });
}
