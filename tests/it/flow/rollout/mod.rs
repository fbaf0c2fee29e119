//! Roll-outs to host pools.

mod update;
mod updating;
