//! The summary on the page of the run: Markdown that people read instead of the log.

use std::fmt::Write as _;
use std::time::Duration;

use super::timeline::Phase;
use crate::diagnosis::Explanation;
use crate::error::{Error, duration};
use crate::inputs::{Plan, Source, Target};
use crate::log::Step;
use crate::resource::ResourceId;
use crate::run::{Image, Outcome};

/// Everything that a summary tells.
pub(super) struct Told<'a> {
    pub(super) plan: &'a Plan,
    pub(super) outcome: &'a Outcome,
    pub(super) phases: &'a [Phase],
    pub(super) steps: &'a [Step],
    pub(super) elapsed: Duration,
}

/// Cells of the longest bar.
const WIDTH: u128 = 24;

/// The summary; `None` for a canceled build, which has nothing to tell and no time.
pub(super) fn markdown(told: &Told<'_>) -> Option<String> {
    let mut text = match &told.outcome.result {
        Ok(image) => success(told, image),
        Err(Error::Canceled) => return None,
        Err(error) => failure(told, error),
    };
    text.push_str(&course(told.phases));
    text.push_str(&customizers(told.steps));
    text.push_str(&warnings(told));
    text.push_str(&next_commands(told));
    Some(text)
}

fn success(told: &Told<'_>, image: &Image) -> String {
    let id = image.uri.parse::<ResourceId>().ok();
    let title = match (&told.plan.target, &id) {
        (Target::Gallery { definition, .. }, Some(id)) => {
            format!("{} {}", definition.name(), id.name())
        }
        (_, Some(id)) => id.name().to_owned(),
        (_, None) => "VHD".to_owned(),
    };
    let mut rows = vec![
        ("Result", format!("built in {}", duration(told.elapsed))),
        ("Image", code(&image.uri)),
    ];
    if let (
        Target::Gallery {
            definition,
            regions,
            ..
        },
        Some(id),
    ) = (&told.plan.target, &id)
    {
        let regions: Vec<_> = regions
            .iter()
            .map(|region| code(region.name.as_str()))
            .collect();
        rows.push(("Image definition", code(definition.as_str())));
        rows.push(("Version", code(id.name())));
        rows.push(("Regions", regions.join(", ")));
    }
    rows.push(("Source", code(&source(told.plan, image))));
    rows.extend(origin(image));
    rows.push(("Image template", code(&image.template_name)));
    if let Some(portal) = id.as_ref().and_then(|_| portal(told.plan, &image.uri)) {
        rows.push(("Portal", format!("[open the image]({portal})")));
    }
    format!("## ✅ Image built: {}\n\n{}", escaped(&title), table(&rows))
}

