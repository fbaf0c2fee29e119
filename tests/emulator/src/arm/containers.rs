//! Microsoft.ContainerInstance, as far as a build can be watched through it.

use std::time::Duration;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::log::content;
use crate::arm::template::Template;
use crate::arm::{Arm, Asked};
use crate::progress::{Progress, RunFate, SubState};

const GROUP: &str = "vmimagebuilder-build-container-1";
const CONTAINER: &str = "vmimagebuilder-build-container";
/// The service keeps no more of a container's output.
const WINDOW: usize = 4 * 1024 * 1024;

impl Arm {
    pub(crate) fn list_container_groups(&self, asked: &Asked<'_>) -> Answer {
        let building = self.building_in(asked.path.get("group"));
        let group = building.map(|template| {
            let id = template.staging.as_ref().map_or("", |staging| &staging.id);
            json!({
                "id": format!("{id}/providers/Microsoft.ContainerInstance/containerGroups/{GROUP}"),
                "name": GROUP,
                "type": "Microsoft.ContainerInstance/containerGroups",
                "location": template.location,
                "properties": {
                    "provisioningState": "Succeeded",
                    "osType": "Linux",
                    "containers": [{"name": CONTAINER, "properties": {"ports": []}}],
                },
            })
        });
        let groups: Vec<Value> = group.into_iter().collect();
        Answer::new(200, Body::Compact(json!({"value": groups})))
    }

    pub(crate) fn get_container_log(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let (group, name) = (asked.path.get("group"), asked.path.get("containers"));
        let known = name.eq_ignore_ascii_case(GROUP)
            && asked.path.get("container").eq_ignore_ascii_case(CONTAINER);
        let template = self.building_in(group).filter(|_| known).ok_or_else(|| {
            Refusal::not_found("Microsoft.ContainerInstance/containerGroups", name, group)
        })?;
        let log = self.output_so_far(template, asked.now);
        let tail = asked.query("tail").and_then(|tail| tail.parse().ok());
        let lines: Vec<&str> = log.split_inclusive('\n').collect();
        let first = lines.len().saturating_sub(tail.unwrap_or(usize::MAX));
        let text = lines.get(first..).unwrap_or_default().concat();
        let mut cut = text.len().saturating_sub(WINDOW);
        while !text.is_char_boundary(cut) {
            cut += 1;
        }
        let content = text.get(cut..).unwrap_or_default();
        Ok(Answer::new(200, Body::Compact(json!({"content": content}))))
    }

    /// The template whose staging group this is, while its build VM is at work.
    fn building_in(&self, group: &str) -> Option<&Template> {
        let at_work = |template: &&Template| {
            let state = template.last_run.as_ref().and_then(|run| run.sub_state);
            matches!(state, Some(SubState::Building | SubState::Customizing))
        };
        let here = |template: &&Template| {
            let staging = template.staging.as_ref();
            staging.is_some_and(|staging| staging.group.eq_ignore_ascii_case(group))
        };
        let mut templates = self.templates.values();
        self.switches
            .isolated_builds
            .then(|| templates.find(|template| here(template) && at_work(template)))
            .flatten()
    }

    /// The payload of the log, as much of it as the elapsed share of the build.
    fn output_so_far(&self, template: &Template, now: OffsetDateTime) -> String {
        let fails = template
            .run
            .as_ref()
            .is_some_and(|run| matches!(run.fate, RunFate::Fail { .. }));
        let log = match &self.switches.log {
            Some(log) => String::from_utf8_lossy(log).into_owned(),
            None => content(
                template,
                "operation",
                fails.then_some(""),
                (now, Duration::ZERO),
            ),
        };
        let payload = |line: &str| {
            let (_, text) = line.split_once("ui: ").or(line.split_once("PACKER OUT "))?;
            Some(format!("{text}\n"))
        };
        let lines: Vec<String> = log.lines().filter_map(payload).collect();
        let share = match (&self.switches.progress, &template.last_run) {
            (Progress::ByClock(durations), Some(run)) => {
                let elapsed = (now - run.start).as_seconds_f64() - durations.queued.as_secs_f64();
                let whole = durations.building + durations.customizing;
                (elapsed / whole.as_secs_f64()).clamp(0.0, 1.0)
            }
            _ => 1.0,
        };
        let written = (0..lines.len()).filter(|index| {
            let before = u32::try_from(*index).unwrap_or(u32::MAX);
            let all = u32::try_from(lines.len()).unwrap_or(u32::MAX);
            f64::from(before) < share * f64::from(all)
        });
        lines.get(..written.count()).unwrap_or_default().concat()
    }
}
