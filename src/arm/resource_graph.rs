//! Azure Resource Graph: a query over the resources of all subscriptions that the caller may read, seconds to minutes behind.
//!
//! <https://learn.microsoft.com/rest/api/azureresourcegraph/resourcegraph/resources/resources>

use http::Method;
use serde_json::{Map, Value, json};

use super::api::RESOURCE_GRAPH;
use super::failure::{Cause, Failure};
use super::resource_manager::Arm;
use super::retry::Repeat;

/// The largest page that the service gives.
const PAGE: u32 = 1000;
/// How many rows are read; a query that finds more is not one of ours.
const MOST_PAGES: usize = 200;

/// A row of an answer: columns by name.
pub type Row = Map<String, Value>;

/// One page of an answer.
#[derive(Debug, PartialEq)]
struct Page {
    rows: Vec<Row>,
    /// How many rows the query has on all pages, where the answer says so.
    total: Option<u64>,
    /// What leads to the next page.
    next: Option<String>,
    /// Whether rows are left out. While another page follows, that is normal.
    truncated: bool,
}

impl Arm {
    /// Every row of `query`, or a failure if the answer is not whole. `doing` stands before "failed".
    ///
    /// No subscription is named, so the service looks in all that the caller may read. It leaves out silently what the caller cannot read.
    pub async fn query_resources(&self, doing: &str, query: &str) -> Result<Vec<Row>, Failure> {
        let path = "/providers/Microsoft.ResourceGraph/resources";
        let unreadable = |reason: &str| Failure::of(doing, Cause::Unreadable(reason.to_owned()));
        let (mut rows, mut tokens) = (Vec::new(), Vec::<String>::new());
        for _ in 0..MOST_PAGES {
            let mut options = json!({"$top": PAGE, "resultFormat": "objectArray"});
            if let Some(token) = tokens.last() {
                options
                    .as_object_mut()
                    .map(|it| it.insert("$skipToken".to_owned(), json!(token)));
            }
            let body = json!({"query": query, "options": options});
            let call = self.request(doing, Method::POST, path, RESOURCE_GRAPH);
            let mut call = call.json(&body).repeated(Repeat::Always);
            call.expects_json = true;
            let (_, answer) = self.client.send_for_json(&call).await?;
            let page = read(&answer).map_err(|reason| unreadable(&reason))?;
            rows.extend(page.rows);
            match page.next {
                Some(next) if tokens.contains(&next) => {
                    return Err(unreadable("its pages lead back to an earlier one"));
                }
                Some(next) => tokens.push(next),
                None if page.truncated => return Err(unreadable("it leaves out rows")),
                None => {
                    let there = u64::try_from(rows.len()).unwrap_or(u64::MAX);
                    return match page.total {
                        Some(total) if total > there => {
                            Err(unreadable(&format!("it has {there} rows of {total}")))
                        }
                        _ => Ok(rows),
                    };
                }
            }
        }
        Err(unreadable("it has no end"))
    }
}

/// Reads one page; the text says what it lacks.
fn read(answer: &Value) -> Result<Page, String> {
    let data = answer.get("data").and_then(Value::as_array);
    let data = data.ok_or_else(|| "it has no list 'data'".to_owned())?;
    let rows: Option<Vec<Row>> = data.iter().map(|row| row.as_object().cloned()).collect();
    let truncated = match answer.get("resultTruncated") {
        None | Some(Value::Null) => false,
        Some(Value::Bool(truncated)) => *truncated,
        Some(Value::String(text)) => !text.eq_ignore_ascii_case("false"),
        Some(_) => return Err("'resultTruncated' is neither 'true' nor 'false'".to_owned()),
    };
    let next = answer.get("$skipToken").and_then(Value::as_str);
    Ok(Page {
        rows: rows.ok_or_else(|| "a row of it has no columns".to_owned())?,
        total: answer.get("totalRecords").and_then(Value::as_u64),
        next: next.filter(|token| !token.is_empty()).map(str::to_owned),
        truncated,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_whether_another_one_follows() {
        let check = |answer: Value, total: Option<u64>, next: Option<&str>, truncated: bool| {
            let page = read(&answer).unwrap();
            let told = (page.total, page.next.as_deref(), page.truncated);
            assert_eq!(told, (total, next, truncated), "{answer}");
        };
        let rows = json!([{"id": "a"}]);
        check(
            json!({"totalRecords": 1, "count": 1, "data": rows, "facets": [], "resultTruncated": "false"}),
            Some(1),
            None,
            false,
        );
        check(
            json!({"totalRecords": 3, "data": rows, "resultTruncated": "true", "$skipToken": "t"}),
            Some(3),
            Some("t"),
            true,
        );
        check(json!({"data": []}), None, None, false);
        check(
            json!({"data": [], "resultTruncated": true, "$skipToken": ""}),
            None,
            None,
            true,
        );
        check(
            json!({"data": [], "resultTruncated": "perhaps"}),
            None,
            None,
            true,
        );
    }

    #[test]
    fn what_is_no_page_is_refused() {
        let check = |answer: Value, reason: &str| {
            assert_eq!(read(&answer).unwrap_err(), reason, "{answer}");
        };
        check(json!({"totalRecords": 0}), "it has no list 'data'");
        check(
            json!({"data": {"columns": [], "rows": []}}),
            "it has no list 'data'",
        );
        check(json!(null), "it has no list 'data'");
        check(json!({"data": [["a"]]}), "a row of it has no columns");
        check(
            json!({"data": [], "resultTruncated": 1}),
            "'resultTruncated' is neither 'true' nor 'false'",
        );
    }
}
