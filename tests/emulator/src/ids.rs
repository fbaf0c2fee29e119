//! Identifiers: GUIDs that are the same in every run, opaque text, and Azure resource ids.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What an identifier is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// A request, in the headers of its answer.
    Request,
    Operation,
    /// The signature in the address of an operation.
    Signature,
    /// The folder of a run's log.
    Log,
    StagingGroup,
    StagingAccount,
    /// The build that an image version names in its tags.
    Correlation,
    /// The blob that an image version was made of.
    Disk,
    /// What a host pool, its hosts, updates and refusals are known by.
    Desktop,
}

/// Makes GUIDs and opaque text from a seed, so that transcripts of tests do not change from run to run. What has another purpose or another
/// subject comes from a sequence of its own, so that one request or one resource more changes no identifier of the others.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: u64,
    sequences: BTreeMap<(Purpose, String), Sequence>,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        let sequences = BTreeMap::new();
        Self { seed, sequences }
    }

    /// The sequence for identifiers of one purpose that belong to one subject, such as a resource or an address. Clients put the time into names
    /// (`t_1763800000000000`), which differs from run to run and does not count.
    pub(crate) fn of(&mut self, purpose: Purpose, subject: &str) -> &mut Sequence {
        let seed = self.seed;
        let key = (purpose, without_times(&subject.to_ascii_lowercase()));
        self.sequences
            .entry(key)
            .or_insert_with_key(|(_, subject)| {
                // FNV-1a, which is the same with every version of Rust.
                let text = format!("{purpose:?} {subject}");
                let sum = text.bytes().fold(0xCBF2_9CE4_8422_2325, |sum: u64, byte| {
                    (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
                });
                Sequence { state: seed ^ sum }
            })
    }
}

/// `text` without its numbers of ten digits and more.
fn without_times(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let end = from
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(from.len());
        let (number, after) = from.split_at(end);
        kept.push_str(before);
        if number.len() < 10 {
            kept.push_str(number);
        }
        rest = after;
    }
    kept + rest
}

/// Identifiers one after the other.
#[derive(Debug)]
pub(crate) struct Sequence {
    state: u64,
}

impl Sequence {
    /// The next number of the `SplitMix64` sequence, which needs no more than one word of state.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A random-looking GUID in lower case.
    pub(crate) fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            ((low >> 48) & 0x3fff) | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// `length` characters of the URL-safe base64 alphabet.
    pub(crate) fn opaque(&mut self, length: usize) -> String {
        let mut bytes = Vec::with_capacity(length);
        while bytes.len() < length {
            bytes.extend_from_slice(&self.next().to_le_bytes());
        }
        let mut text = URL_SAFE_NO_PAD.encode(bytes);
        text.truncate(length);
        text
    }

    /// A storage account name such as the image builder gives: 24 lower-case letters and digits.
    pub(crate) fn account(&mut self) -> String {
        let mut name: String = self
            .opaque(96)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|character| character.to_ascii_lowercase())
            .collect();
        name.truncate(24);
        name
    }
}

/// The non-empty segments of a path or resource id.
pub(crate) fn segments(path: &str) -> Vec<&str> {
    path.split('/')
        .filter(|segment| !segment.is_empty())
        .collect()
}

/// The segment that follows the given literal, compared without letter case: the resource group after `resourceGroups`.
pub(crate) fn segment_after<'id>(id: &'id str, literal: &str) -> Option<&'id str> {
    let mut rest = segments(id).into_iter();
    rest.find(|segment| segment.eq_ignore_ascii_case(literal))?;
    rest.next()
}

/// The type and the names of a resource: `Microsoft.Compute/galleries/images` and `g/i`. Those of an extension are its own.
pub(crate) fn kind_and_name(id: &str) -> (String, String) {
    let segments = segments(id);
    let last = segments
        .iter()
        .rposition(|segment| segment.eq_ignore_ascii_case("providers"));
    let rest = segments
        .get(last.map_or(segments.len(), |at| at + 1)..)
        .unwrap_or_default();
    let Some((namespace, rest)) = rest.split_first() else {
        return (String::new(), String::new());
    };
    let of = |odd: usize| -> Vec<&str> { rest.iter().skip(odd).step_by(2).copied().collect() };
    (format!("{namespace}/{}", of(0).join("/")), of(1).join("/"))
}

/// The form under which resources are kept: ids compare without letter case, and with or without the first slash.
pub(crate) fn key(id: &str) -> String {
    format!("/{}", segments(id).join("/").to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guids_have_their_form_and_differ() {
        let mut ids = Ids::new(1);
        let ids = ids.of(Purpose::Operation, "a");
        let (one, two) = (ids.guid(), ids.guid());
        assert_eq!(one.len(), 36);
        assert_ne!(one, two);
        assert_eq!(Ids::new(1).of(Purpose::Operation, "A").guid(), one);
        assert_ne!(Ids::new(2).of(Purpose::Operation, "a").guid(), one);
        assert_eq!(ids.opaque(2575).len(), 2575);
        assert_eq!(ids.account().len(), 24);
    }

    #[test]
    fn the_time_in_a_name_changes_nothing() {
        let of = |name: &str| Ids::new(1).of(Purpose::Operation, name).guid();
        assert_eq!(of("/t_1763800000000000/run"), of("/t_1795909382791263/run"));
        assert_ne!(of("/t_176380000/run"), of("/t_179590938/run"));
        let mut ids = Ids::new(1);
        let one = ids.of(Purpose::Operation, "t_1763800000000000").guid();
        assert_ne!(ids.of(Purpose::Operation, "t_1795909382791263").guid(), one);
    }

    #[test]
    fn one_more_changes_none_of_the_others() {
        let of_three = |more: bool| {
            let mut ids = Ids::new(1);
            if more {
                ids.of(Purpose::Request, "GET /b").guid();
                ids.of(Purpose::Log, "GET /a").guid();
            }
            let same = ids.of(Purpose::Request, "GET /a").guid();
            (
                same,
                ids.of(Purpose::Request, "GET /b").guid(),
                ids.of(Purpose::Disk, "/a").guid(),
            )
        };
        let (without, with) = (of_three(false), of_three(true));
        assert_eq!((&with.0, &with.2), (&without.0, &without.2));
        assert_ne!(with.1, without.1);
        assert_ne!(with.0, with.1);
        assert_ne!(with.0, with.2);
    }

    #[test]
    fn reads_types_and_names() {
        let check = |id: &str, kind: &str, name: &str| {
            let expected = (kind.to_owned(), name.to_owned());
            assert_eq!(kind_and_name(id), expected, "{id}");
        };
        let gallery = "/subscriptions/s/resourceGroups/r/providers/Microsoft.Compute/galleries/g";
        check(gallery, "Microsoft.Compute/galleries", "g");
        let version = format!("{gallery}/images/i/versions/1.0.0");
        let kind = "Microsoft.Compute/galleries/images/versions";
        check(&version, kind, "g/i/1.0.0");
        check("/subscriptions/s/resourceGroups/r", "", "");
    }

    #[test]
    fn reads_segments_without_letter_case() {
        let id = "/subscriptions/s/resourcegroups/Rg/providers/P/t/n";
        assert_eq!(segment_after(id, "resourceGroups"), Some("Rg"));
        assert_eq!(segment_after(id, "t"), Some("n"));
        assert_eq!(segment_after(id, "n"), None);
        assert_eq!(key("subscriptions/S"), key("/Subscriptions/s/"));
    }
}
