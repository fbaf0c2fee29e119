//! Expressions of the Kusto query language: how they are read, and what they are for a row.

use std::cmp::Ordering;

use serde_json::{Map, Value, json};

use super::lexer::Token;

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Literal(Value),
    Column(String),
    /// A member of an object, or an element of a list.
    Member(Box<Self>, Box<Self>),
    Call(String, Vec<Self>),
    And(Box<Self>, Box<Self>),
    Or(Box<Self>, Box<Self>),
    Operator(String, Box<Self>, Box<Self>),
    /// Whether the first is one of the others; without letter case, and turned around.
    In(Box<Self>, Vec<Self>, bool, bool),
}

/// The words of a query that are left.
pub(super) struct Words<'query> {
    tokens: &'query [Token],
}

impl<'query> Words<'query> {
    pub(super) fn new(tokens: &'query [Token]) -> Self {
        Self { tokens }
    }

    fn next(&mut self) -> Option<&'query Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    pub(super) fn end(&self) -> Result<(), String> {
        match self.tokens.first() {
            None => Ok(()),
            Some(token) => Err(format!("{token:?} is not expected.")),
        }
    }

    pub(super) fn takes(&mut self, sign: &str) -> bool {
        let is_next = matches!(self.tokens.first(), Some(Token::Sign(next)) if *next == sign);
        if is_next {
            self.next();
        }
        is_next
    }

    pub(super) fn takes_word(&mut self, word: &str) -> bool {
        let is_next = matches!(self.tokens.first(), Some(Token::Word(next)) if next == word);
        if is_next {
            self.next();
        }
        is_next
    }

    pub(super) fn sign(&mut self, sign: &str) -> Result<(), String> {
        if self.takes(sign) {
            return Ok(());
        }
        Err(format!(
            "'{sign}' is missing before {:?}.",
            self.tokens.first()
        ))
    }

    pub(super) fn keyword(&mut self, word: &str) -> Result<(), String> {
        if self.takes_word(word) {
            return Ok(());
        }
        Err(format!(
            "'{word}' is missing before {:?}.",
            self.tokens.first()
        ))
    }

    pub(super) fn word(&mut self) -> Result<String, String> {
        match self.next() {
            Some(Token::Word(word)) => Ok(word.clone()),
            other => Err(format!("A name is missing at {other:?}.")),
        }
    }

    pub(super) fn count(&mut self) -> Result<usize, String> {
        match self.next() {
            Some(Token::Number(number)) if *number >= 0.0 && number.fract() == 0.0 => number
                .to_string()
                .parse()
                .map_err(|_| format!("{number} is too many.")),
            other => Err(format!("A number is missing at {other:?}.")),
        }
    }

    /// A name that is followed by a sign, which is taken as well.
    pub(super) fn name_before(&mut self, sign: &str) -> Option<String> {
        match self.tokens {
            [Token::Word(name), Token::Sign(next), rest @ ..] if *next == sign => {
                self.tokens = rest;
                Some(name.clone())
            }
            _ => None,
        }
    }

    /// `name = expression` or an expression whose last name is the column's, separated by commas.
    pub(super) fn columns(&mut self) -> Result<Vec<(String, Expression)>, String> {
        let mut all = Vec::new();
        loop {
            let name = self.name_before("=");
            let value = self.expression()?;
            let name = name.or_else(|| own_name(&value));
            let name = name.unwrap_or_else(|| format!("Column{}", all.len() + 1));
            all.push((name, value));
            if !self.takes(",") {
                return Ok(all);
            }
        }
    }

    pub(super) fn expression(&mut self) -> Result<Expression, String> {
        let mut left = self.conjunction()?;
        while self.takes_word("or") {
            left = Expression::Or(Box::new(left), Box::new(self.conjunction()?));
        }
        Ok(left)
    }

    fn conjunction(&mut self) -> Result<Expression, String> {
        let mut left = self.comparison()?;
        while self.takes_word("and") {
            left = Expression::And(Box::new(left), Box::new(self.comparison()?));
        }
        Ok(left)
    }

    fn comparison(&mut self) -> Result<Expression, String> {
        let left = self.operand()?;
        let negated = matches!(self.tokens, [Token::Sign("!"), Token::Word(_), ..]);
        if negated {
            self.next();
        }
        let operator = match self.tokens.first() {
            Some(Token::Sign(sign @ ("==" | "!=" | "=~" | "!~" | "<" | ">" | "<=" | ">="))) => {
                (*sign).to_owned()
            }
            Some(Token::Word(word)) if OPERATORS.contains(&word.as_str()) => word.clone(),
            _ if negated => {
                return Err(format!(
                    "An operator is missing before {:?}.",
                    self.tokens.first()
                ));
            }
            _ => return Ok(left),
        };
        self.next();
        if operator == "in" || operator == "in~" {
            self.sign("(")?;
            let others = self.list(")")?;
            return Ok(Expression::In(
                Box::new(left),
                others,
                operator == "in~",
                negated,
            ));
        }
        let right = self.operand()?;
        let found = Expression::Operator(operator, Box::new(left), Box::new(right));
        Ok(if negated {
            Expression::Call("not".to_owned(), vec![found])
        } else {
            found
        })
    }

    /// A value with its members.
    fn operand(&mut self) -> Result<Expression, String> {
        let mut value = match self.next() {
            Some(Token::Text(text)) => Expression::Literal(json!(text)),
            Some(Token::Number(number)) => Expression::Literal(json!(number)),
            Some(Token::Sign("(")) => {
                let inner = self.expression()?;
                self.sign(")")?;
                inner
            }
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Expression::Literal(json!(true)),
                "false" => Expression::Literal(json!(false)),
                name if self.takes("(") => {
                    let name = name.to_ascii_lowercase();
                    if !FUNCTIONS.contains(&name.as_str()) {
                        return Err(format!("The emulator has no function '{name}'."));
                    }
                    Expression::Call(name, self.list(")")?)
                }
                name => Expression::Column(name.to_owned()),
            },
            other => return Err(format!("A value is missing at {other:?}.")),
        };
        loop {
            let member = if self.takes(".") {
                Expression::Literal(json!(self.word()?))
            } else if self.takes("[") {
                let member = self.expression()?;
                self.sign("]")?;
                member
            } else {
                return Ok(value);
            };
            value = Expression::Member(Box::new(value), Box::new(member));
        }
    }

    fn list(&mut self, end: &str) -> Result<Vec<Expression>, String> {
        let mut all = Vec::new();
        if self.takes(end) {
            return Ok(all);
        }
        loop {
            all.push(self.expression()?);
            if self.takes(end) {
                return Ok(all);
            }
            self.sign(",")?;
        }
    }
}

