//! The flags of host pools, VMs and deployments.

use azure_emulator::{
    BadConfiguration, Fate, ListScope, MissingToken, SecondDeletion, SecondUpdate, StatusMembers,
    Switches, UpdateTimes,
};

use super::value;

/// The value of a flag that has names for values.
fn one_of<T: Copy>(flag: &str, given: Option<&String>, known: &[(&str, T)]) -> Result<T, String> {
    let found = known
        .iter()
        .find(|(name, _)| given.is_some_and(|given| given == name));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        format!("'{flag}' needs one of {}", names.join(", "))
    })
}

#[expect(clippy::too_many_lines, reason = "one arm for each flag")]
pub(super) fn switch(
    switches: &mut Switches,
    flag: &str,
    rest: &mut impl Iterator<Item = String>,
) -> Result<(), String> {
    let on = &mut switches.desktops;
    let second = [
        ("refused", SecondUpdate::Refused),
        ("taken", SecondUpdate::Taken),
    ];
    match flag {
        "--second-update" => {
            on.update_while_updating = one_of(flag, rest.next().as_ref(), &second)?;
        }
        "--update-after-failure" => {
            on.update_while_failed = one_of(flag, rest.next().as_ref(), &second)?;
        }
        "--standard-pool-status" => on.standard_pool_status = value(flag, rest.next())?,
        "--refused-control-status" => on.refused_control_status = value(flag, rest.next())?,
        "--retry-is-another-update" => on.retry_is_another_update = true,
        "--update-times" => {
            let known = [("local", UpdateTimes::Local), ("utc", UpdateTimes::Utc)];
            on.update_times = one_of(flag, rest.next().as_ref(), &known)?;
        }
        "--status-members" => {
            let known = [
                ("twice", StatusMembers::Twice),
                ("properties", StatusMembers::Properties),
                ("top", StatusMembers::Top),
            ];
            on.status_members = one_of(flag, rest.next().as_ref(), &known)?;
        }
        "--image-type-follows" => on.image_type_follows = true,
        "--configuration-at-once" => on.configuration_shows_at_once = true,
        "--configuration-fails" => {
            on.configuration = Fate::Fail {
                code: "ValidationFailed".to_owned(),
                message: "The configuration is not valid".to_owned(),
            };
        }
        "--bad-configuration" => {
            let known = [
                ("state", BadConfiguration::State),
                ("location", BadConfiguration::Location),
                ("atOnce", BadConfiguration::AtOnce),
            ];
            on.bad_configuration = one_of(flag, rest.next().as_ref(), &known)?;
        }
        "--host-lists" => on.host_lists = value(flag, rest.next())?,
        "--host-list-scope" => {
            let known = [
                ("pool", ListScope::Pool),
                ("caller", ListScope::Caller),
                ("subscription", ListScope::Subscription),
            ];
            on.host_list_scope = one_of(flag, rest.next().as_ref(), &known)?;
        }
        "--host-page-size" => on.host_page_size = value(flag, rest.next())?,
        "--missing-token" => {
            let known = [
                ("null", MissingToken::Null),
                ("notFound", MissingToken::NotFound),
            ];
            on.missing_token = one_of(flag, rest.next().as_ref(), &known)?;
        }
        "--occupied-host-status" => on.occupied_host_status = value(flag, rest.next())?,
        "--host-domain" => on.host_domain = Some(value(flag, rest.next())?),
        "--configurations-in-graph" => on.configurations_in_graph = true,
        "--canceling-stops" => on.canceling_stops_registration = true,
        "--second-deletion" => {
            let known = [
                ("taken", SecondDeletion::Taken),
                ("refused", SecondDeletion::Refused),
            ];
            on.second_deletion = one_of(flag, rest.next().as_ref(), &known)?;
        }
        "--machine-retry-after" => on.machine_retry_after = Some(value(flag, rest.next())?),
        _ => return Err(format!("'{flag}' is not a flag of the emulator")),
    }
    Ok(())
}
