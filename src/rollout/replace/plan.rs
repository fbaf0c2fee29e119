//! What is to be made: names, numbers, deployments; and why it cannot be.

use crate::resource::tag::LONGEST_VALUE;
use crate::resource::tag::ROLLOUT_DRAINED_BEFORE;
use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::json;

use crate::arm::deployment::Deployment;
use crate::arm::machine::MACHINE;
use crate::inputs::manifest::{CANARY_HOSTS, HOST_COUNT, HOST_NAME_PREFIX, SESSION_HOST_TEMPLATE};
use crate::inputs::rollout::HostTemplate;
use crate::inputs::{Rollout, RolloutMethod, WantedImage};
use crate::resource::{ResourceGroupId, ResourceId, quoted};
use crate::rollout::codes;
use crate::rollout::host::Host;
use crate::rollout::method::{check_template, template};
use crate::rollout::outcome::{NotRolledOut, Refused};
use crate::rollout::own_deployments;
use crate::rollout::preflight::Preflight;
use crate::rollout::sizing::{self, LONGEST_NAME, Span, Wanted};
use crate::rollout::step::{Ongoing, RolloutStep};
use crate::wording::counted;

/// The tag of a deployment that says which hosts were drained before it: they are not ours to switch off. Azure takes values of 256 characters.
/// The most tags of this kind; a resource has 50.
const MOST_TAGS: usize = 40;
/// The value where no host was drained. No host has such a name.
const NONE: &str = "-";
/// The value where more were drained than the tags have room for.
const TOO_MANY: &str = "*";

/// One of the two deployments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name.
    pub(super) name: String,
    /// What it is asked for.
    pub(super) span: Span,
    /// The hosts that it makes, without those that are there.
    pub(super) new: Range<u32>,
}

/// What a replacement makes.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) group: ResourceGroupId,
    pub(super) prefix: String,
    pub(super) total: u32,
    pub(super) canary: Option<Part>,
    pub(super) rest: Option<Part>,
    /// Hosts that someone has drained before the first attempt.
    pub(super) drained_before: BTreeSet<String>,
    /// Whether those are known. Else they are all that are drained now, an earlier attempt's own with them.
    pub(super) is_noted: bool,
    /// Whether an earlier attempt has begun.
    pub(super) is_second: bool,
    image: WantedImage,
    /// What the names of both deployments begin with.
    deployment: String,
}

/// What would be done, a line each; or why it cannot be done.
pub(in crate::rollout) async fn plan(
    step: &RolloutStep<'_>,
    found: &Preflight,
) -> Result<Vec<String>, NotRolledOut> {
    let plan = Plan::of(step, found).await?;
    let mut lines = Vec::new();
    if !found.settled {
        for part in [&plan.canary, &plan.rest].into_iter().flatten() {
            lines.push(format!(
                "make {}:  {} by deployment {} in resource group {}",
                counted(part.new.len(), "host"),
                plan.names_of(&part.new),
                part.name,
                plan.group.name()
            ));
        }
    }
    let open = |host: &&Host| host.host.allow_new_session && !host.is_wanted;
    let old: Vec<&str> = found
        .hosts
        .iter()
        .filter(open)
        .map(|host| host.host.name.as_str())
        .collect();
    if !old.is_empty() {
        lines.push(format!(
            "when all are healthy, let users in and drain {}:  {}",
            counted(old.len(), "host"),
            old.join(", ")
        ));
    }
    let old: Vec<String> = plan
        .old_of(&found.hosts)
        .into_iter()
        .map(|host| host.host.name)
        .collect();
    if !old.is_empty() {
        let grace = step.request.grace.as_secs() / 60;
        let when = match grace {
            0 => "when their users have signed out".to_owned(),
            minutes => format!("{minutes} minutes after a message to their users"),
        };
        let what = if step.request.keeps_old(RolloutMethod::Replace) {
            "deallocate and keep"
        } else {
            "delete"
        };
        lines.push(format!(
            "{when}, {what} {}:  {}",
            counted(old.len(), "host"),
            old.join(", ")
        ));
    }
    Ok(lines)
}

