//! The settings of a template that stand by themselves: build VM, validation, time-out, staging resource group, tags, error handling, boot optimization.

use super::connection::Connection;
use super::manifest::{
    AUTO_RUN, BUILD_TIMEOUT_IN_MINUTES, CONTINUE_DISTRIBUTE_ON_FAILURE, ENABLE_VALIDATION,
    ERROR_HANDLING_ON_CUSTOMIZER_ERROR, ERROR_HANDLING_ON_VALIDATION_ERROR, MANAGED_RESOURCE_TAGS,
    OPTIMIZE_VM_BOOT, SOURCE_VALIDATION_ONLY, STAGING_RESOURCE_GROUP, VALIDATION_INLINE_SCRIPT,
};
use super::plan::Provisioner;
use super::problem::{Code, Form, Problem, quoted};
use super::reader::resource::{SAMPLE_SUBSCRIPTION, is_resource_group_name};
use super::reader::{AlreadyReported, Reader};
use super::spelling::lines;
use super::template_file::TemplateFile;
use super::template_file::overrides::{TIMEOUT, VM_PROFILE};
use super::{build_vm, tags};
use crate::template::model::{Customizer, ErrorHandling, Optimize, Properties, State, Validate};

/// The service's own default.
const CLEANUP: &str = "cleanup";
const ON_ERROR: &[(&str, &str)] = &[(CLEANUP, CLEANUP), ("abort", "abort")];

/// The file's sections, with these settings among them, from the file or from the inputs.
/// `connection` is the service connection, if that is understood.
pub(super) fn read(
    reader: &mut Reader<'_>,
    file: &TemplateFile,
    connection: Option<&Connection>,
) -> Result<Properties, AlreadyReported> {
    let subscription = connection.map(|it| it.subscription.as_str());
    let build_vm = file.section(reader, VM_PROFILE, |it| &it.vm_profile, build_vm::read);
    let timeout = file.section(
        reader,
        TIMEOUT,
        |it| &it.build_timeout_in_minutes,
        build_timeout,
    );
    let staging = file.section(
        reader,
        STAGING_RESOURCE_GROUP.name,
        |it| &it.staging_resource_group,
        |it| staging(it, subscription),
    );
    let managed_resource_tags = file.section(
        reader,
        MANAGED_RESOURCE_TAGS.name,
        |it| &it.managed_resource_tags,
        |it| tags::read(it, &MANAGED_RESOURCE_TAGS),
    );
    let handling = file.section(
        reader,
        "errorHandling",
        |it| &it.error_handling,
        error_handling,
    );
    let optimize = file.section(reader, "optimize", |it| &it.optimize, optimize);
    if reader.flag(&AUTO_RUN)? {
        let text = format!(
            "Input '{}': it has no effect, because this task starts the run itself, and a second run, started by the service, would conflict with it",
            AUTO_RUN.name
        );
        reader.warn(
            Code::Contradiction,
            text,
            Some(format!("remove '{}'", AUTO_RUN.name)),
        );
    }
    Ok(Properties {
        vm_profile: build_vm?,
        build_timeout_in_minutes: timeout?,
        staging_resource_group: staging?,
        managed_resource_tags: managed_resource_tags?,
        error_handling: handling?,
        optimize: optimize?,
        ..file.properties.clone()
    })
}

/// `None` where it is the service's own default.
fn error_handling(reader: &mut Reader<'_>) -> Result<Option<ErrorHandling>, AlreadyReported> {
    let customizer = reader.choice_or_default(&ERROR_HANDLING_ON_CUSTOMIZER_ERROR, ON_ERROR);
    let validation = reader.choice_or_default(&ERROR_HANDLING_ON_VALIDATION_ERROR, ON_ERROR);
    let words = [customizer?, validation?].map(|word| word.unwrap_or(CLEANUP));
    let [customizer, validation] = words.map(str::to_owned);
    Ok((words != [CLEANUP; 2]).then(|| ErrorHandling {
        on_customizer_error: Some(customizer),
        on_validation_error: Some(validation),
        ..ErrorHandling::default()
    }))
}

