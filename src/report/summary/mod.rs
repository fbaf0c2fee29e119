//! The summary on the page of the run: Markdown that people read instead of the log.

pub(super) mod image;
pub(super) mod markup;

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;

use super::diff::{self, About};
use super::follow;
use super::outcome::{hint_of, in_words, missing, not_there};
use super::subject::Subject;
use super::timeline::Phase;
use crate::check::Finding;
use crate::diagnosis::Explanation;
use crate::error::{Error, PARTLY, duration};
use crate::inputs::Action;
use crate::inputs::declared::{ACTION, IB_AZURE_RESOURCE_GROUP, TEMPLATE_NAME};
use crate::log::Step;
use crate::resource::{ResourceId, definition_options, quoted};
use crate::run::leftover::NotRemoved;
use crate::run::{Distribution, Image, Outcome, Output, Success};
use crate::template::model::Distributor;
use image::{portal, success};
use markup::{code, commented, escaped, fenced, table, with_commands};

/// Everything that a summary tells.
pub(super) struct Told<'a> {
    pub(super) subject: &'a Subject<'a>,
    pub(super) outcome: &'a Outcome,
    pub(super) phases: &'a [Phase],
    pub(super) steps: &'a [(String, Step)],
    /// What the targets got.
    pub(super) outputs: &'a [Output],
    /// How long it took, where that is known.
    pub(super) took: Option<Duration>,
    /// What was found before the build, which went on.
    pub(super) suspected: &'a [Finding],
    /// Name of the file with the log of the build, which is attached to those of the pipeline run.
    pub(super) log: Option<String>,
    /// Id of a template that was there.
    pub(super) template: Option<String>,
    /// Where the agent has checked out the repository.
    pub(super) sources: Option<&'a Path>,
}

impl Told<'_> {
    /// The row about the build's log.
    fn log_row(&self) -> Option<(&'static str, String)> {
        let name = self.log.as_ref()?;
        let text = format!("{}, attached to the logs of the pipeline run", code(name));
        Some(("Build log", text))
    }

    /// What the build is for: the image definition, or the managed image.
    fn target(&self) -> Option<String> {
        let first = self.subject.plan?.properties.targets().first()?;
        let id = match first {
            Distributor::SharedImage(it) => it.image()?.0,
            Distributor::ManagedImage(it) => it.image_id.parse().ok()?,
            Distributor::Vhd(_) | Distributor::Unknown(_) => return None,
        };
        Some(id.name().to_owned())
    }
}

/// Cells of the longest bar.
const WIDTH: u128 = 24;

/// The summary; `None` for a canceled build, which has nothing to tell and no time.
pub(super) fn markdown(told: &Told<'_>) -> Option<String> {
    let mut text = match &told.outcome.result {
        Ok(Success::Image(image)) => success(told, image),
        Ok(Success::RunContinues { deadline }) => {
            goes_on(told, "Image is being built", &until(*deadline))
        }
        Ok(Success::NotReady { error, .. }) => {
            goes_on(told, "Image is not ready yet", &format!("{error}."))
        }
        Ok(Success::TestRun(_)) | Err(Error::Canceled) => return None,
        Err(error) => failure(told, error),
    };
    text.push_str(&targets(told));
    let image = told.outcome.image();
    if let Some(compared) = image.and_then(|image| image.compared.as_ref()) {
        text.push_str(&diff::section(compared, About::OwnImage));
    }
    let failed = match &told.outcome.result {
        Ok(_) | Err(Error::NotReady { .. }) => false,
        Err(_) => true,
    };
    text.push_str(&course(told.phases, failed));
    text.push_str(&customizers(told));
    text.push_str(&warnings(told));
    text.push_str(&next_commands(told));
    Some(text)
}

