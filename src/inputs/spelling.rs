//! What an author may have meant, and what the agent left as it was written.

/// The candidate that `text` looks like, ignoring case: at most one slip for short texts and two for longer ones.
pub fn nearest<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let text = text.to_lowercase();
    let slips = match text.chars().count() {
        0..=2 => return None,
        3..=5 => 1,
        _ => 2,
    };
    candidates
        .into_iter()
        .map(|candidate| {
            let distance = strsim::osa_distance(&text, &candidate.to_lowercase());
            (distance, candidate)
        })
        .filter(|(distance, _)| *distance <= slips)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// The name in a `$(name)` that the agent left alone, because there is no such variable.
pub(super) fn unexpanded_macro(text: &str) -> Option<&str> {
    let after = text.split("$(").skip(1);
    let mut names = after.filter_map(|rest| rest.split_once(')').map(|(name, _)| name));
    names.find(|name| is_variable_name(name))
}

pub(super) fn is_variable_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._- ".contains(c);
    !name.trim().is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_pen_are_recognized() {
        let check = |text: &str, expected: Option<&str>| {
            let candidates = ["vhd", "managedimage", "sig", "marketplace"];
            assert_eq!(nearest(text, candidates), expected, "{text}");
        };
        check("mangedimage", Some("managedimage"));
        check("MarketPlcae", Some("marketplace"));
        check("sgi", Some("sig"));
        check("vhdx", Some("vhd"));
        check("image", None);
        check("", None);
        check("v", None);
    }

    #[test]
    fn macros_that_were_left_alone_are_found() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(unexpanded_macro(text), expected, "{text}");
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
