//! Texts as literals of PowerShell: whatever is in them, it reads them back as they are.

/// An expression of PowerShell. Nothing is special between single quotes but the quote, which is doubled
/// (<https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_quoting_rules>). Characters beyond ASCII are spelled by
/// number: Windows PowerShell reads a script file without a byte order mark in the machine's own code page, and takes curly quotes for quotes.
pub(super) fn powershell(text: &str) -> String {
    let mut operands = Vec::new();
    let mut literal = String::new();
    for unit in text.encode_utf16() {
        match char::from_u32(u32::from(unit)).filter(char::is_ascii) {
            Some('\'') => literal.push_str("''"),
            Some(c) => literal.push(c),
            None => {
                // The first operand is always a text, which makes the whole sum one.
                operands.push(format!("'{literal}'"));
                operands.push(format!("[char]0x{unit:04X}"));
                literal.clear();
            }
        }
    }
    if operands.is_empty() {
        return format!("'{literal}'");
    }
    operands.push(format!("'{literal}'"));
    format!("({})", operands.join(" + "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powershell_expressions() {
        let check = |text: &str, expected: &str| assert_eq!(powershell(text), expected);
        check("webapp", "'webapp'");
        check("", "''");
        check("my app", "'my app'");
        check("it's", "'it''s'");
        check(
            "$env:TEMP `n $(exit) \"x\" ; & | *",
            "'$env:TEMP `n $(exit) \"x\" ; & | *'",
        );
        check("-Force", "'-Force'");
        check("größe", "('gr' + [char]0x00F6 + '' + [char]0x00DF + 'e')");
        check("’; exit", "('' + [char]0x2019 + '; exit')");
        check("😀", "('' + [char]0xD83D + '' + [char]0xDE00 + '')");
    }
}