/// Whose run made the image, and of which sources.
fn origin(image: &Image) -> Vec<(&'static str, String)> {
    let fact = |wanted: &str| {
        let mut facts = image.provenance.iter();
        let value = facts.find(|(name, _)| *name == wanted);
        value.map(|(_, value)| code(value))
    };
    let joined = |names: [&str; 2], between: &str| {
        let known: Vec<_> = names.into_iter().filter_map(fact).collect();
        (!known.is_empty()).then(|| known.join(between))
    };
    let rows = [
        ("Repository", joined(["repository", "branch"], ", ")),
        ("Commit", fact("commit")),
        ("Pipeline", fact("pipeline")),
        ("Build", joined(["buildNumber", "buildId"], ", id ")),
        ("Release", fact("release")),
    ];
    let known = |(name, value): (&'static str, Option<String>)| Some((name, value?));
    rows.into_iter().filter_map(known).collect()
}

fn failure(told: &Told<'_>, error: &Error) -> String {
    let mut text = format!(
        "## ❌ No image\n\n**{}** {}\n",
        error.code(),
        escaped(&error.to_string())
    );
    if let Some(hint) = error.hint() {
        writeln!(text, "\n**What to do:** {}", escaped(&hint)).ok();
    }
    if let Error::Run { explanation, .. } = error {
        text.push_str(&evidence(explanation));
    }
    let template = ("Image template", code(&told.plan.template_name));
    let after = ("Failed after", duration(told.elapsed));
    format!("{text}\n{}", table(&[after, template]))
}

/// The lines of the log, and where to read more.
fn evidence(explanation: &Explanation) -> String {
    let mut text = String::new();
    if !explanation.excerpt.is_empty() {
        let step = explanation.step.as_ref().map(ToString::to_string);
        let step = step.unwrap_or_else(|| "the build".to_owned());
        let lines = explanation.excerpt.join("\n");
        let fence = fence(&lines);
        write!(
            text,
            "\nLast lines of {}:\n\n{fence}text\n{lines}\n{fence}\n",
            escaped(&step)
        )
        .ok();
    }
    if let Some(entry) = explanation.entry {
        writeln!(text, "\n[More about {}]({})", entry.code, entry.source).ok();
    }
    if let Some(operation) = &explanation.operation {
        writeln!(text, "\nAzure support asks for operation id `{operation}`.").ok();
    }
    text
}

/// The source's name, with the number that `latest` stood for.
fn source(plan: &Plan, image: &Image) -> String {
    match (&image.platform_image, &plan.source) {
        (Some(found), _) => [&found.publisher, &found.offer, &found.sku, &found.version]
            .map(String::as_str)
            .join(":"),
        (None, Source::InFile(source)) => source.to_string(),
        (None, Source::ManagedImage(id) | Source::GalleryVersion(id)) => id.to_string(),
        (
            None,
            Source::Marketplace {
                publisher,
                offer,
                sku,
                version,
                ..
            },
        ) => [publisher, offer, sku, version]
            .map(String::as_str)
            .join(":"),
    }
}

fn course(phases: &[Phase]) -> String {
    let longest = phases
        .iter()
        .map(|phase| phase.duration.as_secs().into())
        .max();
    let longest: u128 = longest.unwrap_or(1).max(1);
    let mut text = String::from("\n### Course\n\n| phase | time | |\n|---|---:|---|\n");
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

fn customizers(steps: &[Step]) -> String {
    if steps.is_empty() {
        return String::new();
    }
    let mut text =
        String::from("\n### Steps in the build VM\n\n| | step | time | |\n|---:|---|---:|---|\n");
    for (index, step) in steps.iter().enumerate() {
        let took = step.duration().map(duration).unwrap_or_default();
        let state = if step.done { "done" } else { "**not done**" };
        writeln!(
            text,
            "| {} | {} | {took} | {state} |",
            index + 1,
            escaped(&step.kind)
        )
        .ok();
    }
    text
}

fn warnings(told: &Told<'_>) -> String {
    let plan = told
        .plan
        .warnings
        .iter()
        .map(|warning| format!("**{}** {}", warning.code, escaped(&warning.text)));
    let remains = told
        .outcome
        .remains
        .iter()
        .map(|remains| format!("**{}** {}", super::CODE_REMAINS, escaped(&remains.why)));
    let all: Vec<_> = plan
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
    if let Ok(image) = &told.outcome.result
        && let Ok(id) = image.uri.parse::<ResourceId>()
    {
        commands.push(format!(
            "az vm create --resource-group <resource group> --name <name> --image {id}"
        ));
        if let (Target::Gallery { .. }, Some(definition)) = (&told.plan.target, id.parent())
            && let Some(gallery) = definition.parent()
        {
            commands.push(format!(
                "az sig image-version show --subscription {} --resource-group {} --gallery-name {} --gallery-image-definition {} --gallery-image-version {} --expand ReplicationStatus",
                id.subscription(), id.resource_group(), gallery.name(), definition.name(), id.name()
            ));
        }
    }
    let removals = told
        .outcome
        .remains
        .iter()
        .map(|remains| remains.leftover.removal_command());
    commands.extend(removals);
    if commands.is_empty() {
        return String::new();
    }
    format!("\n### Next\n\n```sh\n{}\n```\n", commands.join("\n"))
}

/// The page of a resource in the portal of the connection's cloud, where there is one that we know.
fn portal(plan: &Plan, id: &str) -> Option<String> {
    let host = match plan.connection.cloud.resource_manager.host_str()? {
        "management.azure.com" => "portal.azure.com",
        "management.usgovcloudapi.net" => "portal.azure.us",
        "management.chinacloudapi.cn" => "portal.azure.cn",
        _ => return None,
    };
    Some(format!("https://{host}/#resource{id}/overview"))
}

fn table(rows: &[(&str, String)]) -> String {
    let rows: Vec<_> = rows
        .iter()
        .map(|(name, value)| format!("| {name} | {value} |\n"))
        .collect();
    format!("| | |\n|---|---|\n{}", rows.concat())
}

fn code(text: &str) -> String {
    format!(
        "`{}`",
        text.replace(['`', '\n', '\r'], " ").replace('|', "\\|")
    )
}

/// Foreign text as text: nothing in it is markup.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => escaped.push(' '),
            '|' | '<' | '>' | '*' | '`' | '[' | ']' | '\\' | '#' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

/// A fence that nothing in `text` can close.
fn fence(text: &str) -> String {
    let longest = text.split(|c| c != '`').map(str::len).max();
    "`".repeat(longest.unwrap_or_default().max(2) + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_is_no_markup() {
        assert_eq!(
            escaped("a|b <script> *x* `y`\nz"),
            "a\\|b \\<script\\> \\*x\\* \\`y\\` z"
        );
        assert_eq!(code("a`|b"), "`a \\|b`");
        assert_eq!(fence("no ticks"), "```");
        assert_eq!(fence("```` four"), "`````");
    }

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
