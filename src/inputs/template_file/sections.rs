//! The names of sections of a template file.

use crate::inputs::manifest::BUILD_TIMEOUT_IN_MINUTES;

/// What the image starts from.
pub(in crate::inputs) const SOURCE: &str = "source";
/// What is done to the source.
pub(in crate::inputs) const CUSTOMIZE: &str = "customize";
/// How the image is checked.
pub(in crate::inputs) const VALIDATE: &str = "validate";
/// Where the image goes.
pub(in crate::inputs) const DISTRIBUTE: &str = "distribute";
/// What the build VM is.
pub(in crate::inputs) const VM_PROFILE: &str = "vmProfile";
/// How long a build takes at most. The member has the name of an input, but it is Azure's.
pub(in crate::inputs) const TIMEOUT: &str = BUILD_TIMEOUT_IN_MINUTES.name;
