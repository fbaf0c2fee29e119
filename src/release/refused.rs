//! Why a version is not promoted or not withdrawn, as data: what is wrong, and the next action.

use crate::resource::tag::MOST_TAGS;
use std::fmt;
use std::time::Duration;

use crate::arm::Failure;
use crate::arm::gallery::SoftDeleted;
use crate::inputs::manifest::{
    END_OF_LIFE_IN_DAYS, IMAGE_VERSION_ID, PROMOTE_TO, RELEASE_REGIONS, REPLICATION_MODE,
    REQUIRE_TAGS, TARGET_REGIONS, WITHDRAW_LAST,
};
use crate::inputs::{Action, Code};
use crate::resource::{ResourceId, definition_options, quoted};
use crate::wording::duration;

/// What is done with a version that is not changed.
pub const ROLLING_OUT: &str = "Rolling out";
/// Why it came to nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum NotReleased {
    /// Azure refused a request, or could not be reached.
    Azure(Failure),
    /// A rule of this task forbids it.
    Refused(Box<Refused>),
}

impl From<Failure> for NotReleased {
    fn from(failure: Failure) -> Self {
        Self::Azure(failure)
    }
}

impl From<Refused> for NotReleased {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

/// Why it is refused, and for which version.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// `Promoting`, `Withdrawing` or `Rolling out`.
    pub doing: &'static str,
    /// The version, or the copy of it.
    pub version: ResourceId,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with a version, or with what is asked for.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// There is no such version.
    Missing {
        /// The region of its image definition, where that is there.
        location: Option<String>,
        /// Until when it can be restored, if it was deleted softly.
        soft_deleted: Option<SoftDeleted>,
    },
    /// It is being deleted.
    Deleting,
    /// It is in state `Failed`.
    Failed,
    /// It lacks tags: name, wanted value, and the value that it has.
    Tags(Vec<(String, String, Option<String>)>),
    /// It has no replica in these regions, but in those.
    NoReplica {
        /// Where it is to count.
        regions: Vec<String>,
        /// Where it is.
        replicas: Vec<String>,
        /// Whether regions can be added.
        can_be_added: bool,
    },
    /// The other image definition is not there; the command makes it.
    NoDefinition {
        /// Makes one that fits.
        command: String,
    },
    /// The other image definition is for other images: what, here, there.
    OtherDefinition(Vec<(&'static str, String, String)>),
    /// The number is taken there.
    Taken {
        /// What is known of the version that has it: `it is in state Deleting`.
        what: String,
    },
    /// The number is that of a version that was deleted softly.
    SoftDeleted {
        /// Which one.
        deleted: SoftDeleted,
        /// The region of its gallery.
        location: String,
    },
    /// An old image came back under the number.
    CameBack {
        /// What shows it.
        what: String,
    },
    /// No version would be left in these regions.
    NothingLeft(Vec<String>),
    /// The service connection lacks a permission.
    Forbidden(Box<Failure>),
    /// There is no end of life until which deletion can be blocked.
    NoEndOfLife,
    /// It would have more tags than Azure permits.
    TooManyTags(usize),
    /// The change began and ended badly.
    Ended {
        /// Azure's code.
        code: String,
        /// Azure's text.
        message: String,
        /// Whether it is a version without replicas elsewhere, which got some.
        shallow: bool,
    },
    /// It was still in this state when the time was over.
    Late {
        /// Azure's word.
        state: String,
        /// How long it was waited for.
        limit: Duration,
    },
}

impl Refused {
    /// The stable code, where there is one of its own; else what Azure says decides.
    pub fn code(&self) -> Option<&'static str> {
        Some(match &self.why {
            Why::Missing { .. } | Why::Deleting => "AIB821",
            Why::Failed => "AIB822",
            Why::Tags(_) => "AIB823",
            Why::NoReplica { .. } => "AIB824",
            Why::NoDefinition { .. } | Why::OtherDefinition(_) => "AIB826",
            Why::Taken { .. } | Why::SoftDeleted { .. } | Why::CameBack { .. } => "AIB827",
            Why::NothingLeft(_) => "AIB828",
            Why::NoEndOfLife | Why::TooManyTags(_) => Code::Malformed.as_str(),
            Why::Forbidden(_) => "AIB005",
            Why::Late { .. } => "AIB403",
            Why::Ended { .. } => return None,
        })
    }

    /// What to do next.
    pub fn hint(&self) -> Option<String> {
        let hint = self.hint_for_version();
        let hint = hint.or_else(|| self.hint_for_target());
        hint.or_else(|| self.hint_for_change())
    }

    /// The version that is named.
    fn hint_for_version(&self) -> Option<String> {
        let version = &self.version;
        Some(match &self.why {
            Why::Missing {
                location,
                soft_deleted: Some(_),
            } => format!("restore it: {}", restoration(version, location.as_deref())),
            Why::Missing { .. } => format!(
                "check input '{}'; to list the versions that exist: {}",
                IMAGE_VERSION_ID.name,
                listing(version)
            ),
            Why::Deleting => {
                "use another version; the activity log of its resource group shows who deletes it"
                    .to_owned()
            }
            Why::Failed => format!(
                "delete it, and build the image or copy it again: {}",
                deletion(version)
            ),
            Why::Tags(missing) => {
                let tags: Vec<_> = missing
                    .iter()
                    .map(|(name, value, _)| quoted(&format!("tags.{name}={value}")))
                    .collect();
                format!(
                    "{} a version that has the tags, or correct input '{}'; to set them by hand: az sig image-version update --ids {} --set {}",
                    if self.doing == ROLLING_OUT {
                        "roll out"
                    } else {
                        "promote"
                    },
                    REQUIRE_TAGS.name,
                    quoted(version.as_str()),
                    tags.join(" ")
                )
            }
            Why::NoReplica {
                regions,
                replicas,
                can_be_added,
            } => {
                let correct = format!(
                    "correct input '{}' (replicas are in {})",
                    RELEASE_REGIONS.name,
                    list(replicas)
                );
                if *can_be_added {
                    let added = regions.join(", ");
                    format!(
                        "{correct}, or add the region: '{}: {added}'",
                        TARGET_REGIONS.name
                    )
                } else {
                    correct
                }
            }
            _ => return None,
        })
    }

    /// The definition of a copy, and the number in it.
    fn hint_for_target(&self) -> Option<String> {
        let version = &self.version;
        Some(match &self.why {
            Why::NoDefinition { command } => format!(
                "check the spelling in input '{}'; to create the image definition: {command}",
                PROMOTE_TO.name
            ),
            Why::OtherDefinition(_) => format!(
                "name an image definition of the same kind in input '{}', or create one",
                PROMOTE_TO.name
            ),
            Why::Taken { .. } => format!(
                "if it is the image that is meant: '{}: {version}', without '{}'; else build the image with another number",
                IMAGE_VERSION_ID.name, PROMOTE_TO.name
            ),
            Why::SoftDeleted { location, .. } => format!(
                "build the image with another number; or, if the deleted image is the one that is meant: {}",
                restoration(version, Some(location))
            ),
            Why::CameBack { .. } => format!("delete it: {}", deletion(version)),
            _ => return None,
        })
    }

    /// What is asked for, and what becomes of it.
    fn hint_for_change(&self) -> Option<String> {
        let version = &self.version;
        Some(match &self.why {
            Why::NothingLeft(_) => format!(
                "promote another version first (action: {}), or set '{}: true'",
                Action::Promote.name(),
                WITHDRAW_LAST.name
            ),
            Why::Forbidden(failure) => permission(version, failure),
            Why::NoEndOfLife => format!("set '{}'", END_OF_LIFE_IN_DAYS.name),
            Why::TooManyTags(_) => format!(
                "remove tags; to show them: az sig image-version show --ids {} --query tags",
                quoted(version.as_str())
            ),
            Why::Late { .. } => {
                "the change continues in Azure: run the step again when it has ended".to_owned()
            }
            Why::Ended { shallow: true, .. } => format!(
                "the version has no full copy: build it again with '{}: Full'",
                REPLICATION_MODE.name
            ),
            Why::Ended { .. } => format!(
                "run the step again; to show the version: az sig image-version show --ids {} --expand ReplicationStatus",
                quoted(version.as_str())
            ),
            _ => return None,
        })
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Why::Forbidden(failure) = &self.why {
            return write!(f, "{failure}");
        }
        write!(
            f,
            "{} {} failed: {}",
            self.doing,
            display_name(&self.version),
            self.why
        )
    }
}

impl std::error::Error for Refused {}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing {
                soft_deleted: None, ..
            } => f.write_str("it does not exist"),
            Self::Missing {
                soft_deleted: Some(deleted),
                ..
            } => write!(f, "it was deleted, and can be restored{}", until(deleted)),
            Self::Deleting => f.write_str("it is being deleted"),
            Self::Failed => f.write_str(
                "it is in state Failed, so it may be incomplete, and no VM starts from it",
            ),
            Self::Tags(missing) => {
                write!(f, "a required tag is missing: {}", missing_tags(missing))
            }
            Self::NoReplica { regions, .. } => {
                write!(f, "it has no replica in {}", list(regions))
            }
            Self::NoDefinition { .. } => f.write_str("the image definition does not exist"),
            Self::OtherDefinition(different) => write!(
                f,
                "the image definition is for other images: {}",
                differences(different)
            ),
            Self::Taken { what } => write!(f, "the number is taken there: {what}"),
            Self::SoftDeleted { deleted, .. } => write!(
                f,
                "a version of this number was deleted, and can be restored{}: the old image would come back",
                until(deleted)
            ),
            Self::CameBack { what } => {
                write!(f, "an old image came back under the number: {what}")
            }
            Self::NothingLeft(regions) => {
                write!(f, "{} would have no latest version", list(regions))
            }
            Self::Forbidden(failure) => write!(f, "{failure}"),
            Self::NoEndOfLife => f.write_str(
                "deletion is to be blocked until the end of life, and there is no end of life",
            ),
            Self::TooManyTags(count) => {
                write!(
                    f,
                    "it would have {count} tags, and Azure permits {MOST_TAGS}"
                )
            }
            Self::Ended { code, message, .. } => f.write_str(&ended(code, message)),
            Self::Late { state, limit } => {
                write!(f, "it is still in state {state} after {}", duration(*limit))
            }
        }
    }
}

