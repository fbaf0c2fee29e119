//! Misspelt values, and what an author may have meant by them; values without invisible characters and quotes; a script as lines.

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

/// What does not show: blanks, control characters, and those that Unicode lets programs ignore, such as a byte order mark (U+FEFF) or a
/// zero-width space (U+200B) (<https://www.unicode.org/reports/tr44/#Default_Ignorable_Code_Point>).
pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` without what does not show at its ends: a variable brings such characters in, and nobody sees them.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(is_invisible)
}

/// `text` without blanks at its ends and without the one pair of quotes around it: programs print ids in quotes, and people copy them.
pub(super) fn tidy(text: &str) -> &str {
    let text = trimmed(text);
    let inside = ['"', '\'']
        .into_iter()
        .find_map(|quote| Some((quote, text.strip_prefix(quote)?.strip_suffix(quote)?)));
    match inside {
        Some((quote, inside)) if !inside.contains(quote) => trimmed(inside),
        _ => text,
    }
}

/// What an author may have meant who wrote `text`: a candidate with at most two slips, or else those that go on where `text` ends, or
/// that have all of it within them.
pub fn meant<'a>(text: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let candidates: Vec<&'a str> = candidates.into_iter().collect();
    if let Some(near) = nearest(text, candidates.iter().copied()) {
        return vec![near];
    }
    let text = text.to_lowercase();
    if text.chars().count() < SHORTEST_PART {
        return Vec::new();
    }
    let those = |fits: fn(&str, &str) -> bool| -> Vec<&'a str> {
        let all = candidates.iter().copied();
        all.filter(|name| fits(&name.to_lowercase(), &text))
            .collect()
    };
    let longer = those(|name, text| name.starts_with(text));
    let found = if longer.is_empty() {
        those(|name, text| name.contains(text) || text.contains(name))
    } else {
        longer
    };
    // A word that is in many names tells nothing.
    if found.len() > MOST_MEANT {
        Vec::new()
    } else {
        found
    }
}

/// `did you mean 'a'?`, `did you mean 'a' or 'b'?`
pub(super) fn did_you_mean(names: &[&str]) -> Option<String> {
    let quoted: Vec<String> = names.iter().map(|name| format!("'{name}'")).collect();
    (!names.is_empty()).then(|| format!("did you mean {}?", quoted.join(" or ")))
}

/// A shorter text is part of too many names.
const SHORTEST_PART: usize = 6;
const MOST_MEANT: usize = 3;

/// The size of a VM that was meant by a text without the word that all sizes begin with (`D4s_v5`), or with a misspelt one
/// (<https://learn.microsoft.com/azure/virtual-machines/vm-naming-conventions>).
pub(super) fn whole_vm_size(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if ["standard_", "basic_"]
        .iter()
        .any(|tier| lower.starts_with(tier))
    {
        return None;
    }
    let (first, rest) = text.split_once(['_', '-']).unwrap_or((text, ""));
    if nearest(first, ["standard"]).is_some() {
        return (!rest.is_empty()).then(|| format!("Standard_{rest}"));
    }
    let rest = first.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    let letters = first.len() - rest.len();
    let is_size = (1..=4).contains(&letters) && rest.starts_with(|c: char| c.is_ascii_digit());
    is_size.then(|| format!("Standard_{text}"))
}

/// The lines of a script without line ends; the classic editor sends CR LF. Line breaks at the end are no lines.
pub(super) fn lines(script: &str) -> Vec<String> {
    let script = script.trim_end_matches(['\r', '\n']);
    if script.is_empty() {
        return Vec::new();
    }
    script
        .split('\n')
        .map(|line| line.trim_end_matches('\r').to_owned())
        .collect()
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
    fn what_does_not_show_is_taken_off() {
        let check = |text: &str, expected: &str| assert_eq!(tidy(text), expected, "{text:?}");
        check("\u{feff}sig", "sig");
        check(" sig\u{200b}\t", "sig");
        check("\u{2060}\u{ad}\u{202e}a b\u{e0001}\0", "a b");
        check("\"/subscriptions/x\"\r\n", "/subscriptions/x");
        check("'\u{feff}x '", "x");
        check("\"a\",\"b\"", "\"a\",\"b\"");
        check("it's", "it's");
        check("'", "'");
        check("\"\"", "");
        check("\u{feff}", "");
        check("Zürich 東京", "Zürich 東京");
    }

    #[test]
    fn parts_of_names_are_recognized() {
        let names = [
            "storageAccountName",
            "ibAzureResourceGroup",
            "stagingResourceGroup",
            "ibLocation",
            "managedImageLocation",
            "vmSize",
        ];
        let check =
            |text: &str, expected: &[&str]| assert_eq!(meant(text, names), expected, "{text}");
        check("storageAccount", &["storageAccountName"]);
        check("storageacountname", &["storageAccountName"]);
        check(
            "resourceGroup",
            &["ibAzureResourceGroup", "stagingResourceGroup"],
        );
        check("location", &["ibLocation"]);
        check("imageLocation", &["managedImageLocation"]);
        check("buildVmSize", &["vmSize"]);
        check("image", &[]);
        check("size", &[]);
        assert_eq!(
            did_you_mean(&["a", "b"]).as_deref(),
            Some("did you mean 'a' or 'b'?")
        );
        assert_eq!(did_you_mean(&[]), None);
    }

    #[test]
    fn a_size_begins_with_its_tier() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(whole_vm_size(text).as_deref(), expected, "{text}");
        };
        check("D4s_v5", Some("Standard_D4s_v5"));
        check("ds2", Some("Standard_ds2"));
        check("NV36ads_A10_v5", Some("Standard_NV36ads_A10_v5"));
        check("Standart_D4s_v5", Some("Standard_D4s_v5"));
        check("Standard-D4s_v5", Some("Standard_D4s_v5"));
        check("Standard_D4s_v5", None);
        check("standard_d4s_v5", None);
        check("Basic_A1", None);
        check("a", None);
        check("Internal_D4", None);
        check("Standard", None);
    }

    #[test]
    fn scripts_become_lines() {
        let check =
            |script: &str, expected: &[&str]| assert_eq!(lines(script), expected, "{script:?}");
        check("", &[]);
        check("\r\n\n", &[]);
        check("a", &["a"]);
        check("a\r\nb\r\n", &["a", "b"]);
        check("  a  \n\n\tb", &["  a  ", "", "\tb"]);
        check("if x\n  y\n\n", &["if x", "  y"]);
    }
}
