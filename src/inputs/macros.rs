//! Macros of Azure Pipelines, `$(name)`, in texts in which the agent has replaced those that it knows. They do not nest.

/// The names that stand in `$(…)`, in their order.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("$(").skip(1);
    after.filter_map(|rest| rest.split_once(')').map(|(name, _)| name))
}

/// `text` with a value in place of each macro for which `value` has one.
pub(super) fn replaced<E>(
    text: &str,
    mut value: impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<String, E> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        result.push_str(before);
        rest = after;
        if let Some((name, behind)) = after.split_once(')')
            && let Some(value) = value(name)?
        {
            result.push_str(&value);
            rest = behind;
        } else {
            result.push_str("$(");
        }
    }
    Ok(result + rest)
}

/// The name in a `$(name)` that the agent left alone, because there is no such variable.
pub(super) fn unexpanded(text: &str) -> Option<&str> {
    names(text).find(|name| is_variable_name(name))
}

pub(super) fn is_variable_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._- ".contains(c);
    !name.trim().is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn macros_that_were_left_alone_are_found() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(unexpanded(text), expected, "{text}");
        };
        check("$(SUBSCRIPTION_ID)", Some("SUBSCRIPTION_ID"));
        check("/a/$(Build.BuildId)/b", Some("Build.BuildId"));
        check("$(a$(inner)", Some("inner"));
        check("$(", None);
        check("$()", None);
        check("$(a/b)", None);
        check("plain", None);
        check(&"$(".repeat(50_000), None);
    }
}
