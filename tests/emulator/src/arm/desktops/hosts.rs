//! Session hosts: lists, which are limited, drain, removal from the pool.

use serde_json::Value;
use time::{Duration, OffsetDateTime};

use super::pools::empty;
use super::{Pool, compact};
use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::clock;
use crate::switches::ListScope;

/// The time in which lists are counted (recorded: `x-rate-limit-limit: 5m`).
const WINDOW: Duration = Duration::minutes(5);

/// The lists that one who shares the limit has had, since the first of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lists {
    since: OffsetDateTime,
    count: u32,
}

impl Arm {
    pub(crate) fn list_session_hosts(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = self.pool_key(asked)?;
        let limit = self.count_list(asked, &key)?;
        let pool = self.pool(asked)?;
        let wanted = asked.query("vmPath");
        let all: Vec<Value> = pool
            .hosts
            .iter()
            .filter(|host| {
                wanted.is_none_or(|path| host.scene.machine.id.eq_ignore_ascii_case(path))
            })
            .map(|host| self.host_document(pool, host, &asked.version, asked.now))
            .collect();
        let mut answer = self.page_of(asked, all)?;
        answer.headers.extend(limit);
        Ok(answer)
    }

    /// Counts a list, and refuses it with 429 once there were too many; the headers that tell of the limit.
    fn count_list(
        &mut self,
        asked: &Asked<'_>,
        pool: &str,
    ) -> Result<Vec<(&'static str, String)>, Refusal> {
        let most = self.switches.desktops.host_lists;
        let sharer = match self.switches.desktops.host_list_scope {
            ListScope::Pool => pool.to_owned(),
            ListScope::Caller => asked.caller.clone(),
            ListScope::Subscription => asked.path.get("subscription").to_ascii_lowercase(),
        };
        let lists = self.host_lists.entry(sharer).or_insert(Lists {
            since: asked.now,
            count: 0,
        });
        if asked.now >= lists.since + WINDOW {
            *lists = Lists {
                since: asked.now,
                count: 0,
            };
        }
        let reset = lists.since + WINDOW;
        let left = most.saturating_sub(lists.count);
        lists.count = lists.count.saturating_add(1);
        let headers = vec![
            ("x-rate-limit-limit", "5m".to_owned()),
            ("x-rate-limit-remaining", left.saturating_sub(1).to_string()),
            ("x-rate-limit-reset", clock::ticks_text(reset)),
        ];
        if left > 0 {
            return Ok(headers);
        }
        let wait = (reset - asked.now).whole_seconds().max(0) + 1;
        let text = format!("API calls quota exceeded! maximum admitted {most} per 5m.");
        let mut refusal = self.desktop_refusal(asked, 429, &text);
        refusal.headers = headers;
        refusal.headers.push(("retry-after", wait.to_string()));
        Err(refusal)
    }

    pub(crate) fn get_session_host(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let pool = self.pool(asked)?;
        if let Some(host) = pool.host(asked.path.get("host")) {
            return Ok(compact(self.host_document(
                pool,
                host,
                &asked.version,
                asked.now,
            )));
        }
        Err(self.no_host(asked))
    }

    /// Drains a host or lets it in again, at once (recorded).
    pub(crate) fn patch_session_host(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.existing_host(asked)?;
        let body = asked.json()?;
        let properties = body.get("properties").and_then(Value::as_object);
        for (name, value) in properties.into_iter().flatten() {
            let fits = match name.as_str() {
                "allowNewSession" => value.is_boolean(),
                "assignedUser" | "friendlyName" => value.is_string() || value.is_null(),
                _ => false,
            };
            if !fits {
                let text = format!("The property '{name}' cannot be set to {value}");
                return Err(self.desktop_refusal(asked, 400, &text));
            }
        }
        let caller = asked.caller.clone();
        let pool = self.pool_mut(asked)?;
        if let Some(host) = pool.host_mut(asked.path.get("host")) {
            for (name, value) in properties.into_iter().flatten() {
                match name.as_str() {
                    "allowNewSession" => {
                        let open = value.as_bool().unwrap_or_default();
                        host.scene.allow_new_session = open;
                        // What is set while the host is being updated holds after that.
                        if let Some((before, _)) = &mut host.upgrading {
                            *before = open;
                        }
                    }
                    "assignedUser" => host.assigned_user = value.clone(),
                    _ => host.friendly_name = value.clone(),
                }
            }
            host.modified = Some((caller, asked.now));
        }
        self.get_session_host(asked)
    }

