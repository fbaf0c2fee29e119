//! From the texts that a job gives to a [`Given`].

pub mod connection;
pub mod declared;
pub mod given;

pub use given::{Given, GivenConnection};
