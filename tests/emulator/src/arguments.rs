//! The command line of the emulator: one flag for each switch.

mod desktops;

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use azure_emulator::{
    Busy, CanceledOperation, DefaultVersion, Durations, Fate, NestedResources, OperationUrls,
    PatchedTags, Progress, ReadOnlyMembers, RunFate, ServerOptions, SoftDeletedName, Switches,
    ValidationLog,
};

/// What `--help` says.
pub(crate) const HELP: &str = "\
azure-emulator: the part of Azure that VM Image Builder pipelines talk to, over HTTPS on loopback

  --port-base N              ports N (Resource Manager), N+1 (Entra ID), N+2 (Pipelines), N+3 (blobs); default 10440, 0 = any
  --folder DIR               where ca.pem and environment.sh go; default 'azure-emulator' in the folder for temporary files
  --assumed                  list what the emulator assumes about Azure without a source, and end
  --help                     say this, and end

How fast things go (default: --speed 20)
  --speed F                  realistic durations, divided by F
  --immediate                all is done when the next request comes
  --after-polls N            each state is seen by N polls
  --cancel-call SECONDS      how long the call of cancel takes; default 10 divided by the speed, 0 with the other two

How runs end (default: they succeed)
  --run-fails                a customizer fails
  --run-fails-as-json        a distribution fails, and the message is JSON text
  --cancel-never-ends        a canceled run stays 'Canceling'
  --canceled-operation S     what its operation ends with: canceled (default), failed, succeeded

What the sources leave open or what changed
  --plain-urls               operation URLs without a signature, as until August 2023
  --retry-after SECONDS      send Retry-After; default: none, and 60 from Microsoft.Compute
  --not-allowed-status N     HTTP status of OperationNotAllowed: 409 (default) or 405
  --delete-missing-404       DELETE of a missing template answers 404; default 204
  --date-like-versions       number image versions like 0.25342.22189; default 1.0.0 and up
  --refuse-read-only         refuse read-only members in PUT bodies; default: ignore them
  --refuse-missing-identity  refuse an identity that does not exist at once; default: provisioning fails
  --builder-api VERSION      the newest api-version of the image builder; default: all of them
  --internal-error-every N   every Nth GET of a template during a run answers 500; default: never
  --title-case-headers       header names as 'Azure-Asyncoperation'
  --page-size N              templates on a page of a list; default 10
  --no-blob-roles            only account keys open blobs; default: the application is Storage Blob Data Contributor, the identity
                             of templates is Storage Blob Data Reader
  --validation-writes-not    a template that only validates its source writes no target; default: it does
  --validation-log-shared    its validators write into customization.log; default: into validation.log
  --validation-log-alone     there is no customization.log beside it
  --validation-needs-no-target  it may be without targets; default: refused
  --token-lifetime SECONDS   life of access tokens; default 3600
  --seed N                   seed of all identifiers; default 1

Gallery image versions, and those that use them
  --soft-delete              deleted versions can be restored for 7 days; default: they cannot
  --version-changes-fail     a change of a version fails; default: it succeeds
  --busy-versions S          a change or deletion of a version that is being changed: conflict (default), notAllowed, taken
  --left-out-stays           what a PUT leaves out stays as it was; default: it is reset
  --regions-go-unasked       regions are removed without allowDeletionOfReplicatedLocations; default: 409
  --no-false-flags           a region's excludeFromLatest is answered only when true; default: as it was sent
  --no-empty-tags            a version with no tags is answered without 'tags'; default: with the empty ones that were sent
  --blocked-status N         HTTP status of the refusal to delete before the end of life; default 409
  --block-needs-date         blockDeletionBeforeEndOfLife without endOfLifeDate blocks nothing; default: it blocks
  --block-new-versions       new versions cannot be deleted for six months, with 2026-03-03 or later; default: they can
  --restore-when-asked       a PUT on a soft-deleted version is refused unless it asks for it; default: the old one comes back
  --soft-deleted-api VERSION oldest api-version with the list of soft-deleted versions; default 2024-03-03
  --copies-hide-source       a copied version does not tell its source; default: it does
  --copies-need-replica      a copy needs a replica of its source in its location; default: not
  --shallow-replicates       shallow versions may have several regions; default: 400
  --old-nested-text          text of 2020 when something has something in it; default: that of 2026
  --merge-tags               PATCH adds tags to the old ones; default: it replaces them
  --tags-in-lists            a list by tag has the tags; default: not
  --compute-page-size N      resources on a page of other lists; default 100
  --graph-lag SECONDS        how far Resource Graph is behind; default 30
  --graph-quota N            queries of Resource Graph in 5 s; default 15
  --graph-truncates          resultTruncated is true where a page follows; default: only where none can
  --late-runs SECONDS        lastRunStatus stays as it was for so long after a run was started; default 0
  --system-data              templates are answered with systemData; default: not

