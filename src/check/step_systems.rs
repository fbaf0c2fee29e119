//! Whether the steps in the build VM are for the operating system of the source.

use super::codes::STEPS;
use super::finding::{Finding, Verdict};
use super::image_traits::ImageTraits;
use super::lookup::{Azure, Lookup, definition};
use super::source;
use super::subject::{CUSTOMIZER, Step, Target};
use crate::inputs::manifest::PROVISIONER;
use crate::template::model::system_of;

pub(super) async fn check(azure: &Azure<'_>) -> Vec<Finding> {
    if let Some(os) = source::image_traits(azure).await.os {
        return vec![judge(
            azure,
            "the source image",
            &os,
            Verdict::Certain(STEPS),
        )];
    }
    // A definition tells what the source should be, too.
    for target in &azure.subject.targets {
        if let Target::Gallery { definition: id, .. } = target
            && let Lookup::Found(found) = &*definition(azure, id).await
            && let Some(os) = ImageTraits::of_definition(found).os
        {
            let what = format!("image definition '{}'", id.name());
            return vec![judge(azure, &what, &os, Verdict::Problem(STEPS))];
        }
    }
    vec![Finding::unknown(
        "the operating system of the source",
        "neither source nor image definition names it",
    )]
}

fn judge(azure: &Azure<'_>, what: &str, os: &str, verdict: Verdict) -> Finding {
    let subject = &azure.subject;
    let unfit =
        |step: &&Step| system_of(&step.kind).is_some_and(|system| !system.eq_ignore_ascii_case(os));
    let unfit: Vec<&Step> = subject.steps.iter().filter(unfit).collect();
    let Some(first) = unfit.first() else {
        return Finding::fine(format!("they are for {os}, like {what}"));
    };
    let section = if first.display_name.starts_with(CUSTOMIZER) {
        "customize"
    } else {
        "validate"
    };
    let script = !subject.is_in_file(section);
    let system = system_of(&first.kind).unwrap_or_default();
    let more = match unfit.len() {
        1 => String::new(),
        count => format!(", like {} more", count - 1),
    };
    let kind = if os.eq_ignore_ascii_case("Windows") {
        "PowerShell"
    } else {
        "Shell"
    };
    let (text, fix) = if script {
        (
            format!(
                "the script is of type {}, for {system}, but {what} is {os}",
                first.kind
            ),
            format!(
                "set input '{}' to '{}' and use a script for {os}, or choose another source",
                PROVISIONER.name,
                kind.to_lowercase()
            ),
        )
    } else {
        (
            format!(
                "{} is of type {}, for {system}{more}, but {what} is {os}",
                first.display_name, first.kind
            ),
            format!("use type {kind} in the template file, or choose a source for {system}"),
        )
    };
    Finding::new(verdict, text).fix(fix)
}
