//! One known failure.

/// Where a failure shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FoundIn {
    /// In the answer to a request of this task, which the service connection made: the template itself was refused, or what is done with it.
    Request,
    /// In the template's provisioning error: the service, or the identity that it acts as, met it.
    Submission,
    /// In the message of a run.
    Run,
    /// In the log of a build.
    Log,
    /// While the image is distributed: in the message of a run.
    Distribution,
    /// While signing in.
    SignIn,
    /// While the template is removed.
    CleanUp,
    /// In the answer to the request for a VM that tests an image, or at the end of its creation.
    Machine,
}

impl FoundIn {
    /// The word for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Submission => "submission",
            Self::Run => "run",
            Self::Log => "log",
            Self::Distribution => "distribution",
            Self::SignIn => "sign-in",
            Self::CleanUp => "clean-up",
            Self::Machine => "VM of a test",
        }
    }
}

/// One known failure. In `cause` and `fix`, `$1` stands for what the first group of the pattern found, and `{...}` for the name of an input.
/// An entry fits only where each group that its texts name was found, so that no text has a hole: a text of Azure that names less wants an entry
/// of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// The stable code, `AIB024`.
    pub code: &'static str,
    /// Where it shows.
    pub places: &'static [FoundIn],
    /// How it reads: a regular expression over one line of the log, or over code and text of an answer. Letter case does not count.
    pub pattern: &'static str,
    /// The kind of step in which it counts, as Packer calls it; in each, if nothing is said.
    pub step: Option<&'static str>,
    /// What has to be in the same step of the log for the pattern to count.
    pub with: Option<&'static str>,
    /// What has to be in the log before, in whatever step, for the pattern to count.
    pub earlier: Option<&'static str>,
    /// How many lines of the log must fit.
    pub least: u64,
    /// How long, in seconds, lines of the log must fit.
    pub least_seconds: u64,
    /// Whether it counts only when no later line of the log fits this.
    pub unless_followed_by: Option<&'static str>,
    /// Whether a script may print the same without its being the cause, so that it counts outside of the steps only.
    pub outside_steps: bool,
    /// Why there is no image, as half a sentence.
    pub cause: &'static str,
    /// What to do about it.
    pub fix: &'static str,
    /// Whether the same build may well succeed when it is started again.
    pub retriable: bool,
    /// Whether something was not fetched that the VM needs: that says nothing of an image under test.
    pub unfetched: bool,
    /// Where Microsoft, or someone who met it, writes about it.
    pub source: &'static str,
}

/// What most entries have in common.
pub(super) const ENTRY: Entry = Entry {
    code: "",
    places: &[],
    pattern: "",
    step: None,
    with: None,
    earlier: None,
    least: 1,
    least_seconds: 0,
    unless_followed_by: None,
    outside_steps: false,
    cause: "",
    fix: "",
    retriable: false,
    unfetched: false,
    source: TROUBLESHOOTING,
};

pub(super) const TROUBLESHOOTING: &str =
    "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot";
pub(super) const TEMPLATE_REFERENCE: &str =
    "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json";
pub(super) const PERMISSIONS: &str =
    "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-permissions-cli";
pub(super) const NETWORKING: &str =
    "https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-networking";
pub(super) const GALLERY_TROUBLESHOOTING: &str =
    "https://learn.microsoft.com/azure/virtual-machines/troubleshooting-shared-images";
pub(super) const RELEASE_NOTES: &str =
    "https://learn.microsoft.com/azure/virtual-machines/image-builder-api-update-release-notes";
