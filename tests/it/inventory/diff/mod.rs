//! What is different between two images: the action of its own, and the end of a build.

mod action;
mod build;
mod scene;
mod trouble;