fn optimize(reader: &mut Reader<'_>) -> Result<Option<Optimize>, AlreadyReported> {
    let faster = reader.flag(&OPTIMIZE_VM_BOOT)?;
    Ok(faster.then(|| Optimize {
        vm_boot: Some(State::enabled()),
        ..Optimize::default()
    }))
}

const STAGING: Form = Form {
    what: "a resource group",
    format: "the name or the id of a resource group in the service connection's subscription",
    example: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/rg-staging",
};

/// The group must be in the template's own subscription
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-stagingresourcegroup>).
fn staging(
    reader: &mut Reader<'_>,
    subscription: Option<&str>,
) -> Result<Option<String>, AlreadyReported> {
    let input = &STAGING_RESOURCE_GROUP;
    let Some(text) = reader.optional(input)? else {
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
                reader.warn_of_sample(input);
            }
            match subscription.filter(|ours| !ours.eq_ignore_ascii_case(theirs)) {
                None => Ok(Some(id.to_owned())),
                Some(ours) => {
                    let sentence = format!(
                        "{} is in a different subscription than the image template; expected a resource group in subscription '{ours}'",
                        quoted(text)
                    );
                    Err(reader.report(Problem::new(Code::Contradiction, input, sentence, None)))
                }
            }
        }
        _ => Err(reader.malformed(input, text, STAGING, None)),
    }
}

const BUILD_TIMEOUT: Form = Form {
    what: "a build time-out",
    format: "0 for the service's default, or 6 to 960 minutes",
    example: "120",
};

/// None leaves it to the service. The limits are those of
/// <https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-json#properties-buildtimeoutinminutes>.
fn build_timeout(reader: &mut Reader<'_>) -> Result<Option<u32>, AlreadyReported> {
    let text = reader.optional(&BUILD_TIMEOUT_IN_MINUTES)?.unwrap_or("0");
    let minutes = text.parse::<u32>().ok();
    match minutes {
        Some(0) => Ok(None),
        Some(minutes @ 6..=960) => Ok(Some(minutes)),
        Some(1..=5) => {
            let hint = "the service ends a build of less than 6 minutes at once, because its own sign-in to the build VM would expire";
            Err(reader.malformed(
                &BUILD_TIMEOUT_IN_MINUTES,
                text,
                BUILD_TIMEOUT,
                Some(hint.to_owned()),
            ))
        }
        _ => Err(reader.malformed(&BUILD_TIMEOUT_IN_MINUTES, text, BUILD_TIMEOUT, None)),
    }
}

/// The name is that of the original task: people look for it in customization logs.
const VALIDATOR: &str = "vststask_validation";

/// The script runs in the shell of the customization. None unless it is switched on: the other inputs are hidden in the editor then.
pub(super) fn validation(
    reader: &mut Reader<'_>,
    provisioner: Provisioner,
) -> Result<Option<Validate>, AlreadyReported> {
    if !reader.flag(&ENABLE_VALIDATION)? {
        return Ok(None);
    }
    let source_only = reader.flag(&SOURCE_VALIDATION_ONLY);
    let continue_on_failure = reader.flag(&CONTINUE_DISTRIBUTE_ON_FAILURE);
    let inline = lines(reader.raw(&VALIDATION_INLINE_SCRIPT));
    let nothing = inline.iter().all(|line| line.trim().is_empty());
    let (source_only, continue_on_failure) = (source_only?, continue_on_failure?);
    if nothing {
        let text = format!(
            "Input '{}': the validation has no script, so it checks nothing",
            ENABLE_VALIDATION.name
        );
        let hint = format!(
            "set '{}' to commands that fail if the image is faulty, for example: test -x /opt/webapp/bin/webapp",
            VALIDATION_INLINE_SCRIPT.name
        );
        reader.warn(Code::Contradiction, text, Some(hint));
    }
    let validator = match provisioner {
        Provisioner::Shell => Customizer::shell(Some(VALIDATOR), inline),
        Provisioner::PowerShell => Customizer::powershell(Some(VALIDATOR), inline),
    };
    Ok(Some(Validate {
        continue_distribute_on_failure: continue_on_failure.then_some(true),
        source_validation_only: source_only.then_some(true),
        in_vm_validations: (!nothing).then(|| vec![validator]),
        ..Validate::default()
    }))
}
