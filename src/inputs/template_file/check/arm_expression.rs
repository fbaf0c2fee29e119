//! Expressions of templates for Azure Resource Manager, which most public samples are made of. The service gets a template's members as they are, so
//! that an expression in them would be a text like any other
//! (<https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions>).

use crate::inputs::spelling::trimmed;

/// Functions with which an expression begins
/// (<https://learn.microsoft.com/azure/azure-resource-manager/templates/template-functions>). In a script the brackets alone say nothing: the
/// shell's tests and the types and attributes of PowerShell have them too.
const FUNCTIONS: &[&str] = &[
    "array",
    "base64",
    "coalesce",
    "concat",
    "createArray",
    "createObject",
    "dateTimeAdd",
    "deployment",
    "environment",
    "extensionResourceId",
    "first",
    "format",
    "guid",
    "if",
    "join",
    "json",
    "last",
    "listKeys",
    "newGuid",
    "padLeft",
    "parameters",
    "pickZones",
    "reference",
    "replace",
    "resourceGroup",
    "resourceId",
    "split",
    "string",
    "subscription",
    "subscriptionResourceId",
    "substring",
    "take",
    "tenantResourceId",
    "toLower",
    "toUpper",
    "trim",
    "union",
    "uniqueString",
    "uri",
    "utcNow",
    "variables",
];

/// The first line of `text` that is an expression. Two brackets at the beginning stand for one that is meant as it is.
pub(super) fn find(text: &str, is_script: bool) -> Option<&str> {
    if is_expression(text, is_script) {
        return Some(trimmed(text));
    }
    let mut lines = text.lines().filter(|line| is_expression(line, is_script));
    lines.next().map(trimmed)
}

fn is_expression(text: &str, is_script: bool) -> bool {
    let inside = trimmed(text).strip_prefix('[').filter(|_| !text.is_empty());
    let Some(inside) = inside.and_then(|text| text.strip_suffix(']')) else {
        return false;
    };
    let Some((name, _)) = inside.split_once('(') else {
        return false;
    };
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "._".contains(c);
    if is_script {
        FUNCTIONS
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
    } else {
        !name.is_empty() && name.chars().all(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_are_told_from_what_has_brackets_too() {
        let check = |text: &str, is_script: bool, expected: Option<&str>| {
            assert_eq!(find(text, is_script), expected, "{text}");
        };
        let concat = "[concat('a', parameters('b'))]";
        check(concat, false, Some(concat));
        check(concat, true, Some(concat));
        check(" [parameters('x').y] ", true, Some("[parameters('x').y]"));
        check("[my.function(1)]", false, Some("[my.function(1)]"));
        check("echo 1\n[variables('x')]\n", true, Some("[variables('x')]"));
        check("[[concat('a')]", false, None);
        check("[draft]", false, None);
        check("[ -f /etc/x ]", true, None);
        check("[ \"$(id -u)\" = 0 ]", true, None);
        check("[CmdletBinding()]", true, None);
        check("[Parameter(Mandatory = $true)]", true, None);
        check("[ValidateSet('a', 'b')]", true, None);
        check("[Environment]::GetEnvironmentVariables()[0]", true, None);
        check("[string]$x = $y[0]", true, None);
        check("[", true, None);
        check("[]", false, None);
        check("", false, None);
    }
}
