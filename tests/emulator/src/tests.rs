//! Tests of the cloud as a whole, without sockets and without waiting.

mod control;
mod copies;
mod fidelity;
mod flows;
mod outlive;
mod recorded;
mod resources;
mod scene;
mod server;
mod strictness;
mod surroundings;
mod trouble;
mod users;
mod versions;