/// Which target has its image; of a build that succeeded only where there are several.
fn targets(told: &Told<'_>) -> String {
    let plain = |image: &Image| image.caveat.is_none();
    let one_is_enough = told.outcome.image().is_some_and(plain);
    if told.outputs.len() < 2 && one_is_enough || told.outputs.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n### Targets\n\n| target | image | regions |\n|---|---|---|\n");
    for Output { target, uri } in told.outputs {
        let id = uri.as_ref().and_then(|uri| uri.parse::<ResourceId>().ok());
        let image = match (uri, &id) {
            (Some(_), Some(id)) if target.is_gallery() => format!("version {}", code(id.name())),
            (Some(_), Some(_)) => "built".to_owned(),
            (Some(uri), None) => code(uri),
            (None, _) => "**no image**".to_owned(),
        };
        let regions: Vec<_> = target.regions.iter().map(|region| code(region)).collect();
        let regions = regions.join(", ");
        writeln!(
            text,
            "| {} | {image} | {regions} |",
            escaped(&target.called())
        )
        .ok();
    }
    text
}

/// What the service does without this job.
fn until(deadline: Option<OffsetDateTime>) -> String {
    let deadline = deadline.and_then(follow::minute);
    let until = deadline.map(|it| format!(" It ends at {it} at the latest."));
    format!(
        "The build continues in Azure without this job.{}",
        until.unwrap_or_default()
    )
}

/// A run that goes on.
fn goes_on(told: &Told<'_>, title: &str, sentence: &str) -> String {
    let Subject {
        name,
        group,
        connection,
        ..
    } = told.subject;
    let of_what = told
        .target()
        .map(|target| format!(": {}", escaped(&target)));
    let mut rows = vec![
        ("Image template", code(name)),
        ("Resource group", code(group)),
    ];
    let id = told.template.as_deref();
    let id = id.or(told.subject.plan.map(|plan| plan.template_id.as_str()));
    if let Some(page) = id.and_then(|id| portal(connection, id)) {
        rows.push(("Portal", format!("[open the image template](<{page}>)")));
    }
    let inputs = [
        (ACTION.name, Action::Wait.name()),
        (IB_AZURE_RESOURCE_GROUP.name, group),
        (TEMPLATE_NAME.name, name),
    ];
    let inputs: Vec<_> = inputs
        .map(|(name, value)| format!("{name}: {value}"))
        .into();
    format!(
        "## ⏳ {title}{}\n\n{}\n\n{}\n### Next\n\nA step with these inputs collects the image:\n\n{}",
        of_what.unwrap_or_default(),
        escaped(sentence),
        table(&rows),
        fenced("yaml", &inputs.join("\n"))
    )
}

/// What did not come about.
fn title(told: &Told<'_>, error: &Error) -> String {
    let what = match error {
        _ if !told.outputs.is_empty() => {
            return "Image build failed, but some targets have an image".to_owned();
        }
        Error::Preflight(_) => "Image build was not started",
        Error::NotReady { .. } => "Image is not ready yet",
        Error::NoTemplate { .. }
        | Error::SeveralTemplates { .. }
        | Error::SeveralImages { .. }
        | Error::NotOurs { .. }
        | Error::NeverRun { .. }
        | Error::NoImageNamed { .. } => "No image",
        _ => "Image build failed",
    };
    let target = told.target();
    let target = target.map(|target| format!(": {}", escaped(&target)));
    what.to_owned() + target.as_deref().unwrap_or_default()
}

fn failure(told: &Told<'_>, error: &Error) -> String {
    let mut text = format!("## ❌ {}\n", title(told, error));
    if let Error::Preflight(findings) = error {
        for finding in findings {
            let code = finding.code().unwrap_or_default();
            text.push_str(&cause(code, &finding.to_string(), finding.fix.as_deref()));
        }
    } else {
        let hint = hint_of(told.subject, told.outcome, error);
        text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
    }
    if let Error::Run { explanation, .. } = error {
        if let Some(script) = &explanation.script {
            // As the repository has it: the folder of the agent is nowhere else.
            let file = told
                .sources
                .and_then(|it| script.file.strip_prefix(it).ok());
            let file = file.unwrap_or(&script.file).display().to_string();
            let file = file.replace('\\', "/");
            writeln!(text, "\n**Where:** {}, line {}", code(&file), script.line).ok();
        }
        text.push_str(&evidence(explanation));
    }
    let after = match error {
        Error::NotReady { .. } => None,
        _ => told.took.map(|took| ("Failed after", duration(took))),
    };
    let rows: Vec<_> = after
        .into_iter()
        .chain([("Image template", code(told.subject.name))])
        .chain(told.log_row())
        .collect();
    format!("{text}\n{}", table(&rows))
}

