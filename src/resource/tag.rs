//! The tags that the task writes, on whatever it writes them: one list, so that a new tag is refused to authors, recognized and documented in one place.
//!
//! Tags are texts that others may have written: what is done because of one is proven first. Names of tags ignore letter case.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// The most tags of a resource, and the longest name and value. The limits are those of
/// <https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations>.
pub const MOST_TAGS: usize = 50;
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 512;
/// The longest value, in characters.
pub const LONGEST_VALUE: usize = 256;

// On what a step makes: the template, its images, and the machine of a test.

/// Version of the task that made the template. A template without this tag is someone else's.
pub const TASK: &str = "imageBuilderTask";
/// The pipeline run.
pub const RUN: &str = "imageBuilderRun";
/// The step in it.
pub const STEP: &str = "imageBuilderStep";
/// Where the template's package is: `{account's group}/{account}/{blob}`.
pub const PACKAGE: &str = "imageBuilderPackage";
/// When the template was made, by Azure's clock.
pub const MADE: &str = "imageBuilderMade";
/// The sum of what the template was asked to build of.
pub const INPUTS: &str = "imageBuilderInputs";
/// Whether the template and its package stay, whatever becomes of its run.
pub const KEEP: &str = "imageBuilderKeep";
/// The name of the template that made an image; on images alone.
pub const TEMPLATE: &str = "imageBuilderTemplate";

/// Those of a template.
pub const OF_TEMPLATE: [&str; 7] = [TASK, RUN, STEP, PACKAGE, MADE, INPUTS, KEEP];

// On an image version: of what it was made.

/// The SHA-256 of the package's archive.
pub const PACKAGE_SHA256: &str = "packageSha256";
/// All that say where an image comes from.
pub const PROVENANCE: [&str; 11] = [
    "source",
    "sourceVersion",
    PACKAGE_SHA256,
    "repository",
    "branch",
    "commit",
    "pipeline",
    "buildId",
    "buildNumber",
    "release",
    "taskVersion",
];
/// The sum of what the image was built of.
pub const INPUTS_SHA256: &str = "inputsSha256";
/// The address of the list of the image's contents, where it is kept.
pub const INVENTORY: &str = "imageInventory";
/// The SHA-256 of that list: 64 hexadecimal digits in lower case.
pub const INVENTORY_SHA256: &str = "imageInventorySha256";

// On an image version: what became of it.

/// When, by whom and in which run it was promoted.
pub const PROMOTED: [&str; 3] = ["promotedAt", "promotedBy", "promotedRun"];
/// When it was withdrawn.
pub const WITHDRAWN_AT: &str = "withdrawnAt";
/// By whom.
pub const WITHDRAWN_BY: &str = "withdrawnBy";
/// Why.
pub const WITHDRAWN_REASON: &str = "withdrawnReason";
/// The end of life that it had before.
pub const WITHDRAWN_END_OF_LIFE: &str = "withdrawnEndOfLife";
/// On a copy: the id of the version that it is a copy of.
pub const COPIED_FROM: &str = "copiedFrom";

// On a host pool, and on the machines of its session hosts.

/// On a machine: the roll-out that deletes it.
pub const ROLLOUT: &str = "imageRollout";
/// On a host pool: the hosts that were drained before the roll-out. More such tags have a number behind the name.
pub const ROLLOUT_DRAINED_BEFORE: &str = "imageRolloutDrainedBefore";

/// Whether the task identifies its own resources by tag `name`: an author's tag of such a name is refused.
pub fn is_reserved(name: &str) -> bool {
    is_one_of(&OF_TEMPLATE, name) || is_one_of(&[TEMPLATE], name)
}

/// Whether a build writes tag `name` on its image, whose value differs from run to run.
pub fn is_of_build(name: &str) -> bool {
    is_reserved(name) || is_one_of(&PROVENANCE, name) || is_one_of(&[INPUTS_SHA256], name)
}

/// Whether promotions, withdrawals and copies write tag `name`.
pub fn is_of_release(name: &str) -> bool {
    let withdrawn = [
        WITHDRAWN_AT,
        WITHDRAWN_BY,
        WITHDRAWN_REASON,
        WITHDRAWN_END_OF_LIFE,
    ];
    is_one_of(&PROMOTED, name) || is_one_of(&withdrawn, name) || is_one_of(&[COPIED_FROM], name)
}

/// Whether the task writes tag `name` on image versions.
pub fn is_of_image(name: &str) -> bool {
    is_of_build(name) || is_of_release(name) || is_one_of(&[INVENTORY, INVENTORY_SHA256], name)
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|one| one.eq_ignore_ascii_case(name))
}

/// A moment as tags have it: `2026-11-28T18:02:11Z`.
pub fn moment(time: OffsetDateTime) -> String {
    let time = time.to_offset(UtcOffset::UTC);
    let time = time.replace_nanosecond(0).unwrap_or(time);
    time.format(&Rfc3339).unwrap_or_default()
}
