//! The summary on the page of the run: Markdown that people read instead of the log.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use time::OffsetDateTime;

use super::ending::hint_of;
use super::image;
use super::image_summary;
use super::subject::Subject;
use super::timeline::{self, Phase};
use super::variables::minute;
use crate::check::Finding;
use crate::diagnosis::Explanation;
use crate::error::{Error, duration};
use crate::inputs::Action;
use crate::inputs::manifest::{ACTION, IB_AZURE_RESOURCE_GROUP, TEMPLATE_NAME};
use crate::log::Step;
use crate::report::diff::{self, ComparisonOf};
use crate::report::findings::causes;
use crate::report::markup::{self, cause, code, escaped, fenced, table, warning};
use crate::report::not_removed::{CODE_NOT_REMOVED, removals};
use crate::report::version::portal;
use crate::resource::{ResourceId, definition_options, quoted};
use crate::run::{Distribution, Image, Outcome, Output, Success};
use crate::template::model::Distributor;

/// Everything that a summary says.
pub(super) struct Summary<'a> {
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

impl Summary<'_> {
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

/// The summary; `None` for a canceled build, which has nothing to tell and no time.
pub(super) fn markdown(summary: &Summary<'_>) -> Option<String> {
    let mut text = match &summary.outcome.result {
        Ok(Success::Image(image)) => {
            image_summary::of(summary.subject, image, summary.took, summary.log_row())
        }
        Ok(Success::RunContinues { deadline }) => {
            goes_on(summary, "Image is being built", &until(*deadline))
        }
        Ok(Success::NotReady { error, .. }) => {
            goes_on(summary, "Image is not ready yet", &format!("{error}."))
        }
        Ok(Success::TestRun(_)) | Err(Error::Canceled) => return None,
        Err(error) => failure(summary, error),
    };
    text.push_str(&targets(summary));
    let image = summary.outcome.image();
    if let Some(compared) = image.and_then(|image| image.compared.as_ref()) {
        text.push_str(&diff::section(compared, ComparisonOf::OwnImage));
    }
    let failed = match &summary.outcome.result {
        Ok(_) | Err(Error::NotReady { .. }) => false,
        Err(_) => true,
    };
    text.push_str(&timeline::section(summary.phases, failed));
    text.push_str(&customizers(summary));
    text.push_str(&warnings(summary));
    text.push_str(&next_commands(summary));
    Some(text)
}

/// Which target has its image; of a build that succeeded only where there are several.
fn targets(summary: &Summary<'_>) -> String {
    let plain = |image: &Image| image.caveat.is_none();
    let one_is_enough = summary.outcome.image().is_some_and(plain);
    if summary.outputs.len() < 2 && one_is_enough || summary.outputs.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n### Targets\n\n| target | image | regions |\n|---|---|---|\n");
    for Output { target, uri } in summary.outputs {
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
            escaped(&target.display_name())
        )
        .ok();
    }
    text
}

/// What the service does without this job.
fn until(deadline: Option<OffsetDateTime>) -> String {
    let deadline = deadline.and_then(minute);
    let until = deadline.map(|it| format!(" It ends at {it} at the latest."));
    format!(
        "The build continues in Azure without this job.{}",
        until.unwrap_or_default()
    )
}

/// A run that goes on.
fn goes_on(summary: &Summary<'_>, title: &str, sentence: &str) -> String {
    let Subject {
        name,
        group,
        connection,
        ..
    } = summary.subject;
    let of_what = summary
        .target()
        .map(|target| format!(": {}", escaped(&target)));
    let mut rows = vec![
        ("Image template", code(name)),
        ("Resource group", code(group)),
    ];
    let id = summary.template.as_deref();
    let id = id.or(summary.subject.plan.map(|plan| plan.template_id.as_str()));
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
fn headline(summary: &Summary<'_>, error: &Error) -> String {
    let what = match error {
        _ if !summary.outputs.is_empty() => {
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
    let target = summary.target();
    let target = target.map(|target| format!(": {}", escaped(&target)));
    what.to_owned() + target.as_deref().unwrap_or_default()
}

fn failure(summary: &Summary<'_>, error: &Error) -> String {
    let mut text = format!("## ❌ {}\n", headline(summary, error));
    if let Error::Preflight(findings) = error {
        text.push_str(&causes(findings));
    } else {
        let hint = hint_of(summary.subject, summary.outcome, error);
        text.push_str(&cause(error.code(), &error.to_string(), hint.as_deref()));
    }
    if let Error::Run { explanation, .. } = error {
        if let Some(script) = &explanation.script {
            // As the repository has it: the folder of the agent is nowhere else.
            let file = summary
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
        _ => summary.took.map(|took| ("Failed after", duration(took))),
    };
    let rows: Vec<_> = after
        .into_iter()
        .chain([("Image template", code(summary.subject.name))])
        .chain(summary.log_row())
        .collect();
    format!("{text}\n{}", table(&rows))
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

fn customizers(summary: &Summary<'_>) -> String {
    let steps = summary.steps;
    if steps.is_empty() {
        return String::new();
    }
    let mut text =
        String::from("\n### Steps in the build VM\n\n| | step | time | |\n|---:|---|---:|---|\n");
    for (index, (name, step)) in steps.iter().enumerate() {
        let took = step.duration().map(duration).unwrap_or_default();
        let last = index + 1 == steps.len();
        let state = match (step.done, last && summary.outcome.result.is_err()) {
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

fn warnings(summary: &Summary<'_>) -> String {
    let plan = summary
        .subject
        .warnings
        .iter()
        .map(|it| warning(it.code.as_str(), &it.text, it.hint.as_deref()));
    let suspected = summary.suspected.iter().map(|finding| {
        let code = finding.code().unwrap_or_default();
        warning(code, &finding.to_string(), finding.fix.as_deref())
    });
    let not_removed = summary
        .outcome
        .not_removed
        .iter()
        .map(|not_removed| format!("**{}** {}", CODE_NOT_REMOVED, escaped(&not_removed.why)));
    let image = summary.outcome.image().into_iter();
    let of_image = image.flat_map(image::warnings);
    let of_image = of_image.map(|it| warning(it.code, &it.text, Some(&it.hint)));
    let all = plan.chain(suspected).chain(of_image).chain(not_removed);
    markup::warnings(&all.collect::<Vec<_>>())
}

fn next_commands(summary: &Summary<'_>) -> String {
    let mut commands = Vec::new();
    if let Some(image) = summary.outcome.image()
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
    commands.extend(removals(&summary.outcome.not_removed));
    if commands.is_empty() {
        return String::new();
    }
    let commands = commands.join("\n");
    format!("\n### Next\n\n{}", fenced("sh", &commands))
}