impl Plan {
    /// What is to be made, with what earlier attempts have settled.
    pub(super) async fn of(
        step: &RolloutStep<'_>,
        found: &Preflight,
    ) -> Result<Self, NotRolledOut> {
        let request = step.request;
        check_template(request)?;
        let template = template(request)?;
        let is_own =
            |deployment: &&Deployment| own_deployments::deploys(deployment, &request.image);
        let canary = found.own.canary.as_ref().filter(is_own);
        let rest = found.own.rest.as_ref().filter(is_own);
        let span = |deployment: Option<&Deployment>| deployment.map(span_of);
        let wanted = request.host_count.map_or(Wanted::Same, Wanted::Number);
        let open = found.hosts.iter();
        let open = open.filter(|host| host.host.allow_new_session && !host.is_wanted);
        let open = u32::try_from(open.count()).unwrap_or(u32::MAX);
        let total = sizing::to_make(wanted, open, span(canary), span(rest));
        if total == 0 && !found.settled {
            return Err(no_count(request).into());
        }
        // The build's number may have changed since; what was begun has its names.
        let begun = canary.or(rest);
        let noted = begun.and_then(noted);
        let prefix = begun.and_then(|it| it.text("namePrefix"));
        let prefix = prefix.filter(|prefix| is_prefix(prefix));
        let prefix = prefix.unwrap_or(&request.names.prefix).to_owned();
        if !sizing::names_fit(&prefix, total) {
            return Err(too_long(&prefix, total).into());
        }
        // What an earlier attempt has made as canaries are the canaries.
        let canaries = span(canary).map_or(request.canary, |span| span.count);
        let canaries = if canary.is_none() && rest.is_some() {
            span(rest).map_or(0, |span| span.first)
        } else {
            canaries
        };
        let takes_first = template.parameter("firstIndex").is_some();
        let (first, second) = sizing::split(total, canaries, takes_first);
        check_limits(request, template, &prefix, [first, second])?;
        let part = |kind: &str, span: Span, from: u32| Part {
            name: own_deployments::name(request, kind),
            span,
            new: from.max(span.first)..span.end(),
        };
        let made = first.map_or(0, |span| span.count);
        let plan = Self {
            group: request.group.clone(),
            prefix,
            total,
            canary: first.map(|span| part("canary", span, 0)),
            rest: second.map(|span| part("rest", span, made)),
            is_second: begun.is_some(),
            is_noted: begun.is_none() || noted.is_some(),
            drained_before: noted.unwrap_or_else(|| drained(&found.hosts)),
            image: request.image.clone(),
            deployment: request.names.deployment.clone(),
        };
        if !found.settled {
            plan.check_names(step, found).await?;
        }
        Ok(plan)
    }

    /// Whether a deployment is one of ours for this version.
    pub(super) fn is_own(&self, deployment: &Deployment) -> bool {
        own_deployments::deploys(deployment, &self.image)
    }

    /// The name of the host with this number.
    pub(super) fn host_name(&self, number: u32) -> String {
        sizing::host_name(&self.prefix, number)
    }

    /// The VM with this number.
    pub(super) fn machine(&self, number: u32) -> ResourceId {
        let name = sizing::host_name(&self.prefix, number);
        ResourceId::in_group(self.group.subscription(), self.group.name(), MACHINE, &name)
    }

    /// The number of a new host, if it is one.
    pub(super) fn number(&self, host: &Host) -> Option<u32> {
        self.number_of(host.host.machine.as_ref()?)
    }

    /// The number of a VM, if it is one of ours.
    pub(super) fn number_of(&self, machine: &ResourceId) -> Option<u32> {
        let number = machine
            .name()
            .to_ascii_lowercase()
            .strip_prefix(&format!("{}-", self.prefix.to_ascii_lowercase()))?
            .parse()
            .ok()?;
        (number < self.total && *machine == self.machine(number)).then_some(number)
    }

    /// What goes on once the deployment of a part is asked for.
    pub(super) fn ongoing(&self, part: &Part) -> Ongoing {
        Ongoing::Deployment {
            group: self.group.clone(),
            name: part.name.clone(),
            machines: part
                .new
                .clone()
                .map(|number| self.machine(number))
                .collect(),
        }
    }

    /// `avd-0..7`.
    pub(super) fn names_of(&self, numbers: &Range<u32>) -> String {
        let first = sizing::host_name(&self.prefix, numbers.start);
        match numbers.len() {
            0 | 1 => first,
            _ => format!("{first}..{}", numbers.end - 1),
        }
    }

    /// The hosts of other versions that are ours to switch off: those that serve users, or did until an attempt of ours. Who drained one before
    /// wants it as it is, and a host that an earlier roll-out has kept has no session and does not run.
    pub(super) fn old_of(&self, hosts: &[Host]) -> Vec<Host> {
        let old = hosts.iter().filter(|host| {
            !host.is_wanted
                && !self
                    .drained_before
                    .contains(&host.host.name.to_ascii_lowercase())
        });
        old.cloned().collect()
    }