const OPERATORS: [&str; 8] = [
    "in",
    "in~",
    "startswith",
    "endswith",
    "contains",
    "has",
    "startswith_cs",
    "endswith_cs",
];

const FUNCTIONS: [&str; 14] = [
    "not",
    "tolower",
    "toupper",
    "tostring",
    "coalesce",
    "strcat",
    "isempty",
    "isnotempty",
    "isnull",
    "isnotnull",
    "iff",
    "split",
    "array_length",
    "parse_json",
];

/// The name of a column that is not given one.
fn own_name(value: &Expression) -> Option<String> {
    match value {
        Expression::Column(name) => Some(name.clone()),
        Expression::Member(inner, member) => match (&**inner, &**member) {
            (inner, Expression::Literal(Value::String(name))) => {
                let stem = own_name(inner)?;
                Some(format!("{stem}_{name}"))
            }
            _ => None,
        },
        _ => None,
    }
}

impl Expression {
    /// What it is for a row. A column that no row has is a mistake in the query.
    pub(super) fn of(&self, row: &Map<String, Value>) -> Result<Value, String> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Column(name) => match row.get(name) {
                Some(value) => value.clone(),
                None => {
                    return Err(format!(
                        "Failed to resolve column or scalar expression named '{name}'."
                    ));
                }
            },
            Self::Member(object, member) => match (object.of(row)?, member.of(row)?) {
                (Value::Object(object), Value::String(name)) => {
                    object.get(&name).cloned().unwrap_or_default()
                }
                (Value::Array(list), Value::Number(at)) => {
                    let at: Option<usize> = at.to_string().trim_end_matches(".0").parse().ok();
                    at.and_then(|at| list.get(at).cloned()).unwrap_or_default()
                }
                _ => Value::Null,
            },
            Self::And(one, other) => json!(is_true(&one.of(row)?) && is_true(&other.of(row)?)),
            Self::Or(one, other) => json!(is_true(&one.of(row)?) || is_true(&other.of(row)?)),
            Self::Operator(operator, one, other) => {
                json!(operate(operator, &one.of(row)?, &other.of(row)?))
            }
            Self::In(one, others, folds, negated) => {
                let one = one.of(row)?;
                let mut found = false;
                for other in others {
                    let operator = if *folds { "=~" } else { "==" };
                    found |= operate(operator, &one, &other.of(row)?);
                }
                json!(found != *negated)
            }
            Self::Call(name, arguments) => {
                let arguments: Result<Vec<Value>, String> =
                    arguments.iter().map(|argument| argument.of(row)).collect();
                call(name, &arguments?)
            }
        })
    }
}