Host pools, their VMs, deployments
  --host-pools               there are two host pools with session hosts; default: none
  --second-update S          a session host update while one goes on: refused (default), taken
  --update-after-failure S   one while a failed one waits: taken (default), refused
  --standard-pool-status N   HTTP status of an update of a pool without a configuration; default 400
  --refused-control-status N HTTP status of a control action that does not fit; default 409
  --retry-is-another-update  an update that is tried again gets another correlation id; default: it keeps it
  --update-times S           times in the status of an update: local (default), utc
  --status-members S         where a status has its members: twice (default), properties, top
  --image-type-follows       a PATCH of the configuration without 'type' switches the kind of image; default: it does not
  --configuration-at-once    a PATCH of the configuration shows at once; default: when its operation has ended
  --configuration-fails      a PATCH of the configuration fails; default: as it deserves
  --bad-configuration S      how an impossible configuration shows: state (default), location, atOnce
  --host-lists N             lists of session hosts in 5 minutes; default 10
  --host-list-scope S        who shares that limit: pool (default), caller, subscription
  --host-page-size N         session hosts on a page; default 500
  --missing-token S          a pool without a registration token: null (default), notFound
  --occupied-host-status N   HTTP status of the refusal to delete a host with sessions; default 409
  --host-domain NAME         hosts of deployments are named with this domain; default: none
  --configurations-in-graph  Resource Graph has session host configurations; default: not
  --canceling-stops          hosts of a canceled deployment are not registered any more; default: what has begun goes on
  --second-deletion S        a request to delete a VM that is being deleted: taken (default), refused
  --machine-retry-after N    Retry-After for operations upon VMs; default: none

While it runs, on the port of Resource Manager, without a token (docs/emulator.md has examples)
  GET  /_emulator/journal    every request so far
  GET  /_emulator/inventory  what exists
  GET  /_emulator/faults     how many faults no request has met yet
  POST /_emulator/faults     trouble for coming requests
  POST /_emulator/runs       how coming runs end
  POST /_emulator/updates    how the next session host update ends
  POST /_emulator/deployments  how the next deployment ends
  POST /_emulator/hosts      what a session host says; who signs in
  POST /_emulator/machines   how the next VM comes up
  POST /_emulator/commands   how the next run command ends
  POST /_emulator/scene      versions, machines and locks that come or go; a template that ages
";

/// What the command line asks for.
pub(crate) enum Asked {
    /// The help.
    Help,
    /// What is assumed.
    Assumed,
    /// To run.
    Run(Box<Arguments>),
}

/// How to run.
pub(crate) struct Arguments {
    /// Ports and folder.
    pub(crate) options: ServerOptions,
    /// The switches of the cloud.
    pub(crate) switches: Switches,
    /// Whether application and identity have roles on blobs.
    pub(crate) blob_roles: bool,
    /// Whether the galleries delete softly.
    pub(crate) soft_delete: bool,
    /// Whether there are host pools.
    pub(crate) host_pools: bool,
}

/// Reads the command line.
///
/// # Errors
///
/// Names the flag that is unknown or whose value is missing or wrong.
pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Asked, String> {
    let mut options = ServerOptions {
        port_base: 10_440,
        folder: std::env::temp_dir().join("azure-emulator"),
        title_case_headers: false,
    };
    let mut speed = Some(20.0);
    let mut blob_roles = true;
    let mut soft_delete = false;
    let mut host_pools = false;
    let mut cancel_call = None;
    let mut switches = Switches::default();
    let mut arguments = arguments.into_iter();
    while let Some(flag) = arguments.next() {
        match flag.as_str() {
            "--help" | "-h" => return Ok(Asked::Help),
            "--assumed" => return Ok(Asked::Assumed),
            "--cancel-call" => cancel_call = Some(value(&flag, arguments.next())?),
            "--no-blob-roles" => blob_roles = false,
            "--soft-delete" => soft_delete = true,
            "--host-pools" => host_pools = true,
            "--port-base" => options.port_base = value(&flag, arguments.next())?,
            "--folder" => options.folder = value::<PathBuf>(&flag, arguments.next())?,
            "--title-case-headers" => options.title_case_headers = true,
            "--speed" => speed = Some(value::<f64>(&flag, arguments.next())?),
            "--immediate" => (switches.progress, speed) = (Progress::Immediate, None),
            "--after-polls" => {
                switches.progress = Progress::AfterPolls(value(&flag, arguments.next())?);
                speed = None;
            }
            _ => switch(&mut switches, &flag, &mut arguments)?,
        }
    }
    if let Some(speed) = speed {
        if !(speed.is_finite() && speed > 0.0) {
            return Err("'--speed' needs a number above 0".to_owned());
        }
        switches.progress = Progress::ByClock(Box::new(Durations::default().scaled(1.0 / speed)));
    }
    switches.cancel_call = match (cancel_call, speed) {
        (Some(seconds), _) => Duration::from_secs(seconds),
        (None, Some(speed)) => switches.cancel_call.div_f64(speed),
        (None, None) => Duration::ZERO,
    };
    Ok(Asked::Run(Box::new(Arguments {
        options,
        switches,
        blob_roles,
        soft_delete,
        host_pools,
    })))
}