    /// The value of the tag of a VM that is about to be deleted: found again by a later attempt, and by no other roll-out.
    pub(super) fn removing(&self) -> String {
        format!("removing:{}", self.deployment)
    }

    /// As tags of the deployment, for a second attempt. There is always one, so that tags that someone has removed are missed.
    pub(super) fn tags(&self) -> Vec<(String, String)> {
        let mut lines = vec![String::new()];
        for host in &self.drained_before {
            match lines.last_mut() {
                Some(line) if line.len() + host.len() < LONGEST_VALUE => {
                    if !line.is_empty() {
                        line.push(',');
                    }
                    line.push_str(host);
                }
                _ => lines.push(host.clone()),
            }
        }
        // Half of a list would make hosts of others ours.
        if lines.len() > MOST_TAGS || lines.iter().any(|line| line.len() > LONGEST_VALUE) {
            return vec![(ROLLOUT_DRAINED_BEFORE.to_owned(), TOO_MANY.to_owned())];
        }
        if let [line] = lines.as_mut_slice()
            && line.is_empty()
        {
            NONE.clone_into(line);
        }
        let name = |number: usize| match number {
            0 => ROLLOUT_DRAINED_BEFORE.to_owned(),
            more => format!("{ROLLOUT_DRAINED_BEFORE}{}", more + 1),
        };
        let lines = lines.into_iter().enumerate();
        lines.map(|(number, line)| (name(number), line)).collect()
    }

    /// The first number of which no begun deployment of ours has made a host: the rest is begun only after the canary. The names before it are
    /// ours, for they were free.
    fn begun(&self, canary: Option<&Deployment>, rest: Option<&Deployment>) -> u32 {
        let all = [canary, rest].into_iter().flatten();
        let own = all
            .filter(|deployment| self.is_own(deployment))
            .map(|own| span_of(own).end());
        own.max().unwrap_or_default()
    }

    /// Names that are taken would be changed or refused by the deployment.
    async fn check_names(
        &self,
        step: &RolloutStep<'_>,
        found: &Preflight,
    ) -> Result<(), NotRolledOut> {
        let begun = self.begun(found.own.canary.as_ref(), found.own.rest.as_ref());
        if begun >= self.total {
            return Ok(());
        }
        let number = |name: &str| {
            let plain = name.split('.').next().unwrap_or_default();
            let mut numbers = begun..self.total;
            numbers.find(|number| self.host_name(*number).eq_ignore_ascii_case(plain))
        };
        let machines = step.arm.machines_in(&self.group).await?;
        let machines = machines.iter().map(|machine| machine.name().to_owned());
        let hosts = found.hosts.iter().map(|host| host.host.name.clone());
        let mut taken: BTreeSet<(u32, String)> = hosts
            .chain(machines)
            .filter_map(|name| Some((number(&name)?, name)))
            .collect();
        if taken.is_empty() {
            return Ok(());
        }
        // A job beside may have begun in the meantime.
        let canary = step.own_deployment("canary").await?;
        let rest = step.own_deployment("rest").await?;
        let begun = self.begun(canary.as_ref(), rest.as_ref());
        taken.retain(|(number, _)| *number >= begun);
        let taken: BTreeSet<String> = taken.into_iter().map(|(_, name)| name).collect();
        if taken.is_empty() {
            return Ok(());
        }
        let taken: Vec<String> = taken.into_iter().collect();
        let text = format!(
            "Rolling out to host pool '{}' failed: {} of the names that the new hosts would get {} taken: {}",
            step.request.pool.name(),
            taken.len(),
            if taken.len() == 1 { "is" } else { "are" },
            taken.join(", ")
        );
        let hint = format!(
            "give another prefix with input '{}'; or, if an earlier roll-out left them and they are not needed, remove them from the host pool and delete their VMs: az vm list --resource-group {} --output table",
            HOST_NAME_PREFIX.name,
            quoted(self.group.name())
        );
        Err(Refused::new(codes::NAME_TAKEN, text, Some(hint)).into())
    }
}

/// Whether new hosts failed, and nothing of the old ones was touched.
pub(super) fn is_of_new_hosts(error: &NotRolledOut) -> bool {
    match error {
        NotRolledOut::Refused(refused) => {
            [codes::NOT_HEALTHY, codes::NOT_DEPLOYED].contains(&refused.code)
        }
        _ => false,
    }
}

