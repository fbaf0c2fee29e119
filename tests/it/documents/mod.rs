//! What the pages at the top, in `docs` and in the samples show is true: their YAML builds images, their scripts and templates can be read, their
//! links lead somewhere.

mod build;
#[cfg(unix)]
mod commands;
mod deployments;
mod expressions;
pub(crate) mod files;
mod links;
mod pages;
mod permissions;
#[cfg(unix)]
mod powershell;
mod samples;
pub(crate) mod scripts;
mod seed;
#[cfg(unix)]
mod setup;
mod steps;
mod templates;
