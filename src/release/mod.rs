//! Which version of an image counts: to promote one, or to withdraw it.

pub mod change;
