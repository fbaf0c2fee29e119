//! Tests of the cloud as a whole, without sockets and without waiting.

mod booting;
mod configurations;
mod control;
mod copies;
mod deployments;
mod fidelity;
mod flows;
mod machine_parts;
mod machines;
mod outlive;
mod pools;
mod pools_recorded;
mod recorded;
mod resources;
mod scene;
mod server;
mod strictness;
mod surroundings;
mod trouble;
mod updates;
mod users;
mod versions;