pub(super) fn cause(code: &str, sentence: &str, hint: Option<&str>) -> String {
    let mut text = format!("\n**{code}** {}\n", escaped(sentence));
    if let Some(hint) = hint {
        writeln!(text, "\n**What to do:** {}", with_commands(hint)).ok();
    }
    text
}

/// The lines of the log, and where to read more.
fn evidence(explanation: &Explanation) -> String {
    let mut text = String::new();
    if !explanation.excerpt.is_empty() {
        let step = explanation.step.as_ref().map(ToString::to_string);
        let step = step.unwrap_or_else(|| "the build".to_owned());
        let lines = fenced("text", &explanation.excerpt.join("\n"));
        write!(text, "\nLast lines of {}:\n\n{lines}", escaped(&step)).ok();
    }
    if let Some(entry) = explanation.entry {
        // The codes are this task's own: no page of others knows them.
        let what = if entry.source.contains("learn.microsoft.com") {
            "Microsoft's page about this kind of failure"
        } else {
            "A report of this kind of failure"
        };
        writeln!(text, "\n[{what}]({})", entry.source).ok();
    }
    if let Some(operation) = &explanation.operation {
        let operation = code(operation);
        writeln!(text, "\nAzure support needs the operation id {operation}.").ok();
    }
    text
}

/// Phases that took no time have none to show.
pub(super) fn course(phases: &[Phase], failed: bool) -> String {
    let shown: Vec<_> = phases
        .iter()
        .filter(|phase| phase.duration.as_secs() > 0 || phase.ended.is_some())
        .collect();
    // What failed before the run failed in the last phase before the clean-up.
    let beside = |phase: &Phase| ["Log", "Clean-up"].contains(&phase.name.as_str());
    let failed = failed && shown.iter().all(|phase| phase.ended.is_none());
    let failed = shown.iter().rposition(|phase| failed && !beside(phase));
    if shown.iter().all(|phase| beside(phase)) {
        return String::new();
    }
    let longest = shown.iter().map(|phase| phase.duration.as_secs().into());
    let longest: u128 = longest.max().unwrap_or(1).max(1);
    let mut text = String::from("\n### Timeline\n\n| phase | time | |\n|---|---:|---|\n");
    for (index, phase) in shown.into_iter().enumerate() {
        let took = phase.duration;
        let cells = (u128::from(took.as_secs()) * WIDTH).div_ceil(longest);
        let bar = "█".repeat(usize::try_from(cells).unwrap_or_default());
        let ended = phase.ended.or((failed == Some(index)).then_some("failed"));
        let ended = ended.map(|ended| format!(" **{ended}**"));
        let name = escaped(&phase.name);
        let ended = ended.unwrap_or_default();
        writeln!(text, "| {name} | {} | {bar}{ended} |", duration(took)).ok();
    }
    text
}

fn customizers(told: &Told<'_>) -> String {
    let steps = told.steps;
    if steps.is_empty() {
        return String::new();
    }
    let mut text =
        String::from("\n### Steps in the build VM\n\n| | step | time | |\n|---:|---|---:|---|\n");
    for (index, (name, step)) in steps.iter().enumerate() {
        let took = step.duration().map(duration).unwrap_or_default();
        let last = index + 1 == steps.len();
        let state = match (step.done, last && told.outcome.result.is_err()) {
            (true, _) => "done",
            (false, true) => "**failed**",
            (false, false) => "end not in the log",
        };
        writeln!(
            text,
            "| {} | {} | {took} | {state} |",
            index + 1,
            escaped(name)
        )
        .ok();
    }
    text
}

/// A warning with what to do about it, as an item of a list.
pub(super) fn warning(number: &str, text: &str, hint: Option<&str>) -> String {
    let end = if text.ends_with('.') { "" } else { "." };
    let hint = hint.filter(|hint| !hint.is_empty());
    let hint = hint.map(|hint| format!("{end} **What to do:** {}", with_commands(hint)));
    format!("**{number}** {}{}", escaped(text), hint.unwrap_or_default())
}

