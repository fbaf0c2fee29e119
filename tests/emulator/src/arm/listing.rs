//! Lists in pages.

use serde_json::{Map, Value, json};

use crate::arm::answer::Refusal;
use crate::arm::{Arm, Asked};

impl Arm {
    /// The page of a list that a request asks for. `token` is the name of the query parameter that tells where it begins.
    pub(crate) fn page(
        &self,
        asked: &Asked<'_>,
        all: Vec<Value>,
        size: usize,
        token: &str,
    ) -> Result<Value, Refusal> {
        let skip = asked.query(token).map_or(Ok(0), str::parse::<usize>);
        let skip = skip.map_err(|_| {
            let message = format!("The query parameter '{token}' is not one that was given out.");
            Refusal::new(400, "InvalidSkipToken", message)
        })?;
        let more = all.len() > skip.saturating_add(size);
        let page: Vec<Value> = all.into_iter().skip(skip).take(size).collect();
        let mut list = Map::new();
        list.insert("value".to_owned(), json!(page));
        if more {
            let mut next = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &asked.query {
                if !name.eq_ignore_ascii_case(token) {
                    next.append_pair(name, value);
                }
            }
            next.append_pair(token, &(skip + size).to_string());
            let (arm, path) = (&self.world.addresses.arm, asked.raw.uri().path());
            let next = format!("{arm}{path}?{}", next.finish());
            list.insert("nextLink".to_owned(), json!(next));
        }
        Ok(Value::Object(list))
    }
}
