//! A Resource Graph query: the table, and what is done with its rows one step after the other.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::expression::{Expression, Words, compare, text_of};
use super::lexer::tokens;

type Row = Map<String, Value>;

#[derive(Debug)]
enum Step {
    Where(Expression),
    /// Adds columns.
    Extend(Vec<(String, Expression)>),
    /// Leaves these columns alone.
    Project(Vec<(String, Expression)>),
    ProjectAway(Vec<String>),
    /// The rows that differ in these columns.
    Distinct(Vec<(String, Expression)>),
    /// By expressions, each ascending or not.
    Order(Vec<(Expression, bool)>),
    Take(usize),
    Count,
    /// Counts of rows by columns.
    Summarize(String, Vec<(String, Expression)>),
}

/// A query that was read.
#[derive(Debug)]
pub(super) struct Query {
    steps: Vec<Step>,
    /// Whether it limits the number of rows itself.
    pub(super) limits: bool,
}

impl Query {
    /// Reads a query over the table `resources`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let tokens = tokens(text)?;
        let mut words = Words::new(&tokens);
        let table = words.word()?;
        if !table.eq_ignore_ascii_case("resources") {
            return Err(format!(
                "The emulator has the table 'resources' alone, not '{table}'."
            ));
        }
        let mut steps = Vec::new();
        while words.takes("|") {
            steps.push(step(&mut words)?);
        }
        words.takes(";");
        words.end()?;
        let limits = steps.iter().any(|step| matches!(step, Step::Take(_)));
        Ok(Self { steps, limits })
    }

    /// The rows that are left.
    pub(super) fn run(&self, mut rows: Vec<Row>) -> Result<Vec<Row>, String> {
        for step in &self.steps {
            rows = step.run(rows)?;
        }
        Ok(rows)
    }
}

fn step(words: &mut Words<'_>) -> Result<Step, String> {
    let operator = words.word()?;
    Ok(match operator.as_str() {
        "where" => Step::Where(words.expression()?),
        "extend" => Step::Extend(words.columns()?),
        "project" => Step::Project(words.columns()?),
        "project-away" => {
            let columns = words.columns()?;
            Step::ProjectAway(columns.into_iter().map(|(name, _)| name).collect())
        }
        "distinct" => Step::Distinct(words.columns()?),
        "order" | "sort" => {
            words.keyword("by")?;
            let mut all = Vec::new();
            loop {
                let by = words.expression()?;
                // Kusto sorts in descending order unless it is told.
                let ascending = words.takes_word("asc");
                let _descending = !ascending && words.takes_word("desc");
                all.push((by, ascending));
                if !words.takes(",") {
                    return Ok(Step::Order(all));
                }
            }
        }
        "take" | "limit" => Step::Take(words.count()?),
        "count" => Step::Count,
        "summarize" => {
            let name = words.name_before("=");
            words.keyword("count")?;
            words.sign("(")?;
            words.sign(")")?;
            let by = if words.takes_word("by") {
                words.columns()?
            } else {
                Vec::new()
            };
            Step::Summarize(name.unwrap_or_else(|| "count_".to_owned()), by)
        }
        other => return Err(format!("The emulator has no operator '{other}'.")),
    })
}

impl Step {
    fn run(&self, mut rows: Vec<Row>) -> Result<Vec<Row>, String> {
        match self {
            Self::Where(condition) => {
                let mut kept = Vec::new();
                for row in rows {
                    if condition.of(&row)? == json!(true) {
                        kept.push(row);
                    }
                }
                Ok(kept)
            }
            Self::Extend(columns) => {
                for row in &mut rows {
                    let added = picked(columns, row)?;
                    row.extend(added);
                }
                Ok(rows)
            }
            Self::Project(columns) => rows.iter().map(|row| picked(columns, row)).collect(),
            Self::ProjectAway(names) => {
                for row in &mut rows {
                    row.retain(|name, _| !names.contains(name));
                }
                Ok(rows)
            }
            Self::Distinct(columns) => {
                let mut seen: Vec<Row> = Vec::new();
                for row in &rows {
                    let row = picked(columns, row)?;
                    if !seen.contains(&row) {
                        seen.push(row);
                    }
                }
                Ok(seen)
            }
            Self::Order(by) => ordered(by, rows),
            Self::Take(count) => {
                rows.truncate(*count);
                Ok(rows)
            }
            Self::Count => Ok(vec![Row::from_iter([(
                "Count".to_owned(),
                json!(rows.len()),
            )])]),
            Self::Summarize(name, by) => {
                let mut groups: Vec<(Row, usize)> = Vec::new();
                for row in &rows {
                    let key = picked(by, row)?;
                    match groups.iter_mut().find(|(known, _)| *known == key) {
                        Some((_, count)) => *count += 1,
                        None => groups.push((key, 1)),
                    }
                }
                let counted = groups.into_iter().map(|(mut row, count)| {
                    row.insert(name.clone(), json!(count));
                    row
                });
                Ok(counted.collect())
            }
        }
    }
}

fn picked(columns: &[(String, Expression)], row: &Row) -> Result<Row, String> {
    let values = columns
        .iter()
        .map(|(name, value)| Ok((name.clone(), value.of(row)?)));
    values.collect()
}

fn ordered(by: &[(Expression, bool)], rows: Vec<Row>) -> Result<Vec<Row>, String> {
    let mut keyed = Vec::new();
    for row in rows {
        let keys: Result<Vec<Value>, String> = by.iter().map(|(key, _)| key.of(&row)).collect();
        keyed.push((keys?, row));
    }
    keyed.sort_by(|(one, _), (other, _)| {
        let pairs = one.iter().zip(other).zip(by);
        let mut orders = pairs.map(|((one, other), (_, ascending))| {
            let order = compare(one, other).unwrap_or_else(|| text_of(one).cmp(&text_of(other)));
            if *ascending { order } else { order.reverse() }
        });
        orders
            .find(|order| *order != Ordering::Equal)
            .unwrap_or(Ordering::Equal)
    });
    Ok(keyed.into_iter().map(|(_, row)| row).collect())
}
