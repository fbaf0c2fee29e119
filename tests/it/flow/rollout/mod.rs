//! Roll-outs to host pools.

mod doctor;
mod update;
mod update_crashes;
mod update_ends;
mod update_looks;
mod update_switches;
mod updating;
