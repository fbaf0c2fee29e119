//! Roll-outs to host pools.

mod attempts;
mod doctor;
mod ends;
mod existing;
mod fit;
mod hosts;
mod removals;
mod replace;
mod update;
mod update_crashes;
mod update_ends;
mod update_looks;
mod update_switches;
mod updating;
mod users;
mod ways_back;

use super::scene::Stage;

/// An update that goes as usual.
pub(crate) async fn whole_update() -> Stage {
    let stage = updating::run(updating::quick(), |_| {}).await;
    updating::assert_good(&stage);
    stage
}