fn switch(
    switches: &mut Switches,
    flag: &str,
    rest: &mut impl Iterator<Item = String>,
) -> Result<(), String> {
    match flag {
        "--token-lifetime" => {
            switches.token_lifetime = Duration::from_secs(value(flag, rest.next())?);
        }
        "--run-fails" => switches.run = RunFate::customizer_failed(),
        "--run-fails-as-json" => switches.run = RunFate::distribution_failed_as_json(),
        "--cancel-never-ends" => switches.cancel_never_ends = true,
        "--canceled-operation" => {
            switches.canceled_operation = match rest.next().as_deref() {
                Some("canceled") => CanceledOperation::Canceled,
                Some("failed") => CanceledOperation::Failed,
                Some("succeeded") => CanceledOperation::Succeeded,
                _ => return Err(format!("'{flag}' needs canceled, failed or succeeded")),
            }
        }
        "--validation-writes-not" => switches.source_validation_writes = false,
        "--validation-log-shared" => switches.validation_log = ValidationLog::Shared,
        "--validation-log-alone" => switches.validation_log = ValidationLog::Alone,
        "--validation-needs-no-target" => switches.source_validation_needs_no_target = true,
        "--plain-urls" => switches.operation_urls = OperationUrls::Plain,
        "--retry-after" => switches.retry_after = Some(value(flag, rest.next())?),
        "--not-allowed-status" => switches.not_allowed_status = value(flag, rest.next())?,
        "--delete-missing-404" => switches.delete_missing_status = 404,
        "--date-like-versions" => switches.default_version = DefaultVersion::DateLike,
        "--refuse-read-only" => switches.read_only_members = ReadOnlyMembers::Refused,
        "--refuse-missing-identity" => switches.refuse_missing_identity = true,
        "--builder-api" => switches.newest_builder_version = Some(value(flag, rest.next())?),
        "--internal-error-every" => switches.internal_error_every = Some(value(flag, rest.next())?),
        "--page-size" => switches.page_size = value(flag, rest.next())?,
        "--seed" => switches.seed = value(flag, rest.next())?,
        _ => return version_switch(switches, flag, rest),
    }
    Ok(())
}

