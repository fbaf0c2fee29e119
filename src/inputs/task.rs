//! What a step is asked to do, and the inputs of it.

use std::path::Path;

use super::action::{ACTIONS, Action};
use super::existing_templates::{self, Existing, Follow, Sweep};
use super::fleet::{self, Fleet};
use super::image_test::{self, ImageTest};
use super::inventory::{self, Diff};
use super::manifest::{
    ACTION, ALL_INPUTS, FAIL_WHEN, GALLERY_IMAGE_ID, HOST_POOL_ID, IMAGE_VERSION_ID, Input,
    PACKAGE_PATH, REPORT_HOST_POOLS,
};
use super::plan::{self, Plan};
use super::problem::{Code, Problems, Warning, list};
use super::raw_inputs::RawInputs;
use super::reader::{AlreadyReported, Reader};
use super::release::{self, Release};
use super::retain::{self, Retain};
use super::rollout::{self, Rollout};
use super::spelling::{nearest, tidy};
use crate::secret::Masker;

/// What a step is asked to do, with everything that it needs.
#[derive(Debug)]
pub enum Task {
    /// Build the image, and wait for it.
    Build(Box<Plan>),
    /// Start a build, and end.
    Submit(Box<Plan>),
    /// Follow a run, which is started first where that is asked for.
    Follow(Box<Follow>),
    /// Show the template that would be sent.
    Render(Box<Plan>),
    /// Check everything that an action needs.
    Doctor(Examined),
    /// Promote an image version, or withdraw it.
    Release(Box<Release>),
    /// Keep the right versions of an image definition, and delete the others.
    Retain(Box<Retain>),
    /// Look at a run once.
    Status(Box<Existing>),
    /// Cancel a run, and clean up.
    Cancel(Box<Existing>),
    /// Delete what dead jobs left.
    Sweep(Box<Sweep>),
    /// Boot an image version, and run checks in it.
    Test(Box<ImageTest>),
    /// Compare the contents of two image versions.
    Diff(Box<Diff>),
    /// Make a host pool serve an image version.
    Rollout(Box<Rollout>),
    /// Say which hosts and VMs run which version.
    Report(Box<Fleet>),
}

/// The action whose needs the doctor checks.
#[derive(Debug)]
pub enum Examined {
    /// A build.
    Build(Box<Plan>),
    /// Promoting or withdrawing an image version.
    Release(Box<Release>),
    /// Keeping the right versions of an image definition.
    Retain(Box<Retain>),
    /// The test of an image version.
    Test(Box<ImageTest>),
    /// A roll-out to a host pool.
    Rollout(Box<Rollout>),
    /// A report of which hosts and VMs run which version.
    Report(Box<Fleet>),
}

impl Task {
    /// The build that is to be done, shown or checked.
    pub fn plan(self) -> Option<Plan> {
        match self {
            Self::Build(plan)
            | Self::Submit(plan)
            | Self::Render(plan)
            | Self::Doctor(Examined::Build(plan)) => Some(*plan),
            Self::Follow(_)
            | Self::Release(_)
            | Self::Retain(_)
            | Self::Status(_)
            | Self::Cancel(_)
            | Self::Sweep(_)
            | Self::Test(_)
            | Self::Diff(_)
            | Self::Rollout(_)
            | Self::Report(_)
            | Self::Doctor(_) => None,
        }
    }

    fn warnings(&mut self) -> &mut Vec<Warning> {
        match self {
            Self::Build(plan) | Self::Submit(plan) | Self::Render(plan) => &mut plan.warnings,
            Self::Doctor(examined) => examined.warnings(),
            Self::Follow(follow) => &mut follow.warnings,
            Self::Release(release) => &mut release.warnings,
            Self::Retain(retain) => &mut retain.warnings,
            Self::Status(existing) | Self::Cancel(existing) => &mut existing.warnings,
            Self::Sweep(sweep) => &mut sweep.warnings,
            Self::Test(test) => &mut test.warnings,
            Self::Diff(diff) => &mut diff.warnings,
            Self::Rollout(rollout) => &mut rollout.warnings,
            Self::Report(fleet) => &mut fleet.warnings,
        }
    }
}

impl Examined {
    fn warnings(&mut self) -> &mut Vec<Warning> {
        match self {
            Self::Build(plan) => &mut plan.warnings,
            Self::Release(release) => &mut release.warnings,
            Self::Retain(retain) => &mut retain.warnings,
            Self::Test(test) => &mut test.warnings,
            Self::Rollout(rollout) => &mut rollout.warnings,
            Self::Report(fleet) => &mut fleet.warnings,
        }
    }
}

/// Understands what a job gives, or says everything that is wrong with it. Secrets are announced to `masker` before they go anywhere.
/// The warnings come with the task.
pub fn task(given: &RawInputs, masker: &dyn Masker) -> Result<Task, Problems> {
    let mut reader = Reader::new(given);
    let read = read(&mut reader, masker);
    let (mut task, warnings) = reader.finish(read)?;
    *task.warnings() = warnings;
    Ok(task)
}

