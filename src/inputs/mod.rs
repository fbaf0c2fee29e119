//! From the texts that a job gives to a [`Given`], and to a validated plan.

pub mod connection;
pub mod given;

pub use given::{Given, GivenConnection};