fn warnings(told: &Told<'_>) -> String {
    let plan = told
        .subject
        .warnings
        .iter()
        .map(|it| warning(it.code.as_str(), &it.text, it.hint.as_deref()));
    let suspected = told.suspected.iter().map(|finding| {
        let code = finding.code().unwrap_or_default();
        warning(code, &finding.to_string(), finding.fix.as_deref())
    });
    let not_removed = told.outcome.not_removed.iter().map(|not_removed| {
        format!(
            "**{}** {}",
            super::CODE_NOT_REMOVED,
            escaped(&not_removed.why)
        )
    });
    let caveat = told.outcome.image().into_iter().filter_map(|image| {
        let text = in_words(image.caveat.as_ref()?);
        Some(format!("**{PARTLY}** {}", escaped(&text)))
    });
    let missing = told.outcome.image().into_iter().flat_map(missing);
    let missing =
        missing.map(|output| format!("**{PARTLY}** {}", escaped(&not_there(&output.target))));
    let all: Vec<_> = plan
        .chain(suspected)
        .chain(caveat)
        .chain(missing)
        .chain(not_removed)
        .map(|line| format!("- {line}\n"))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    format!("\n### Warnings\n\n{}", all.concat())
}

/// The commands that delete what stayed, each under a line that says what it is for.
pub(super) fn removals(not_removed: &[NotRemoved]) -> Vec<String> {
    let commands = not_removed.iter().filter_map(|stays| {
        let what = format!("to delete {}", stays.leftover.describe());
        let what = match stays.condition() {
            Some(condition) => format!("{what}, {condition}"),
            None => what,
        };
        Some(commented(&what, &stays.command()?))
    });
    commands.collect()
}

fn next_commands(told: &Told<'_>) -> String {
    let mut commands = Vec::new();
    if let Some(image) = told.outcome.image()
        && let Ok(id) = image.uri.parse::<ResourceId>()
    {
        let first = image.outputs.first().map(|output| &output.target);
        let (subscription, group) = (id.subscription(), quoted(id.resource_group()));
        commands.push(format!(
            "# a VM of the image, to try it\naz vm create --subscription {subscription} --resource-group {group} --name try-image --image {}",
            quoted(id.as_str())
        ));
        if first.is_some_and(Distribution::is_gallery) {
            commands.push(format!(
                "# where the image version is by now\naz sig image-version show {} --gallery-image-version {} --expand ReplicationStatus",
                definition_options(&id), id.name()
            ));
        }
    }
    commands.extend(removals(&told.outcome.not_removed));
    if commands.is_empty() {
        return String::new();
    }
    let commands = commands.join("\n");
    format!("\n### Next\n\n{}", fenced("sh", &commands))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_to_scale_and_short_phases_show() {
        let phase = |name: &str, seconds| Phase {
            name: name.to_owned(),
            duration: Duration::from_secs(seconds),
            ended: None,
        };
        let text = course(&[phase("A", 0), phase("B", 1), phase("C", 240)], false);
        let bars: Vec<_> = text
            .lines()
            .skip(5)
            .map(|line| line.matches('█').count())
            .collect();
        assert_eq!(bars, [1, 24], "{text}");
        assert_eq!(course(&[], false), "");
        assert_eq!(course(&[phase("Log", 1), phase("Clean-up", 90)], false), "");
    }

    #[test]
    fn the_phase_that_failed_is_marked() {
        let phase = |name: &str, ended| Phase {
            name: name.to_owned(),
            duration: Duration::from_secs(60),
            ended,
        };
        let bar = "█".repeat(24);
        let early = course(&[phase("Template", None), phase("Clean-up", None)], true);
        assert!(
            early.contains(&format!("| Template | 1 min 0 s | {bar} **failed** |")),
            "{early}"
        );
        assert!(
            early.ends_with(&format!("| Clean-up | 1 min 0 s | {bar} |\n")),
            "{early}"
        );
        let run = [phase("Building", Some("canceled")), phase("Start", None)];
        let run = course(&run, true);
        assert!(
            run.contains(&format!("| Building | 1 min 0 s | {bar} **canceled** |")),
            "{run}"
        );
        assert!(
            run.ends_with(&format!("| Start | 1 min 0 s | {bar} |\n")),
            "{run}"
        );
    }
}
