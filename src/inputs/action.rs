//! What a step is asked to do.

use super::manifest::{Input, PREVIEW};

/// What a step does.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Action {
    /// Build the image, and wait for it.
    #[default]
    Build,
    /// Start a build, and end.
    Submit,
    /// Follow a run until its end, and collect the image.
    Wait,
    /// Start the run of a template that exists, then as [`Action::Wait`].
    Run,
    /// Look at a run once.
    Status,
    /// Cancel a run, and clean up.
    Cancel,
    /// Delete what dead jobs left.
    Sweep,
    /// Make an image version count as latest.
    Promote,
    /// Make an image version count no longer.
    Withdraw,
    /// Delete old image versions.
    Retain,
    /// Boot an image version, and run checks in it.
    Test,
    /// Compare the contents of two image versions.
    Diff,
    /// Make a host pool serve an image version.
    Rollout,
    /// Say which hosts and VMs run which version.
    Report,
    /// Show the template that would be sent.
    Render,
    /// Check everything that an action needs.
    Doctor,
}

/// Every action by the name that authors write.
pub const ACTIONS: &[(&str, Action)] = &[
    ("build", Action::Build),
    ("submit", Action::Submit),
    ("wait", Action::Wait),
    ("run", Action::Run),
    ("status", Action::Status),
    ("cancel", Action::Cancel),
    ("sweep", Action::Sweep),
    ("promote", Action::Promote),
    ("withdraw", Action::Withdraw),
    ("retain", Action::Retain),
    ("test", Action::Test),
    ("diff", Action::Diff),
    ("rollout", Action::Rollout),
    ("report", Action::Report),
    ("render", Action::Render),
    ("doctor", Action::Doctor),
];

impl Action {
    /// The name that authors write.
    pub fn name(self) -> &'static str {
        let mut all = ACTIONS.iter();
        all.find(|(_, action)| *action == self)
            .map_or("", |(name, _)| name)
    }

    /// Whether the inputs are those of a build, whatever becomes of it.
    pub fn composes_a_template(self) -> bool {
        matches!(
            self,
            Self::Build | Self::Submit | Self::Render | Self::Doctor
        )
    }

    /// Whether `input` has an effect with this action.
    pub fn uses(self, input: &Input) -> bool {
        // In the form, `retainPreview` stands for it.
        let is_hidden = self == Self::Retain && *input == PREVIEW;
        is_hidden || input.actions.contains(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::manifest::{ACTION, ALL_INPUTS};

    #[test]
    fn every_action_is_offered_by_the_form() {
        let names: Vec<&str> = ACTIONS.iter().map(|(name, _)| *name).collect();
        let mut options = ACTION.options.to_vec();
        options.sort_unstable();
        let mut sorted = names.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, options);
        for (name, action) in ACTIONS {
            assert_eq!(action.name(), *name);
        }
    }

    #[test]
    fn every_input_has_an_action() {
        for input in ALL_INPUTS {
            let mut actions = ACTIONS
                .iter()
                .filter(|(_, action)| *action != Action::Doctor);
            assert!(
                actions.any(|(_, action)| action.uses(input)),
                "{}",
                input.name
            );
        }
    }
}
