//! The settings of a template that stand by themselves: staging resource group, tags, error handling, boot optimization.

use super::connection::Connection;
use super::declared::{
    AUTO_RUN, ERROR_HANDLING_ON_CUSTOMIZER_ERROR, ERROR_HANDLING_ON_VALIDATION_ERROR, Input,
    MANAGED_RESOURCE_TAGS, OPTIMIZE_VM_BOOT, STAGING_RESOURCE_GROUP, TEMPLATE_TAGS,
};
use super::plan::{OnError, Settings};
use super::problem::{Code, Form, Problem, quoted};
use super::reading::resource::SAMPLE_SUBSCRIPTION;
use super::reading::{Reading, Reported};
use super::template_file::TemplateFile;
use super::{is_resource_group_name, tags, unless_in_file};

const ON_ERROR: &[(&str, OnError)] = &[("cleanup", OnError::Cleanup), ("abort", OnError::Abort)];

/// `connection` is the service connection, if that is understood.
pub(super) fn read(
    reading: &mut Reading<'_>,
    file: &TemplateFile,
    connection: Option<&Connection>,
) -> Result<Settings, Reported> {
    let subscription = connection.map(|it| it.subscription.as_str());
    let group = |it: &mut Reading<'_>| staging(it, subscription);
    let staging = unless_in_file(reading, file, STAGING_RESOURCE_GROUP.name, group);
    let managed = |it: &mut Reading<'_>| tags::read(it, &MANAGED_RESOURCE_TAGS);
    let managed_resource_tags = unless_in_file(reading, file, MANAGED_RESOURCE_TAGS.name, managed);
    let template_tags = tags::of_template(reading, &TEMPLATE_TAGS);
    let handling =
        |input: &'static Input| move |it: &mut Reading<'_>| it.choice_or_default(input, ON_ERROR);
    let customizer = handling(&ERROR_HANDLING_ON_CUSTOMIZER_ERROR);
    let customizer = unless_in_file(reading, file, "errorHandling", customizer);
    let validation = handling(&ERROR_HANDLING_ON_VALIDATION_ERROR);
    let validation = unless_in_file(reading, file, "errorHandling", validation);
    let boot = |it: &mut Reading<'_>| it.flag(&OPTIMIZE_VM_BOOT);
    let boot = unless_in_file(reading, file, "optimize", boot);
    if reading.flag(&AUTO_RUN)? {
        let text = format!(
            "Input '{}': it has no effect, because this task starts the run itself, and a second run, started by the service, would conflict with it",
            AUTO_RUN.name
        );
        reading.warn(
            Code::Contradiction,
            text,
            Some(format!("remove '{}'", AUTO_RUN.name)),
        );
    }
    Ok(Settings {
        staging_resource_group: staging?,
        managed_resource_tags: managed_resource_tags?,
        template_tags: template_tags?,
        on_customizer_error: customizer?.unwrap_or_default(),
        on_validation_error: validation?.unwrap_or_default(),
        optimize_boot: boot?,
    })
}

const STAGING: Form = Form {
    what: "a resource group",
    looks: "the name or the id of a resource group in the service connection's subscription",
    example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-staging",
};

/// The group must be in the template's own subscription
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-stagingresourcegroup>).
fn staging(
    reading: &mut Reading<'_>,
    subscription: Option<&str>,
) -> Result<Option<String>, Reported> {
    let input = &STAGING_RESOURCE_GROUP;
    let Some(text) = reading.optional(input)? else {
        return Ok(None);
    };
    if is_resource_group_name(text) {
        // Without a subscription there is a problem elsewhere, and no plan.
        let subscription = subscription.unwrap_or_default();
        return Ok(Some(format!(
            "/subscriptions/{subscription}/resourceGroups/{text}"
        )));
    }
    let id = text.trim_end_matches('/');
    let parts: Vec<&str> = id.split('/').collect();
    match parts.as_slice() {
        ["", subscriptions, theirs, groups, name]
            if subscriptions.eq_ignore_ascii_case("subscriptions")
                && groups.eq_ignore_ascii_case("resourceGroups")
                && is_resource_group_name(name) =>
        {
            if *theirs == SAMPLE_SUBSCRIPTION {
                reading.warn_of_sample(input);
            }
            match subscription.filter(|ours| !ours.eq_ignore_ascii_case(theirs)) {
                None => Ok(Some(id.to_owned())),
                Some(ours) => {
                    let sentence = format!(
                        "{} is in a different subscription than the image template; expected a resource group in subscription '{ours}'",
                        quoted(text)
                    );
                    Err(reading.report(Problem::new(Code::Contradiction, input, sentence, None)))
                }
            }
        }
        _ => Err(reading.malformed(input, text, STAGING, None)),
    }
}
