//! What stands by itself in a template, and how the image is checked, in types.

/// How the image is checked before it is distributed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Validation {
    /// The author's script in the language of the customization, line by line. May be empty.
    pub inline: Vec<String>,
    /// Whether only the source is checked, and nothing built.
    pub source_only: bool,
    /// Whether an image that fails the check is distributed nevertheless.
    pub continue_on_failure: bool,
}

/// What stands by itself in a template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// Id of the resource group for what the service creates; the service makes one if there is none.
    pub staging_resource_group: Option<String>,
    /// Tags of what the service creates, in the order given.
    pub managed_resource_tags: Vec<(String, String)>,
    /// Tags of the template, in the order given.
    pub template_tags: Vec<(String, String)>,
    /// What becomes of the build VM when a customizer fails.
    pub on_customizer_error: OnError,
    /// What becomes of the validation VM when a validator fails.
    pub on_validation_error: OnError,
    /// Whether the service makes the image boot faster.
    pub optimize_boot: bool,
}

/// What becomes of a VM after an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum OnError {
    /// It is removed.
    #[default]
    Cleanup,
    /// It stays until the template is removed.
    Abort,
}
