//! Comparison of an answer with a recorded one, up to what the recordings replaced: ids, times, signatures, names of storage accounts, and the
//! names of staging groups that were cut.

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Something in which two answers differ: where, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) place: String,
    pub(crate) how: String,
}

/// All differences between two documents; the order of members counts.
pub(crate) fn differences(place: &str, recorded: &Value, found: &Value) -> Vec<Difference> {
    let differ = |how: String| {
        vec![Difference {
            place: place.to_owned(),
            how,
        }]
    };
    match (recorded, found) {
        (Value::Object(one), Value::Object(other)) => {
            let mut all = Vec::new();
            for (name, value) in one {
                let place = format!("{place}/{name}");
                match other.get(name) {
                    Some(found) => all.extend(differences(&place, value, found)),
                    None => all.push(Difference {
                        how: format!("recorded {value}, missing"),
                        place,
                    }),
                }
            }
            for (name, value) in other.iter().filter(|(name, _)| !one.contains_key(*name)) {
                let (place, how) = (format!("{place}/{name}"), format!("not recorded: {value}"));
                all.push(Difference { place, how });
            }
            let names = |one: &serde_json::Map<String, Value>| -> Vec<String> {
                one.keys().cloned().collect()
            };
            let (one, other) = (names(one), names(other));
            if all.is_empty() && one != other {
                return differ(format!("recorded order {one:?}, found {other:?}"));
            }
            all
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            let pairs = one.iter().zip(other).enumerate();
            pairs
                .flat_map(|(index, (one, other))| {
                    differences(&format!("{place}/{index}"), one, other)
                })
                .collect()
        }
        (Value::String(one), Value::String(other)) if alike(one, other) => Vec::new(),
        _ if recorded == found => Vec::new(),
        _ => differ(format!("recorded {recorded}, found {found}")),
    }
}

/// Whether two texts say the same.
pub(crate) fn alike(recorded: &str, found: &str) -> bool {
    if recorded == found {
        return true;
    }
    if recorded == "{{time}}" {
        return TimeForm::of(found).is_some();
    }
    if let (Some(one), Some(other)) = (TimeForm::of(recorded), TimeForm::of(found)) {
        return one.admits(&other);
    }
    match (recorded.split_once('?'), found.split_once('?')) {
        (Some((one, query)), Some((other, found))) => {
            same_words(one, other) && same_query(query, found)
        }
        _ => same_words(recorded, found),
    }
}

/// How a time is written.
#[derive(Debug, PartialEq, Eq)]
struct TimeForm {
    /// The time that stands for "never".
    is_zero: bool,
    fraction_digits: usize,
    offset: String,
}

impl TimeForm {
    fn of(text: &str) -> Option<Self> {
        OffsetDateTime::parse(text, &Rfc3339).ok()?;
        let rest = text.get("2025-04-30T06:06:40".len()..)?;
        let at = rest.find(|c: char| c != '.' && !c.is_ascii_digit())?;
        Some(Self {
            is_zero: text.starts_with("0001-"),
            fraction_digits: rest[..at].trim_start_matches('.').len(),
            offset: rest[at..].to_owned(),
        })
    }

    /// Trailing zeros are cut on the wire, so a time may have fewer digits than another one of its kind: up to 7, or up to 9.
    fn admits(&self, found: &Self) -> bool {
        let most = if self.fraction_digits > 7 { 9 } else { 7 };
        self.is_zero == found.is_zero
            && self.offset == found.offset
            && found.fraction_digits <= most
    }
}

/// The same parameters in the same order; signatures of the same kind.
fn same_query(recorded: &str, found: &str) -> bool {
    let split = |query: &'_ str| -> Vec<(String, String)> {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    };
    let (one, other) = (split(recorded), split(found));
    one.len() == other.len()
        && one
            .iter()
            .zip(&other)
            .all(|((name, value), (known, found))| name == known && same_value(name, value, found))
}

fn same_value(name: &str, recorded: &str, found: &str) -> bool {
    let of_base64 = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    let length = recorded
        .strip_prefix("{{")
        .and_then(|rest| rest.strip_suffix("}}")?.split_once(':'))
        .map(|(_, length)| length.parse::<usize>().unwrap());
    match (name, length) {
        // The length of this one varied from recording to recording.
        ("c", Some(_)) => of_base64(found) && (2460..=2615).contains(&found.len()),
        (_, Some(length)) => of_base64(found) && found.len() == length,
        // The time of the signature in ticks; of some recordings it is not known.
        ("t", None) if recorded == "{{t}}" => {
            found.len() == 18 && found.chars().all(|c| c.is_ascii_digit())
        }
        ("t", None) => found.len() == recorded.len() && found.chars().all(|c| c.is_ascii_digit()),
        _ => recorded == found,
    }
}

/// The same text up to GUIDs (of the same letter case), names of storage accounts and cut names of staging groups.
fn same_words(recorded: &str, found: &str) -> bool {
    let ((one, ids), (other, found)) = (without_guids(recorded), without_guids(found));
    let same_case = ids.iter().zip(&found).all(|(one, other)| {
        let is_upper = |id: &str| id.chars().any(|c| c.is_ascii_uppercase());
        let has_letters = |id: &str| id.chars().any(|c| c.is_ascii_alphabetic());
        !has_letters(one) || !has_letters(other) || is_upper(one) == is_upper(other)
    });
    let (one, other) = (without_account(&one), without_account(&other));
    same_case && ids.len() == found.len() && (one == other || same_staging_group(&one, &other))
}

