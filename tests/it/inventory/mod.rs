//! The list of an image's contents, from the script that makes it to the file that is kept.

mod diff;
mod document;
mod flow;
mod inputs;
mod linux;
mod windows;