    /// Removes the registration; the VM stays. With sessions only by force, and without a host 204 as well.
    pub(crate) fn delete_session_host(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let name = asked.path.get("host");
        let force = asked
            .query("force")
            .is_some_and(|force| force.eq_ignore_ascii_case("true"));
        let host = self.pool(asked)?.host(name);
        let occupied = host.is_some_and(|host| !host.scene.sessions.is_empty());
        if occupied && !force {
            let status = self.switches.desktops.occupied_host_status;
            let text = "SessionHost has user sessions; delete it by force";
            return Err(self.desktop_refusal(asked, status, text));
        }
        let pool = self.pool_mut(asked)?;
        pool.hosts
            .retain(|host| !host.scene.name.eq_ignore_ascii_case(name));
        Ok(Answer::new(204, Body::None))
    }

    /// 200 and nothing else (recorded).
    pub(crate) fn retry_provisioning(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.existing_host(asked)?;
        Ok(empty(200))
    }

    pub(super) fn existing_host(&mut self, asked: &Asked<'_>) -> Result<(), Refusal> {
        let there = self.pool(asked)?.host(asked.path.get("host")).is_some();
        if there {
            Ok(())
        } else {
            Err(self.no_host(asked))
        }
    }

    fn no_host(&mut self, asked: &Asked<'_>) -> Refusal {
        self.desktop_refusal(asked, 404, "SessionHost does not exist")
    }

    /// The image of a VM: the id of a version, or publisher, offer, SKU and version; empty when the VM is gone.
    pub(super) fn image_of_machine(&self, id: &str) -> String {
        let document = self
            .placed(&crate::ids::key(id))
            .map(crate::arm::machines::Placed::document);
        let reference = document
            .as_ref()
            .and_then(|document| document.pointer("/properties/storageProfile/imageReference"));
        let text = |name: &str| {
            let value = reference.and_then(|reference| reference.get(name)?.as_str());
            value.unwrap_or_default()
        };
        match (text("id"), text("publisher")) {
            ("", "") => String::new(),
            ("", publisher) => format!(
                "{publisher}:{}:{}:{}",
                text("offer"),
                text("sku"),
                text("exactVersion")
            ),
            (id, _) if id.contains("/versions/") => id.to_owned(),
            (id, _) => format!("{id}/versions/{}", text("exactVersion")),
        }
    }

    /// Lets a user sign in to a pool: on the host with the fewest sessions of those that take them; its name.
    pub(crate) fn sign_in(
        &mut self,
        pool: &str,
        user: &str,
        now: OffsetDateTime,
    ) -> Option<String> {
        let key = crate::ids::key(pool);
        let takes = |arm: &Self, host: &super::Host| {
            host.scene.allow_new_session && arm.host_status(host, now) == "Available"
        };
        let known = self.pools.get(&key)?;
        let name = known
            .hosts
            .iter()
            .filter(|host| takes(self, host))
            .min_by_key(|host| host.scene.sessions.len())
            .map(|host| host.scene.name.clone())?;
        let host = self
            .pools
            .get_mut(&key)
            .and_then(|pool: &mut Pool| pool.host_mut(&name))?;
        let id = host.scene.sessions.iter().map(|session| session.id).max();
        host.scene.sessions.push(crate::pools::UserSession {
            created: Some(now),
            ..crate::pools::UserSession::active(id.unwrap_or(1) + 1, user)
        });
        Some(name)
    }
}