/// The numbers of the hosts that a deployment was to make.
fn span_of(deployment: &Deployment) -> Span {
    let number = |name: &str| deployment.number(name).unwrap_or_default();
    Span {
        first: number("firstIndex"),
        count: number("count"),
    }
}

/// What may be a part of names: others can write what comes back from Azure.
fn is_prefix(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
    (1..=12).contains(&text.len()) && text.chars().all(plain)
}

/// The hosts that were drained before the first attempt, in lower case, by the tags of its deployment; nothing where these do not tell. What stands
/// there only takes hosts out of what is switched off.
fn noted(begun: &Deployment) -> Option<BTreeSet<String>> {
    let tags = begun.tags.iter().filter(|(name, _)| {
        let start = name.get(..ROLLOUT_DRAINED_BEFORE.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(ROLLOUT_DRAINED_BEFORE))
    });
    let names: BTreeSet<String> = tags
        .flat_map(|(_, names)| names.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty())
        .collect();
    (!names.is_empty() && !names.contains(TOO_MANY)).then_some(names)
}

/// The hosts of other versions that are drained, in lower case.
fn drained(hosts: &[Host]) -> BTreeSet<String> {
    hosts
        .iter()
        .filter(|host| !host.is_open() && !host.is_wanted)
        .map(|host| host.name().to_ascii_lowercase())
        .collect()
}

fn no_count(request: &Rollout) -> Refused {
    let text = format!(
        "Input '{}': 'same' creates as many hosts as are open in host pool '{}', and none is",
        HOST_COUNT.name,
        request.pool.name()
    );
    let hint = "give the number of hosts to create".to_owned();
    Refused::new(codes::MALFORMED, text, Some(hint))
}

/// Whether the template takes what the step fills in: Azure would refuse the rest after the canary was made.
fn check_limits(
    request: &Rollout,
    template: &HostTemplate,
    prefix: &str,
    spans: [Option<Span>; 2],
) -> Result<(), Refused> {
    let spans: Vec<Span> = spans.into_iter().flatten().collect();
    let mut given = vec![
        ("imageVersionId", json!(request.image.to_string())),
        ("hostPoolName", json!(request.pool.name())),
        ("namePrefix", json!(prefix)),
    ];
    given.extend(spans.iter().map(|span| ("count", json!(span.count))));
    given.extend(spans.iter().map(|span| ("firstIndex", json!(span.first))));
    let mut beyond = given.into_iter().filter_map(|(name, value)| {
        let limit = template.limit_against(name, &value)?;
        Some((name, value, limit))
    });
    let Some((name, value, limit)) = beyond.next() else {
        return Ok(());
    };
    let what = if name == "count" {
        let number = value.as_u64().unwrap_or_default();
        let are = if number == 1 { "is" } else { "are" };
        format!(
            "{} {are} to be created by one deployment",
            counted(number, "host")
        )
    } else {
        format!("parameter '{name}' of the template is to be {value}")
    };
    let it = if name == "count" {
        "parameter 'count' of the template"
    } else {
        "it"
    };
    let text = format!(
        "Rolling out to host pool '{}' failed: {what}, but {it} {}; nothing was sent",
        request.pool.name(),
        limit.takes
    );
    let file = format!(
        "'{}' in the file of input '{}'",
        limit.member, SESSION_HOST_TEMPLATE.name
    );
    let hint = match (name, limit.member) {
        ("count", "maxValue") => format!(
            "give a smaller number in input '{}', or raise {file}",
            HOST_COUNT.name
        ),
        ("count", "minValue") => format!(
            "set '{}' to another number, or lower {file}",
            CANARY_HOSTS.name
        ),
        ("namePrefix", _) => format!(
            "give another prefix in input '{}', or change {file}",
            HOST_NAME_PREFIX.name
        ),
        _ => format!("change {file}"),
    };
    Err(Refused::new(codes::MALFORMED, text, Some(hint)))
}

fn too_long(prefix: &str, total: u32) -> Refused {
    let text = format!(
        "Input '{}': '{}' has more than {LONGEST_NAME} characters, which is the limit for the name of a Windows computer",
        HOST_NAME_PREFIX.name,
        sizing::host_name(prefix, total.saturating_sub(1))
    );
    let hint = "give a shorter prefix".to_owned();
    Refused::new(codes::MALFORMED, text, Some(hint))
}
