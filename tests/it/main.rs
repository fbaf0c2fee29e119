//! Integration tests. The modules are marked as tests for clippy, which permits `unwrap` and its like only there.

#[cfg(test)]
mod any_inputs;
#[cfg(test)]
mod architecture;
#[cfg(test)]
mod connections;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod debug_output;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod emulated;
#[cfg(test)]
mod failures_page;
#[cfg(test)]
mod files_outside;
#[cfg(test)]
mod flow;
#[cfg(test)]
mod form;
#[cfg(test)]
mod gate;
#[cfg(test)]
mod given_values;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod inputs;
#[cfg(test)]
mod inventory;
#[cfg(test)]
mod job;
#[cfg(test)]
mod known_failures;
#[cfg(test)]
mod launcher;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod manifest;
#[cfg(test)]
mod network;
#[cfg(test)]
#[cfg(test)]
mod overview;
#[cfg(test)]
mod package_folders;
#[cfg(test)]
#[path = "../common/pipeline.rs"]
mod pipeline;
#[cfg(test)]
mod powershell;
#[cfg(test)]
mod problems;
#[cfg(test)]
mod prompt;
#[cfg(test)]
mod protocol;
#[cfg(test)]
mod protocol_check;
#[cfg(test)]
#[path = "../common/proxy.rs"]
mod proxy;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod release;
#[cfg(test)]
mod render;
#[cfg(test)]
mod retain;
#[cfg(test)]
mod schema;
#[cfg(test)]
#[path = "../common/seed.rs"]
mod seed;
#[cfg(test)]
mod task_lib;
#[cfg(test)]
mod template;
#[cfg(test)]
mod template_files;
mod template_model;
#[cfg(test)]
mod template_overrides;
#[cfg(test)]
mod unpacking;
#[cfg(test)]
mod versions;
#[cfg(test)]
#[cfg(unix)]
mod vm_script;
#[cfg(test)]
mod vsix;
#[cfg(test)]
mod whole;
#[cfg(test)]
mod without_package;
#[cfg(test)]
mod yaml_cases;
