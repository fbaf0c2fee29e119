//! Integration tests. They are marked as tests for clippy, which permits `unwrap` and its like only there.

#![cfg(test)]

mod any_inputs;
mod architecture;
mod connections;
mod crash;
mod debug_output;
mod docs;
mod documents;
mod emulated;
mod failures_page;
mod files_outside;
mod flow;
mod form;
mod gate;
mod given_values;
mod golden;
mod inputs;
mod inventory;
mod job;
mod known_failures;
mod launcher;
mod logs;
mod manifest;
mod network;
mod overview;
mod package_folders;
#[path = "../common/pipeline.rs"]
mod pipeline;
mod powershell;
mod problems;
mod prompt;
mod protocol;
mod protocol_check;
#[path = "../common/proxy.rs"]
mod proxy;
mod recordings;
mod refusals;
mod release;
mod render;
mod retain;
mod schema;
#[path = "../common/seed.rs"]
mod seed;
mod task_lib;
mod template;
mod template_files;
mod template_model;
mod template_overrides;
mod texts;
mod unpacking;
mod versions;
#[cfg(unix)]
mod vm_script;
mod vsix;
mod whole;
mod without_package;
mod yaml_cases;
