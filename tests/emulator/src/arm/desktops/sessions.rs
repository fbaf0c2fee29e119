//! Users on session hosts: lists, messages, log off.

use serde_json::{Value, json};

use super::compact;
use super::documents::session_document;
use super::pools::empty;
use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::pools::UserSession;

/// A message that was shown to a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The host that the user works on.
    pub host: String,
    /// `userPrincipalName`.
    pub user: String,
    /// The title; empty for the message of an update.
    pub title: String,
    /// The text.
    pub text: String,
}

impl Arm {
    /// All sessions of a pool, without `systemData`, and `nextLink` in any case (recorded).
    pub(crate) fn list_user_sessions(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let filter = asked.query("$filter").unwrap_or_default();
        let Some(terms) = terms(filter) else {
            let text = format!("The filter '{filter}' is not valid");
            return Err(self.desktop_refusal(asked, 400, &text));
        };
        let fits = |session: &UserSession| {
            terms.iter().all(|(name, value)| match name.as_str() {
                "userprincipalname" => session.user.eq_ignore_ascii_case(value),
                "sessionstate" => session.state.eq_ignore_ascii_case(value),
                _ => false,
            })
        };
        let pool = self.pool(asked)?;
        let all: Vec<Value> = pool
            .hosts
            .iter()
            .flat_map(|host| {
                host.scene
                    .sessions
                    .iter()
                    .map(move |session| (host, session))
            })
            .filter(|(_, session)| fits(session))
            .map(|(host, session)| session_document(pool, host, session, false))
            .collect();
        with_next_link(self.page_of(asked, all)?)
    }

    /// The sessions of a host, in the order of their numbers (recorded).
    pub(crate) fn list_sessions_of_host(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.existing_host(asked)?;
        let pool = self.pool(asked)?;
        let Some(host) = pool.host(asked.path.get("host")) else {
            return Ok(compact(json!({"value": [], "nextLink": null})));
        };
        let mut sessions: Vec<&UserSession> = host.scene.sessions.iter().collect();
        sessions.sort_by_key(|session| session.id);
        let sessions = sessions.into_iter();
        let all = sessions
            .map(|session| session_document(pool, host, session, true))
            .collect();
        with_next_link(self.page_of(asked, all)?)
    }

    pub(crate) fn get_user_session(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.existing_session(asked, "User session does not exist")?;
        let pool = self.pool(asked)?;
        let found = pool.host(asked.path.get("host")).and_then(|host| {
            let mut sessions = host.scene.sessions.iter();
            let session = sessions.find(|session| is(session, asked))?;
            Some(session_document(pool, host, session, true))
        });
        Ok(compact(found.unwrap_or_default()))
    }

    /// Signs the user out (recorded, without `force`).
    pub(crate) fn delete_user_session(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let pool = self.pool_mut(asked)?;
        if let Some(host) = pool.host_mut(asked.path.get("host")) {
            host.scene.sessions.retain(|session| !is(session, asked));
        }
        Ok(Answer::new(204, Body::None))
    }

    pub(crate) fn disconnect_user_session(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.existing_session(asked, "User session ID not found")?;
        let pool = self.pool_mut(asked)?;
        if let Some(host) = pool.host_mut(asked.path.get("host")) {
            let mut sessions = host.scene.sessions.iter_mut();
            if let Some(session) = sessions.find(|session| is(session, asked)) {
                "Disconnected".clone_into(&mut session.state);
            }
        }
        Ok(empty(200))
    }

    /// Shows the user a message.
    pub(crate) fn send_message(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.existing_session(asked, "User session ID not found")?;
        let body = asked.json()?;
        let member = |name: &str| {
            let value = body.get(name).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        let unknown = body.as_object().and_then(|body| {
            let mut names = body.keys();
            names.find(|name| !["messageTitle", "messageBody"].contains(&name.as_str()))
        });
        if unknown.is_some() || member("messageBody").is_empty() {
            let text = "A message has the members 'messageTitle' and 'messageBody'";
            return Err(self.desktop_refusal(asked, 400, text));
        }
        let pool = self.pool(asked)?;
        let Some(host) = pool.host(asked.path.get("host")) else {
            return Ok(empty(200));
        };
        let mut sessions = host.scene.sessions.iter();
        let user = sessions.find(|session| is(session, asked));
        let message = Message {
            host: host.scene.name.clone(),
            user: user.map(|session| session.user.clone()).unwrap_or_default(),
            title: member("messageTitle"),
            text: member("messageBody"),
        };
        self.messages.push(message);
        Ok(empty(200))
    }

    fn existing_session(&mut self, asked: &Asked<'_>, text: &str) -> Result<(), Refusal> {
        let host = self.pool(asked)?.host(asked.path.get("host"));
        let there = host.is_some_and(|host| {
            let mut sessions = host.scene.sessions.iter();
            sessions.any(|session| is(session, asked))
        });
        if there {
            Ok(())
        } else {
            Err(self.desktop_refusal(asked, 404, text))
        }
    }
}

fn is(session: &UserSession, asked: &Asked<'_>) -> bool {
    session.id.to_string() == asked.path.get("session")
}

/// `userPrincipalName eq '...'` and `sessionState eq '...'`, joined by `and`; the names in lower case.
fn terms(filter: &str) -> Option<Vec<(String, String)>> {
    let filter = filter.trim();
    if filter.is_empty() {
        return Some(Vec::new());
    }
    filter
        .split(" and ")
        .map(|term| {
            let (name, value) = term.trim().split_once(" eq ")?;
            let value = value.trim().strip_prefix('\'')?.strip_suffix('\'')?;
            let name = name.trim().to_ascii_lowercase();
            let known = ["userprincipalname", "sessionstate"];
            known
                .contains(&name.as_str())
                .then(|| (name, value.to_owned()))
        })
        .collect()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "the callers give it back as it is"
)]
fn with_next_link(mut answer: Answer) -> Result<Answer, Refusal> {
    if let Body::Compact(Value::Object(list)) = &mut answer.body
        && !list.contains_key("nextLink")
    {
        list.insert("nextLink".to_owned(), Value::Null);
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_filters() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(terms(""), Some(Vec::new()));
        assert_eq!(
            terms("userPrincipalName eq 'a@b.c' and sessionState eq 'Active'"),
            Some(vec![
                pair("userprincipalname", "a@b.c"),
                pair("sessionstate", "Active")
            ])
        );
        assert_eq!(terms("kind eq 'a'"), None);
        assert_eq!(terms("sessionState eq Active"), None);
    }
}
