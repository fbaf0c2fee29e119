//! Tests of the cloud as a whole, without sockets and without waiting.

mod control;
mod fidelity;
mod flows;
mod recorded;
mod resources;
mod scene;
mod server;
mod strictness;
mod surroundings;
mod trouble;