fn read(reader: &mut Reader<'_>, masker: &dyn Masker) -> Result<Task, AlreadyReported> {
    reader.warn_of_undeclared();
    let action = match read_action(reader) {
        Ok(action) => action,
        Err(reported) => {
            // All problems are reported at once. An input that only a build needs is missing only if this is one.
            if is_nearly_a_build(reader) {
                drop(plan::read(reader, masker));
            } else {
                drop(reader.as_far_as_given(|it| plan::read(it, masker)));
            }
            return Err(reported);
        }
    };
    match action {
        Action::Render => Ok(Task::Render(plan::read(reader, masker)?)),
        Action::Doctor => Ok(Task::Doctor(read_for_doctor(reader, masker)?)),
        Action::Promote => Ok(Task::Release(Box::new(release::promotion(reader, masker)?))),
        Action::Withdraw => Ok(Task::Release(Box::new(release::withdrawal(
            reader, masker,
        )?))),
        Action::Retain => Ok(Task::Retain(Box::new(retain::read(reader, masker)?))),
        Action::Submit => {
            let mut plan = plan::read(reader, masker)?;
            plan.submits = true;
            Ok(Task::Submit(plan))
        }
        Action::Wait | Action::Run => Ok(Task::Follow(existing_templates::read_follow(
            reader, masker, action,
        )?)),
        Action::Status => Ok(Task::Status(Box::new(existing_templates::read_existing(
            reader, masker, action,
        )?))),
        Action::Cancel => Ok(Task::Cancel(Box::new(existing_templates::read_existing(
            reader, masker, action,
        )?))),
        Action::Sweep => Ok(Task::Sweep(Box::new(existing_templates::read_sweep(
            reader, masker,
        )?))),
        Action::Test => Ok(Task::Test(Box::new(image_test::read(reader, masker)?))),
        Action::Diff => Ok(Task::Diff(Box::new(inventory::read_diff(reader, masker)?))),
        Action::Rollout => Ok(Task::Rollout(Box::new(rollout::read(reader, masker)?))),
        Action::Report => Ok(Task::Report(Box::new(fleet::read(reader, masker)?))),
        Action::Build => Ok(Task::Build(plan::read(reader, masker)?)),
    }
}