fn is_true(value: &Value) -> bool {
    value == &json!(true)
}

/// A value as text; null is empty.
pub(super) fn text_of(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The order of two values of one kind.
pub(super) fn compare(one: &Value, other: &Value) -> Option<Ordering> {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64()?.partial_cmp(&other.as_f64()?),
        (Value::String(one), Value::String(other)) => Some(one.cmp(other)),
        (Value::Bool(one), Value::Bool(other)) => Some(one.cmp(other)),
        _ => None,
    }
}

/// Operators of letters have no letter case, but for those that say so.
fn operate(operator: &str, one: &Value, other: &Value) -> bool {
    let order = compare(one, other);
    let (exact, wanted) = (text_of(one), text_of(other));
    let (folded, low) = (exact.to_lowercase(), wanted.to_lowercase());
    match operator {
        "==" => order == Some(Ordering::Equal),
        "!=" => order != Some(Ordering::Equal),
        "<" => order == Some(Ordering::Less),
        ">" => order == Some(Ordering::Greater),
        "<=" => order.is_some_and(Ordering::is_le),
        ">=" => order.is_some_and(Ordering::is_ge),
        "=~" => folded == low,
        "!~" => folded != low,
        "startswith" => folded.starts_with(&low),
        "startswith_cs" => exact.starts_with(&wanted),
        "endswith" => folded.ends_with(&low),
        "endswith_cs" => exact.ends_with(&wanted),
        "contains" => folded.contains(&low),
        // A whole term: what is around it is no letter and no digit.
        _ => folded.match_indices(&low).any(|(at, found)| {
            let is_edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            let before = folded.get(..at).and_then(|text| text.chars().next_back());
            let after = folded
                .get(at + found.len()..)
                .and_then(|text| text.chars().next());
            is_edge(before) && is_edge(after)
        }),
    }
}

fn call(name: &str, arguments: &[Value]) -> Value {
    let first = arguments.first().cloned().unwrap_or_default();
    let second = arguments.get(1).cloned().unwrap_or_default();
    let is_empty = |value: &Value| value.is_null() || value == &json!("");
    match name {
        "not" => json!(!is_true(&first)),
        "tolower" => json!(text_of(&first).to_lowercase()),
        "toupper" => json!(text_of(&first).to_uppercase()),
        "tostring" => json!(text_of(&first)),
        "coalesce" => {
            let mut given = arguments.iter().filter(|value| !is_empty(value));
            given.next().cloned().unwrap_or_default()
        }
        "strcat" => json!(arguments.iter().map(text_of).collect::<String>()),
        "isempty" => json!(is_empty(&first)),
        "isnotempty" => json!(!is_empty(&first)),
        "isnull" => json!(first.is_null()),
        "isnotnull" => json!(!first.is_null()),
        "iff" => {
            let third = arguments.get(2).cloned().unwrap_or_default();
            if is_true(&first) { second } else { third }
        }
        "split" => {
            let (text, by) = (text_of(&first), text_of(&second));
            json!(text.split(by.as_str()).collect::<Vec<_>>())
        }
        "array_length" => first
            .as_array()
            .map_or(Value::Null, |list| json!(list.len())),
        _ => serde_json::from_str(&text_of(&first)).unwrap_or(first),
    }
}
