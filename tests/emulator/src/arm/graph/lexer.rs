//! The words of the Kusto query language, as far as Resource Graph queries have them here.

/// A word of a query.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name, a keyword, or an operator of letters such as `startswith` and `in~`.
    Word(String),
    Text(String),
    Number(f64),
    /// An operator of signs, or a bracket.
    Sign(&'static str),
}

const SIGNS: [&str; 20] = [
    "==", "!=", "=~", "!~", "<=", ">=", "<", ">", "=", "|", "(", ")", "[", "]", ",", ".", "!", "+",
    "-", ";",
];

/// Splits a query into its words. Comments go from `//` to the end of the line.
pub(super) fn tokens(query: &str) -> Result<Vec<Token>, String> {
    let mut rest = query;
    let mut tokens = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(comment) = rest.strip_prefix("//") {
            rest = comment.split_once('\n').map_or("", |(_, after)| after);
            continue;
        }
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        let (token, after) = if first.is_ascii_alphabetic() || first == '_' {
            word(rest)
        } else if first.is_ascii_digit() {
            number(rest)?
        } else if let Some(verbatim) = rest.strip_prefix('@') {
            text(verbatim, false)?
        } else if first == '\'' || first == '"' {
            text(rest, true)?
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
            let sign = sign.ok_or_else(|| format!("'{first}' is not understood."))?;
            (
                Token::Sign(sign),
                rest.get(sign.len()..).unwrap_or_default(),
            )
        };
        tokens.push(token);
        rest = after;
    }
}

/// `in~` and `has_any` are words; `project-away` is one as well.
fn word(rest: &str) -> (Token, &str) {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
    let (mut name, mut after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    for whole in ["project-away", "in~"] {
        let stem = whole.split(['-', '~']).next().unwrap_or_default();
        if name == stem && rest.starts_with(whole) {
            (name, after) = rest.split_at_checked(whole.len()).unwrap_or((rest, ""));
        }
    }
    (Token::Word(name.to_owned()), after)
}

fn number(rest: &str) -> Result<(Token, &str), String> {
    let end = rest
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(rest.len());
    let (digits, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let number = digits
        .parse()
        .map_err(|_| format!("'{digits}' is not a number."))?;
    Ok((Token::Number(number), after))
}

/// A text in either kind of quotes; a backslash escapes the next character unless the text is verbatim.
fn text(rest: &str, escapes: bool) -> Result<(Token, &str), String> {
    let mut characters = rest.char_indices();
    let Some((_, quote)) = characters.next().filter(|(_, c)| *c == '\'' || *c == '"') else {
        return Err("'@' is not followed by a text.".to_owned());
    };
    let mut value = String::new();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            let after = rest.get(at + 1..).unwrap_or_default();
            return Ok((Token::Text(value), after));
        }
        if character == '\\' && escapes {
            value.extend(characters.next().map(|(_, escaped)| escaped));
        } else {
            value.push(character);
        }
    }
    Err(format!("The text {rest} has no end."))
}