/// What the doctor checks: what the action needs whose inputs these are.
fn read_for_doctor(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Examined, AlreadyReported> {
    Ok(match examined(reader) {
        Action::Promote => Examined::Release(Box::new(release::promotion(reader, masker)?)),
        Action::Withdraw => Examined::Release(Box::new(release::withdrawal(reader, masker)?)),
        Action::Retain => Examined::Retain(Box::new(retain::read(reader, masker)?)),
        Action::Test => Examined::Test(Box::new(image_test::read(reader, masker)?)),
        Action::Rollout => Examined::Rollout(Box::new(rollout::read(reader, masker)?)),
        Action::Report => Examined::Report(Box::new(fleet::read(reader, masker)?)),
        _ => Examined::Build(plan::read(reader, masker)?),
    })
}

/// The action of the step.
fn read_action(reader: &mut Reader<'_>) -> Result<Action, AlreadyReported> {
    let action = reader.choice_or_default(&ACTION, ACTIONS)?;
    let action = action.unwrap_or_default();
    warn_of_unused(reader, action);
    Ok(action)
}

/// The action whose needs the doctor checks: the one that uses all inputs that are set, otherwise a build.
fn examined(reader: &Reader<'_>) -> Action {
    let fits = |action: Action| {
        let mut given = ALL_INPUTS
            .iter()
            .filter(|input| reader.is_set(input) && !is_left_out_by_the_agent(reader, input));
        given.all(|input| action.uses(input))
    };
    if reader.is_set(&HOST_POOL_ID) && fits(Action::Rollout) {
        return Action::Rollout;
    }
    if reader.is_set(&IMAGE_VERSION_ID) {
        let of_versions = [Action::Promote, Action::Withdraw].into_iter();
        if let Some(action) = of_versions.into_iter().find(|action| fits(*action)) {
            return action;
        }
        if fits(Action::Test) {
            return Action::Test;
        }
    }
    let of_reports = [&REPORT_HOST_POOLS, &FAIL_WHEN];
    if of_reports.iter().any(|input| reader.is_set(input)) && fits(Action::Report) {
        return Action::Report;
    }
    if reader.is_set(&GALLERY_IMAGE_ID) && fits(Action::Retain) {
        return Action::Retain;
    }
    Action::Build
}

/// Whether an unknown action is most likely a build with a typing error, or no action at all.
fn is_nearly_a_build(reader: &Reader<'_>) -> bool {
    let names = ACTIONS.iter().map(|(name, _)| *name);
    let near = nearest(tidy(reader.raw(&ACTION)), names);
    let near = near.and_then(|near| ACTIONS.iter().find(|(name, _)| *name == near));
    near.is_none_or(|(_, action)| action.composes_a_template())
}

/// An author who gives an input expects that it does something.
fn warn_of_unused(reader: &mut Reader<'_>, action: Action) {
    let unused = ALL_INPUTS.iter().filter(|input| {
        !action.uses(input) && reader.is_set(input) && !is_left_out_by_the_agent(reader, input)
    });
    // The inputs by the actions that use them.
    let mut unused_of: Vec<(String, Vec<&str>)> = Vec::new();
    for input in unused {
        let using = ACTIONS
            .iter()
            .filter(|(_, other)| *other != Action::Doctor && other.uses(input));
        let using: Vec<&str> = using.map(|(name, _)| *name).collect();
        let using = using.join(", ");
        match unused_of.iter_mut().find(|(known, _)| *known == using) {
            Some((_, names)) => names.push(input.name),
            None => unused_of.push((using, vec![input.name])),
        }
    }
    let (text, hint) = match unused_of.as_slice() {
        [] => return,
        [(using, names)] if names.len() == 1 => {
            let name = list(names);
            (
                format!(
                    "Input {name}: it has no effect with action '{}'",
                    action.name()
                ),
                format!("remove {name}; it is an input of {using}"),
            )
        }
        several => {
            let names = several.iter().flat_map(|(_, names)| names);
            let inputs = several.iter().map(|(using, names)| {
                let are = if names.len() == 1 {
                    "is an input"
                } else {
                    "are inputs"
                };
                format!("{} {are} of {using}", list(names))
            });
            (
                format!(
                    "These inputs have no effect with action '{}': {}",
                    action.name(),
                    list(names)
                ),
                format!("remove them; {}", inputs.collect::<Vec<_>>().join("; ")),
            )
        }
    };
    reader.warn(Code::Contradiction, text, Some(hint));
}

/// The agent makes the sources folder of an empty input of type `filePath`.
fn is_left_out_by_the_agent(reader: &Reader<'_>, input: &Input) -> bool {
    if *input != PACKAGE_PATH {
        return false;
    }
    let sources = reader.raw_inputs().sources_directory.as_ref();
    let text = tidy(reader.raw(input));
    sources.is_some_and(|sources| Path::new(text) == sources.as_path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::manifest::VM_SIZE;

    fn warnings(inputs: &[(&str, &str)]) -> Vec<String> {
        let inputs = inputs.iter();
        let given = RawInputs {
            inputs: inputs
                .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
                .collect(),
            sources_directory: Some("/agent/1/s".into()),
            ..RawInputs::default()
        };
        let mut reader = Reader::new(&given);
        let action = read_action(&mut reader);
        let (_, warnings) = reader.finish(action).unwrap();
        warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn inputs_of_other_actions_are_warned_of() {
        let none: [&str; 0] = [];
        assert_eq!(warnings(&[("vmSize", "Standard_D2s_v5")]), none);
        assert_eq!(
            warnings(&[("action", "wait"), ("vmSize", VM_SIZE.default)]),
            none
        );
        assert_eq!(
            warnings(&[("action", "wait"), ("packagePath", "/agent/1/s")]),
            none
        );
        assert_eq!(
            warnings(&[("action", "wait"), ("vmSize", "Standard_D2s_v5")]),
            ["Input 'vmSize': it has no effect with action 'wait'"]
        );
        assert_eq!(
            warnings(&[("action", "submit"), ("onCancel", "leave")]),
            ["Input 'onCancel': it has no effect with action 'submit'"]
        );
        assert_eq!(
            warnings(&[("action", "sweep"), ("storageAccountName", "stimages")]),
            none
        );
        assert_eq!(
            warnings(&[("action", "withdraw"), ("requireTags", "a=b")]),
            ["Input 'requireTags': it has no effect with action 'withdraw'"]
        );
        assert_eq!(
            warnings(&[("action", "doctor"), ("requireTags", "a=b")]),
            none
        );
        assert_eq!(
            warnings(&[("keepVersions", "3")]),
            ["Input 'keepVersions': it has no effect with action 'build'"]
        );
        assert_eq!(
            warnings(&[
                ("keepVersions", "3"),
                ("promoteTo", "/x"),
                ("keepDays", "3")
            ]),
            [
                "These inputs have no effect with action 'build': 'promoteTo', 'keepVersions', 'keepDays'"
            ]
        );
    }

    #[test]
    fn the_doctor_looks_at_the_action_that_the_inputs_fit() {
        let of = |inputs: &[(&str, &str)]| {
            let inputs = inputs.iter();
            let given = RawInputs {
                inputs: inputs
                    .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
                    .collect(),
                ..RawInputs::default()
            };
            examined(&Reader::new(&given))
        };
        let definition = ("galleryImageId", "/subscriptions/s");
        assert_eq!(of(&[definition, ("keepDays", "3")]), Action::Retain);
        assert_eq!(
            of(&[definition, ("vmSize", VM_SIZE.default)]),
            Action::Retain
        );
        assert_eq!(of(&[definition, ("managedIdentity", "/x")]), Action::Build);
        assert_eq!(of(&[("keepDays", "3")]), Action::Build);
        assert_eq!(of(&[]), Action::Build);
    }
}
