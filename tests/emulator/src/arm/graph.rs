//! Azure Resource Graph: a query over all resources, behind by a while, in pages, and so many queries at a time
//! (<https://learn.microsoft.com/azure/governance/resource-graph/concepts/work-with-data>,
//! <https://learn.microsoft.com/azure/governance/resource-graph/concepts/guidance-for-throttled-requests>).

mod expression;
mod lexer;
mod query;

use serde_json::{Map, Value, json};
use time::{Duration, OffsetDateTime};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::everything::Existing;
use crate::arm::{Arm, Asked};
use query::Query;

/// The window in which queries are counted.
const WINDOW: Duration = Duration::seconds(5);
/// The largest page, and the usual one.
const MOST: u64 = 1000;
const USUAL: u64 = 100;

impl Arm {
    pub(crate) fn query_resources(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let left = self.count_query(asked.now)?;
        let body = asked.json()?;
        let options = body.get("options").cloned().unwrap_or_default();
        let text = body
            .get("query")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let query = Query::read(text).map_err(|problem| invalid(&problem))?;
        let rows = query
            .run(self.rows(&body, asked.now))
            .map_err(|problem| invalid(&problem))?;
        let total = rows.len();
        let (skip, top) = range(&options)?;
        let page: Vec<Map<String, Value>> = rows.into_iter().skip(skip).take(top).collect();
        let more = total > skip.saturating_add(page.len());
        // The service goes on from page to page only where the rows have ids, and where the query itself sets no limit.
        let can_go_on = more && !query.limits && page.iter().all(|row| row.contains_key("id"));
        let truncated = more && (!can_go_on || self.switches.graph_pages_are_truncated);
        let mut answer = Map::new();
        answer.insert("totalRecords".to_owned(), json!(total));
        answer.insert("count".to_owned(), json!(page.len()));
        let data = match options.get("resultFormat").and_then(Value::as_str) {
            Some("table") => table(&page),
            _ => json!(page),
        };
        answer.insert("data".to_owned(), data);
        answer.insert("facets".to_owned(), json!([]));
        let truncated = if truncated { "true" } else { "false" };
        answer.insert("resultTruncated".to_owned(), json!(truncated));
        if can_go_on {
            let token = format!("emulator-{}-{top}", skip + top);
            answer.insert("$skipToken".to_owned(), json!(token));
        }
        Ok(Answer::new(200, Body::Compact(Value::Object(answer)))
            .with("x-ms-user-quota-remaining", left.to_string())
            .with("x-ms-user-quota-resets-after", "00:00:05")
            .with("x-ms-resource-graph-request-duration", "0:00:00:00.1234567"))
    }

    /// How many more queries are permitted in this window.
    fn count_query(&mut self, now: OffsetDateTime) -> Result<u32, Refusal> {
        self.queries.retain(|at| now - *at < WINDOW);
        let asked = u32::try_from(self.queries.len()).unwrap_or(u32::MAX);
        let Some(left) = self
            .switches
            .graph_quota
            .checked_sub(asked)
            .filter(|left| *left > 0)
        else {
            let mut refusal = Refusal::new(
                429,
                "RateLimiting",
                "Client application has been throttled and should not continue to make requests at this time. Please use the information in \
                 the HTTP headers to determine when to retry.",
            );
            refusal.headers = vec![
                ("x-ms-user-quota-remaining", "0".to_owned()),
                ("x-ms-user-quota-resets-after", "00:00:05".to_owned()),
            ];
            return Err(refusal);
        };
        self.queries.push(now);
        Ok(left - 1)
    }

    /// The table `resources`, as it was a while ago: what came since then is not in it, what went since then still is.
    fn rows(&self, body: &Value, now: OffsetDateTime) -> Vec<Map<String, Value>> {
        let seen = now - self.switches.graph_lag;
        let named = body.get("subscriptions").and_then(Value::as_array);
        let in_scope = |resource: &Existing| {
            named.is_none_or(|named| {
                let mut named = named.iter().filter_map(Value::as_str);
                named.any(|id| id.eq_ignore_ascii_case(resource.subscription()))
            })
        };
        let all = self.everything().into_iter();
        all.filter(|resource| {
            resource.since.is_none_or(|since| since <= seen)
                && resource.until.is_none_or(|until| until > seen)
                && in_scope(resource)
        })
        .map(|resource| self.row(&resource))
        .collect()
    }

    fn row(&self, resource: &Existing) -> Map<String, Value> {
        let of = |name: &str| resource.document.get(name).cloned().unwrap_or_default();
        let name = resource.text("id").rsplit('/').next().unwrap_or_default();
        let mut row = Map::new();
        let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
        put("id", of("id"));
        put("name", json!(name));
        put("type", json!(resource.text("type").to_ascii_lowercase()));
        put("tenantId", json!(self.world.tenant));
        put("kind", json!(""));
        put("location", of("location"));
        put(
            "resourceGroup",
            json!(resource.group().to_ascii_lowercase()),
        );
        put("subscriptionId", json!(resource.subscription()));
        put("managedBy", json!(""));
        for member in ["sku", "plan", "properties", "tags", "identity", "zones"] {
            put(member, of(member));
        }
        put("extendedLocation", Value::Null);
        row
    }
}

/// Where the page begins, and how long it is. A token takes the place of `$skip`.
fn range(options: &Value) -> Result<(usize, usize), Refusal> {
    let number = |name: &str| options.get(name).and_then(Value::as_u64);
    let token = options.get("$skipToken").and_then(Value::as_str);
    let from_token = match token {
        None => None,
        Some(token) => {
            let parts = token
                .strip_prefix("emulator-")
                .and_then(|rest| rest.split_once('-'));
            let parts = parts.and_then(|(skip, top)| Some((skip.parse().ok()?, top.parse().ok()?)));
            let parts: (u64, u64) =
                parts.ok_or_else(|| invalid(&format!("The $skipToken '{token}' is invalid.")))?;
            Some(parts)
        }
    };
    let (skip, usual) = from_token.unwrap_or((number("$skip").unwrap_or(0), USUAL));
    let top = number("$top").unwrap_or(usual);
    if !(1..=MOST).contains(&top) {
        return Err(invalid(&format!(
            "The value {top} of $top is not in the range 1 to {MOST}."
        )));
    }
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    Ok((size(skip), size(top)))
}

fn table(rows: &[Map<String, Value>]) -> Value {
    let names: Vec<&String> = rows
        .first()
        .map(|row| row.keys().collect())
        .unwrap_or_default();
    let kind = |name: &&String| {
        let value = rows.first().and_then(|row| row.get(*name));
        match value {
            Some(Value::String(_)) => "string",
            Some(Value::Bool(_)) => "boolean",
            Some(Value::Number(_)) => "integer",
            _ => "object",
        }
    };
    let columns: Vec<Value> = names
        .iter()
        .map(|name| json!({"name": name, "type": kind(name)}))
        .collect();
    let rows: Vec<Vec<&Value>> = rows.iter().map(|row| row.values().collect()).collect();
    json!({"columns": columns, "rows": rows})
}

/// The refusal of a query; the real one says less of what is wrong with it.
fn invalid(problem: &str) -> Refusal {
    let message = format!(
        "Query is invalid. Please refer to the documentation for the Azure Resource Graph service and fix the error before retrying. {problem}"
    );
    Refusal::new(400, "BadRequest", message)
}
