//! The summary on the page of the run: Markdown that people read instead of the log.

mod image;
pub(super) mod markup;

use std::fmt::Write as _;
use std::time::Duration;

use super::diff::{self, About};
use super::follow;
use super::outcome::{hint_of, in_words, missing, not_there};
use super::subject::Subject;
use super::timeline::Phase;
use crate::check::Finding;
use crate::diagnosis::Explanation;
use crate::error::{Error, PARTLY, duration};
use crate::log::Step;
use crate::resource::{ResourceId, quoted};
use crate::run::{Distribution, Done, Image, Outcome, Output};
use image::success;
use markup::{code, escaped, fenced, table, with_commands};

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
}

/// Cells of the longest bar.
const WIDTH: u128 = 24;

/// The summary; `None` for a canceled build, which has nothing to tell and no time.
pub(super) fn markdown(told: &Told<'_>) -> Option<String> {
    let mut text = match &told.outcome.result {
        Ok(Done::Image(image)) => success(told, image),
        Ok(Done::GoesOn { deadline }) => goes_on(told, &follow::submitted(*deadline)),
        Ok(Done::NotReady { error, .. }) => goes_on(told, &error.to_string()),
        Ok(Done::Ran(_)) | Err(Error::Canceled) => return None,
        Err(error) => failure(told, error),
    };
    text.push_str(&targets(told));
    let image = told.outcome.image();
    if let Some(compared) = image.and_then(|image| image.compared.as_ref()) {
        text.push_str(&diff::section(compared, About::OwnImage));
    }
    text.push_str(&course(told.phases));
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

/// A run that goes on.
fn goes_on(told: &Told<'_>, sentence: &str) -> String {
    let template = ("Image template", code(told.subject.name));
    format!(
        "## ⏳ Image build goes on\n\n{}\n\n{}",
        escaped(sentence),
        table(&[template])
    )
}

fn failure(told: &Told<'_>, error: &Error) -> String {
    let title = if told.outputs.is_empty() {
        "Image build failed"
    } else {
        "Image build failed, but some targets have an image"
    };
    let mut text = format!("## ❌ {title}\n");
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
            let file = script.file.display().to_string();
            writeln!(text, "\n**Where:** {}, line {}", code(&file), script.line).ok();
        }
        text.push_str(&evidence(explanation));
    }
    let template = ("Image template", code(told.subject.name));
    let after = told.took.map(|took| ("Failed after", duration(took)));
    let rows: Vec<_> = after.into_iter().chain([template]).collect();
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

pub(super) fn course(phases: &[Phase]) -> String {
    let longest = phases
        .iter()
        .map(|phase| phase.duration.as_secs().into())
        .max();
    let longest: u128 = longest.unwrap_or(1).max(1);
    let mut text = String::from("\n### Timeline\n\n| phase | time | |\n|---|---:|---|\n");
    for Phase {
        name,
        duration: took,
    } in phases
    {
        let cells = (u128::from(took.as_secs()) * WIDTH).div_ceil(longest);
        let bar = "█".repeat(usize::try_from(cells).unwrap_or_default());
        writeln!(text, "| {} | {} | {bar} |", escaped(name), duration(*took)).ok();
    }
    if phases.is_empty() {
        return String::new();
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

fn warnings(told: &Told<'_>) -> String {
    let plan = told
        .subject
        .warnings
        .iter()
        .map(|warning| format!("**{}** {}", warning.code, escaped(&warning.text)));
    let suspected = told.suspected.iter().map(|finding| {
        let code = finding.code().unwrap_or_default();
        let fix = finding.fix.as_deref().unwrap_or_default();
        format!(
            "**{code}** {}. {}",
            escaped(&finding.to_string()),
            escaped(fix)
        )
    });
    let remains = told
        .outcome
        .remains
        .iter()
        .map(|remains| format!("**{}** {}", super::CODE_REMAINS, escaped(&remains.why)));
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
        .chain(remains)
        .map(|line| format!("- {line}\n"))
        .collect();
    if all.is_empty() {
        return String::new();
    }
    format!("\n### Warnings\n\n{}", all.concat())
}

fn next_commands(told: &Told<'_>) -> String {
    let mut commands = Vec::new();
    if let Some(image) = told.outcome.image()
        && let Ok(id) = image.uri.parse::<ResourceId>()
    {
        let first = image.outputs.first().map(|output| &output.target);
        commands.push(format!(
            "az vm create --resource-group <resource group> --name <name> --image {}",
            quoted(id.as_str())
        ));
        if first.is_some_and(Distribution::is_gallery)
            && let Some(definition) = id.parent()
            && let Some(gallery) = definition.parent()
        {
            commands.push(format!(
                "az sig image-version show --subscription {} --resource-group {} --gallery-name {} --gallery-image-definition {} --gallery-image-version {} --expand ReplicationStatus",
                id.subscription(), quoted(id.resource_group()), gallery.name(), definition.name(), id.name()
            ));
        }
    }
    let removals = told.outcome.remains.iter().filter_map(|stays| {
        let command = stays.command()?;
        let condition = stays.condition();
        Some(condition.map_or(command.clone(), |condition| {
            format!("# {condition}\n{command}")
        }))
    });
    commands.extend(removals);
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
        };
        let text = course(&[phase("A", 0), phase("B", 1), phase("C", 240)]);
        let bars: Vec<_> = text
            .lines()
            .skip(5)
            .map(|line| line.matches('█').count())
            .collect();
        assert_eq!(bars, [0, 1, 24], "{text}");
        assert_eq!(course(&[]), "");
    }
}