fn version_switch(
    switches: &mut Switches,
    flag: &str,
    rest: &mut impl Iterator<Item = String>,
) -> Result<(), String> {
    let versions = &mut switches.versions;
    match flag {
        "--version-changes-fail" => {
            versions.change = Fate::Fail {
                code: "ReplicationJobNotCompleted".to_owned(),
                message: "The replication job has not completed.".to_owned(),
            };
        }
        "--busy-versions" => {
            let busy = match rest.next().as_deref() {
                Some("conflict") => Busy::Conflict,
                Some("notAllowed") => Busy::NotAllowed,
                Some("taken") => Busy::Taken,
                _ => return Err(format!("'{flag}' needs conflict, notAllowed or taken")),
            };
            (versions.change_while_busy, versions.deletion_while_busy) = (busy, busy);
        }
        "--left-out-stays" => versions.what_a_put_leaves_out_stays = true,
        "--regions-go-unasked" => versions.regions_go_unasked = true,
        "--no-false-flags" => versions.false_flags_of_regions_are_left_out = true,
        "--no-empty-tags" => versions.empty_tags_are_left_out = true,
        "--blocked-status" => versions.blocked_status = value(flag, rest.next())?,
        "--block-needs-date" => versions.block_needs_an_end_of_life = true,
        "--block-new-versions" => versions.new_ones_are_blocked = true,
        "--restore-when-asked" => {
            versions.soft_deleted_name = SoftDeletedName::RestoresWhenAsked;
        }
        "--soft-deleted-api" => versions.soft_deleted_list_since = value(flag, rest.next())?,
        "--copies-hide-source" => versions.copies_hide_their_source = true,
        "--copies-need-replica" => versions.copies_need_a_replica = true,
        "--shallow-replicates" => versions.shallow_versions_replicate = true,
        "--old-nested-text" => versions.nested_resources = NestedResources::Unnamed,
        "--merge-tags" => switches.patched_tags = PatchedTags::Merged,
        "--tags-in-lists" => switches.tags_in_lists_by_tag = true,
        "--compute-page-size" => switches.compute_page_size = value(flag, rest.next())?,
        "--graph-lag" => switches.graph_lag = Duration::from_secs(value(flag, rest.next())?),
        "--graph-quota" => switches.graph_quota = value(flag, rest.next())?,
        "--graph-truncates" => switches.graph_pages_are_truncated = true,
        "--late-runs" => switches.run_shows_after = Duration::from_secs(value(flag, rest.next())?),
        "--system-data" => switches.templates_have_system_data = true,
        _ => return desktops::switch(switches, flag, rest),
    }
    Ok(())
}

fn value<T: FromStr>(flag: &str, given: Option<String>) -> Result<T, String> {
    let given = given.ok_or_else(|| format!("'{flag}' needs a value"))?;
    given
        .parse()
        .map_err(|_| format!("'{flag}' cannot be '{given}'"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flag_is_in_the_help() {
        let (source, _) = include_str!("arguments.rs")
            .split_once("#[cfg(test)]")
            .unwrap();
        let source = format!("{source}{}", include_str!("arguments/desktops.rs"));
        let is_flag = |text: &&str| text.starts_with("--") && !text.contains([' ', '\'']);
        let flags: Vec<&str> = source.split('"').filter(is_flag).collect();
        assert!(flags.len() > 20, "{flags:?}");
        for flag in flags {
            assert!(HELP.contains(&format!("  {flag} ")), "{flag}");
        }
    }

    #[test]
    fn the_commands_of_the_page_for_people_are_understood() {
        let page = include_str!("../../../docs/emulator.md");
        let lines = page
            .lines()
            .filter_map(|line| line.strip_prefix("cargo emulator "));
        for line in lines {
            let arguments = line.split_whitespace().map(str::to_owned);
            assert!(parse(arguments).is_ok(), "{line}");
        }
    }

    #[test]
    fn the_call_of_cancel_follows_the_speed_unless_it_is_given() {
        let check = |line: &str, expected: f64| {
            let Ok(Asked::Run(arguments)) = parse(line.split_whitespace().map(str::to_owned))
            else {
                panic!("{line}");
            };
            let found = arguments.switches.cancel_call.as_secs_f64();
            assert!((found - expected).abs() < 1e-9, "{line}: {found}");
        };
        check("", 0.5);
        check("--speed 1", 10.0);
        check("--immediate", 0.0);
        check("--after-polls 2", 0.0);
        check("--cancel-call 3 --immediate", 3.0);
        check("--speed 20 --cancel-call 3", 3.0);
    }

    #[test]
    fn each_flag_of_the_help_is_understood() {
        for line in HELP.lines().filter(|line| line.starts_with("  --")) {
            let mut words = line.split_whitespace();
            let flag = words.next().unwrap().to_owned();
            let kinds = ["N", "F", "S", "DIR", "NAME", "SECONDS", "VERSION"];
            let takes_value = words.next().is_some_and(|word| kinds.contains(&word));
            let value = match flag.as_str() {
                "--canceled-operation" => "failed",
                "--busy-versions"
                | "--second-update"
                | "--update-after-failure"
                | "--second-deletion" => "taken",
                "--update-times" => "utc",
                "--status-members" => "top",
                "--bad-configuration" => "atOnce",
                "--host-list-scope" => "caller",
                "--missing-token" => "notFound",
                _ => "7",
            };
            let arguments =
                std::iter::once(flag.clone()).chain(takes_value.then(|| value.to_owned()));
            assert!(parse(arguments).is_ok(), "{flag}");
        }
        assert!(parse(["--nonsense".to_owned()]).is_err());
        assert!(parse(["--seed".to_owned()]).is_err());
        assert!(parse(["--speed".to_owned(), "0".to_owned()]).is_err());
    }
}
