//! What README, the pages in `docs` and the samples show is true: their YAML builds images, their scripts and templates can be read, their
//! links lead somewhere.

mod build;
mod files;
mod links;
mod pages;
mod samples;
pub(crate) mod scripts;
mod steps;