fn missing_tags(missing: &[(String, String, Option<String>)]) -> String {
    let parts = missing.iter().map(|(name, wanted, found)| match found {
        Some(found) => format!("{name}={wanted} (it has '{found}')"),
        None => format!("{name}={wanted} (it has no such tag)"),
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn differences(different: &[(&'static str, String, String)]) -> String {
    let parts = different.iter().map(|(what, source, target)| {
        format!("its {what} is {target}, and that of the version is {source}")
    });
    parts.collect::<Vec<_>>().join("; ")
}

fn ended(code: &str, message: &str) -> String {
    match (code, message) {
        ("", "") => "Azure started the change, and gave no reason why it failed".to_owned(),
        ("", message) => format!("Azure started the change, and then: {message}"),
        (code, message) => format!("Azure started the change, and then: {code}: {message}"),
    }
}

/// `image version 1.0.3 of 'win11' in gallery 'gal'`.
pub fn display_name(version: &ResourceId) -> String {
    format!(
        "image version {} of '{}' in gallery '{}'",
        version.name(),
        version.name_at(1).unwrap_or_default(),
        version.name_at(0).unwrap_or_default()
    )
}

fn until(deleted: &SoftDeleted) -> String {
    let date = deleted.until.as_ref();
    date.map(|date| format!(" until {date}"))
        .unwrap_or_default()
}

fn list(regions: &[String]) -> String {
    if regions.is_empty() {
        "no region".to_owned()
    } else {
        regions.join(", ")
    }
}

/// The built-in role that has all permissions for it
/// (<https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/compute#compute-gallery-artifacts-publisher>).
const PUBLISHER: &str = "Compute Gallery Artifacts Publisher";

/// How to give the role. Azure says whom it refused.
fn permission(version: &ResourceId, failure: &Failure) -> String {
    let message = failure.refusal().map_or("", |refusal| &refusal.message);
    let named = message
        .split_once("object id '")
        .and_then(|(_, rest)| rest.split_once('\''));
    let plain = |id: &&str| id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let principal = named.map(|(id, _)| id).filter(plain);
    let principal = principal.unwrap_or("<service connection's principal>");
    let definition = version.parent();
    role_assignment(definition.as_ref().unwrap_or(version), principal)
}

/// How to give the role on the gallery of a definition.
pub(super) fn role_assignment(definition: &ResourceId, principal: &str) -> String {
    let gallery = definition.parent();
    let scope = quoted(gallery.as_ref().unwrap_or(definition).as_str());
    format!(
        "give the service connection's principal the role '{PUBLISHER}' on the gallery: az role assignment create --assignee {principal} --role '{PUBLISHER}' --scope {scope} (or the role 'Image Builder Task release' of the samples); a new role assignment takes up to 10 minutes to take effect"
    )
}

fn listing(version: &ResourceId) -> String {
    format!(
        "az sig image-version list {} --output table",
        definition_options(version)
    )
}

/// The command that deletes a version.
pub fn deletion(version: &ResourceId) -> String {
    format!(
        "az sig image-version delete {} --gallery-image-version {}",
        definition_options(version),
        version.name()
    )
}

/// <https://learn.microsoft.com/powershell/module/az.compute/restore-azgalleryimageversion>
fn restoration(version: &ResourceId, location: Option<&str>) -> String {
    format!(
        "Restore-AzGalleryImageVersion -ResourceGroupName {} -GalleryName {} -GalleryImageDefinitionName {} -Name {} -Location {}",
        quoted(version.resource_group()),
        version.name_at(0).unwrap_or_default(),
        version.name_at(1).unwrap_or_default(),
        version.name(),
        location.unwrap_or("<region of the gallery>")
    )
}