/// The service cuts `{group}_{template}` at 40 characters; a name that was cut comes from the real group's name, which was replaced elsewhere.
fn same_staging_group(recorded: &str, found: &str) -> bool {
    let (Some((before, one)), Some((place, other))) =
        (recorded.split_once("/IT_"), found.split_once("/IT_"))
    else {
        return false;
    };
    let stem = |text: &str| text.strip_suffix("_{id}").map(str::len);
    before == place && stem(one) == Some(40) && stem(other).is_some_and(|length| length <= 40)
}

fn without_guids(text: &str) -> (String, Vec<String>) {
    let (mut rest, mut plain, mut ids) = (text, String::new(), Vec::new());
    while let Some(first) = rest.chars().next() {
        if let Some(id) = rest.get(..36).filter(|candidate| is_guid(candidate)) {
            ids.push(id.to_owned());
            plain.push_str("{id}");
            rest = &rest[36..];
        } else {
            plain.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    (plain, ids)
}

fn is_guid(text: &str) -> bool {
    text.chars().enumerate().all(|(at, c)| match at {
        8 | 13 | 18 | 23 => c == '-',
        _ => c.is_ascii_hexdigit(),
    })
}

fn without_account(text: &str) -> String {
    match text
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once(".blob."))
    {
        Some((account, rest))
            if (3..=24).contains(&account.len())
                && account.chars().all(|c| c.is_ascii_alphanumeric()) =>
        {
            format!("https://{{account}}.blob.{rest}")
        }
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(recorded: &str, found: &str, expected: bool) {
        assert_eq!(alike(recorded, found), expected, "{recorded} and {found}");
    }

    #[test]
    fn ids_and_times_are_alike_by_their_form() {
        let id = "00000000-0000-0000-0000-0000000000a1";
        let other = "3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963";
        check(id, other, true);
        check(id, &other.to_uppercase(), false);
        check(&id.to_uppercase(), &other.to_uppercase(), true);
        check(
            "00000000-0000-0000-0000-000000000071",
            &other.to_uppercase(),
            true,
        );
        check(&format!("/a/{id}/b"), &format!("/a/{other}/c"), false);
        check(id, "not-an-id", false);
        let time = "2025-04-30T05:45:57.4651546Z";
        check(time, "2026-01-01T00:00:00Z", true);
        check(time, "2026-01-01T00:00:00.123456789Z", false);
        check(time, "2026-01-01T00:00:00+00:00", false);
        check(time, "0001-01-01T00:00:00Z", false);
        check(
            "2025-04-30T05:45:57.465154600Z",
            "2026-01-01T00:00:00.123456789Z",
            true,
        );
        check("{{time}}", time, true);
        check("{{time}}", "", false);
    }

    #[test]
    fn signatures_and_made_names_are_alike_by_their_length() {
        let short = format!("https://arm/op?api-version=1&t=123&h={}", "x".repeat(43));
        check(
            "https://arm/op?api-version=1&t=456&h={{h:43}}",
            &short,
            true,
        );
        check(
            "https://arm/op?api-version=2&t=456&h={{h:43}}",
            &short,
            false,
        );
        check(
            "https://arm/op?api-version=1&t=4567&h={{h:43}}",
            &short,
            false,
        );
        check(
            "https://arm/op?api-version=1&t=456&h={{h:44}}",
            &short,
            false,
        );
        check("https://arm/op?api-version=1", &short, false);
        let ticks = "https://arm/op?t=638815900012885168";
        check("https://arm/op?t={{t}}", ticks, true);
        check("https://arm/op?t={{t}}", "https://arm/op?t=1", false);
        let (id, other) = (
            "00000000-0000-0000-0000-0000000000a1",
            "3a7f5b1e-6c0d-4e52-9d2b-8f41c7a0e963",
        );
        let cut = format!("/g/IT_{}_{id}", "x".repeat(40));
        check(&cut, &format!("/g/IT_group_name_{other}"), true);
        check(
            &format!("/g/IT_one_{id}"),
            &format!("/g/IT_two_{other}"),
            false,
        );
        check(
            "https://example000.blob.a/v",
            "https://abc123.blob.a/v",
            true,
        );
    }

    #[test]
    fn documents_differ_in_members_values_and_order() {
        let recorded = json!({"a": {"b": [1, "x"]}, "c": null});
        let check = |found: Value, expected: &[&str]| {
            let all = differences("", &recorded, &found);
            let all: Vec<String> = all
                .into_iter()
                .map(|difference| format!("{}: {}", difference.place, difference.how))
                .collect();
            assert_eq!(all, expected);
        };
        check(recorded.clone(), &[]);
        check(
            json!({"a": {"b": [1, "y"]}, "c": null}),
            &["/a/b/1: recorded \"x\", found \"y\""],
        );
        check(
            json!({"a": {"b": [1]}, "c": null}),
            &["/a/b: recorded [1,\"x\"], found [1]"],
        );
        check(
            json!({"a": {"b": [1, "x"]}}),
            &["/c: recorded null, missing"],
        );
        check(
            json!({"a": {"b": [1, "x"], "d": 1}, "c": null}),
            &["/a/d: not recorded: 1"],
        );
        check(
            json!({"c": null, "a": {"b": [1, "x"]}}),
            &[": recorded order [\"a\", \"c\"], found [\"c\", \"a\"]"],
        );
    }
}
