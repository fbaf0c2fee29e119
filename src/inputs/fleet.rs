//! What `action: report` needs: image definitions, the host pools whose session hosts are read, and what fails the step.

use std::fmt;

use super::connection::Connection;
use super::manifest::{FAIL_WHEN, GALLERY_IMAGE_ID, Input, REPORT_HOST_POOLS};
use super::problem::{Form, Warning};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::{HOST_POOL, IMAGE_DEFINITION, IMAGE_VERSION};
use super::service_connection;
use super::spelling::{did_you_mean, nearest, tidy};
use crate::resource::ResourceId;
use crate::secret::Masker;

/// What is to be reported on.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// The service connection.
    pub connection: Connection,
    /// The image definitions, each once; at least one.
    pub definitions: Vec<ResourceId>,
    /// The host pools, each once.
    pub host_pools: Vec<ResourceId>,
    /// What fails the step.
    pub fail_when: Vec<Condition>,
    /// The beginning of the names of the files that the step writes.
    pub name: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

/// What may be wrong with the image that a machine runs. Prints as an author writes it: `behind>30d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// There is a newer version.
    Behind,
    /// The first newer version was published more than so many days ago.
    BehindFor(u32),
    /// It was withdrawn.
    Withdrawn,
    /// Its end of life is past.
    EndOfLife,
    /// It is no existing version of the image definitions.
    UnknownImage,
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind => f.write_str(BEHIND),
            Self::BehindFor(days) => write!(f, "{BEHIND}>{days}d"),
            Self::Withdrawn => f.write_str("withdrawn"),
            Self::EndOfLife => f.write_str("endOfLife"),
            Self::UnknownImage => f.write_str("unknownImage"),
        }
    }
}

const BEHIND: &str = "behind";
const WORDS: [Condition; 4] = [
    Condition::Behind,
    Condition::Withdrawn,
    Condition::EndOfLife,
    Condition::UnknownImage,
];

/// As far as an end of life can be away.
const MOST_DAYS: u32 = 36_500;

const CONDITION: Form = Form {
    what: "a condition",
    format: "'behind', 'behind>30d' (days), 'withdrawn', 'endOfLife' and 'unknownImage', separated by commas",
    example: "behind>30d, withdrawn",
};
const DEFINITION: Form = Form {
    what: "the resource id of an image definition",
    format: "an id as 'az sig image-definition show --query id' prints it, one per line",
    ..IMAGE_DEFINITION.form
};

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(reader: &mut Reader<'_>, masker: &dyn Masker) -> Result<Fleet, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let definitions = definitions(reader);
    let host_pools = host_pools(reader);
    let fail_when = fail_when(reader);
    let definitions = definitions?;
    let first = definitions.first().map_or("", ResourceId::name);
    Ok(Fleet {
        name: format!("{first}-{}", reader.raw_inputs().unique),
        connection: connection?,
        definitions,
        host_pools: host_pools?,
        fail_when: fail_when?,
        warnings: Vec::new(),
    })
}

/// The items of a list: one per line, or separated by commas.
fn items(text: &str) -> impl Iterator<Item = &str> {
    let items = text.split(['\n', ',', ';']).map(tidy);
    items.filter(|item| !item.is_empty())
}

/// Each wrong item is reported, and each other one is there once.
fn each<'t, T: PartialEq>(
    items: impl Iterator<Item = &'t str>,
    mut read: impl FnMut(&'t str) -> Result<T, AlreadyReported>,
) -> Result<Vec<T>, AlreadyReported> {
    let all: Vec<_> = items.map(&mut read).collect();
    let mut found = Vec::new();
    for one in all {
        let one = one?;
        if !found.contains(&one) {
            found.push(one);
        }
    }
    Ok(found)
}

fn definitions(reader: &mut Reader<'_>) -> Result<Vec<ResourceId>, AlreadyReported> {
    let text = reader.required(&GALLERY_IMAGE_ID, DEFINITION)?;
    each(items(text), |item| definition(reader, item))
}

/// One definition, not one version of it.
fn definition(reader: &mut Reader<'_>, item: &str) -> Result<ResourceId, AlreadyReported> {
    let id = reader.id(&GALLERY_IMAGE_ID, item, DEFINITION)?;
    if IMAGE_DEFINITION.includes(&id) {
        return Ok(id);
    }
    let hint = IMAGE_VERSION
        .includes(&id)
        .then(|| format!("remove '/versions/{}'", id.name()));
    Err(reader.wrong_kind(&GALLERY_IMAGE_ID, &id, DEFINITION, hint))
}

fn host_pools(reader: &mut Reader<'_>) -> Result<Vec<ResourceId>, AlreadyReported> {
    let input: &Input = &REPORT_HOST_POOLS;
    let text = reader.optional(input)?.unwrap_or_default();
    each(items(text), |item| reader.id_of(input, item, HOST_POOL))
}

fn fail_when(reader: &mut Reader<'_>) -> Result<Vec<Condition>, AlreadyReported> {
    let text = reader.optional(&FAIL_WHEN)?.unwrap_or_default();
    each(items(text), |item| condition(reader, item))
}

fn condition(reader: &mut Reader<'_>, item: &str) -> Result<Condition, AlreadyReported> {
    let plain: String = item.split_whitespace().collect();
    let word = |word: Condition| word.to_string().eq_ignore_ascii_case(&plain);
    if let Some(found) = WORDS.into_iter().find(|it| word(*it)) {
        return Ok(found);
    }
    if let Some(days) = days_of(&plain) {
        return Ok(Condition::BehindFor(days));
    }
    let hint = meant(&plain);
    let hint = did_you_mean(&hint.iter().map(String::as_str).collect::<Vec<_>>());
    Err(reader.malformed(&FAIL_WHEN, item, CONDITION, hint))
}

/// The number in `behind>30d`.
fn days_of(plain: &str) -> Option<u32> {
    let (word, days) = plain.split_once('>')?;
    let days = days.strip_suffix(['d', 'D'])?;
    let is_number = !days.is_empty() && days.bytes().all(|b| b.is_ascii_digit());
    let days = is_number.then(|| days.parse().ok()).flatten()?;
    (word.eq_ignore_ascii_case(BEHIND) && days <= MOST_DAYS).then_some(days)
}

/// What an author may have meant by a text that is no condition.
fn meant(plain: &str) -> Vec<String> {
    let letters = plain.split(|c: char| !c.is_alphabetic()).next();
    let letters = letters.unwrap_or_default();
    let numbers = plain.split(|c: char| !c.is_ascii_digit());
    let number = numbers.into_iter().find(|number| !number.is_empty());
    let names: Vec<String> = WORDS.iter().map(ToString::to_string).collect();
    let near = nearest(letters, names.iter().map(String::as_str));
    match (near, number) {
        (Some(BEHIND), Some(number)) => {
            let days = number.parse().unwrap_or(MOST_DAYS).min(MOST_DAYS);
            vec![Condition::BehindFor(days).to_string()]
        }
        (Some(near), _) => vec![near.to_owned()],
        (None, _) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::RawInputs;

    const ID: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11";
    const POOL: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/hp";

    /// What `read` makes of one input: the value, or every problem with its hint.
    fn read_of<T>(
        (name, value): (&str, &str),
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, AlreadyReported>,
    ) -> Result<T, Vec<String>> {
        let given = RawInputs {
            inputs: [(name.to_lowercase(), value.to_owned())].into(),
            ..RawInputs::default()
        };
        let mut reader = Reader::new(&given);
        let value = read(&mut reader);
        let told = |problems: crate::inputs::Problems| {
            let told = problems.iter().map(|problem| {
                let hint = problem.hint.clone().unwrap_or_default();
                format!("{} {problem} {hint}", problem.code)
            });
            told.collect()
        };
        reader.finish(value).map(|(value, _)| value).map_err(told)
    }

    #[test]
    fn conditions_are_words_separated_by_commas() {
        let of = |text: &str| {
            let found = read_of(("failWhen", text), fail_when).unwrap();
            let words: Vec<String> = found.iter().map(ToString::to_string).collect();
            words.join(" ")
        };
        assert_eq!(of(""), "");
        assert_eq!(
            of("behind>30d, withdrawn, endOfLife, unknownImage"),
            "behind>30d withdrawn endOfLife unknownImage"
        );
        assert_eq!(of("Behind\nBEHIND > 7 D\nbehind,"), "behind behind>7d");
        assert_eq!(of("behind>0d"), "behind>0d");
    }

    #[test]
    fn every_unknown_word_is_told_with_what_was_meant() {
        let of = |text: &str| read_of(("failWhen", text), fail_when).unwrap_err();
        let told = |word: &str, hint: &str| {
            format!(
                "AIB101 Input 'failWhen': '{word}' is not a condition; expected 'behind', 'behind>30d' (days), 'withdrawn', 'endOfLife' and 'unknownImage', separated by commas, for example behind>30d, withdrawn {hint}"
            )
        };
        let mean = |word: &str| format!("did you mean '{word}'?");
        for (word, hint) in [
            ("withdrawed", mean("withdrawn")),
            ("endoflive", mean("endOfLife")),
            ("unknown", String::new()),
            ("behind>30", mean("behind>30d")),
            ("behind>=30d", mean("behind>30d")),
            ("behind30d", mean("behind>30d")),
            ("behnd>14days", mean("behind>14d")),
            ("behind>99999d", mean("behind>36500d")),
            ("behind>-1d", mean("behind>1d")),
            ("old", String::new()),
        ] {
            assert_eq!(of(word), [told(word, &hint)], "{word}");
        }
        assert_eq!(of("a, behind, b").len(), 2);
    }

    #[test]
    fn definitions_and_pools_stand_on_lines_of_their_own() {
        let of = |text: &str| read_of(("galleryImageId", text), definitions);
        assert_eq!(of(ID).unwrap().len(), 1);
        assert_eq!(
            of(&format!("{ID}\n {ID}-b \n\n{}", ID.to_uppercase()))
                .unwrap()
                .len(),
            2
        );
        let wrong = of(&format!("{ID}/versions/1.0.0\n{POOL}")).unwrap_err();
        assert!(
            wrong[0].contains("but that of a gallery image version")
                && wrong[0].ends_with("remove '/versions/1.0.0'"),
            "{wrong:?}"
        );
        assert!(wrong[1].contains("but that of a host pool"), "{wrong:?}");
        assert!(of("").unwrap_err()[0].starts_with("AIB100"));
        let pools = |text: &str| read_of(("reportHostPools", text), host_pools);
        assert_eq!(pools("").unwrap(), []);
        assert_eq!(pools(&format!("{POOL}\n{POOL}2\n{POOL}")).unwrap().len(), 2);
        assert!(pools(ID).unwrap_err()[0].contains("is not the resource id of a host pool"));
    }
}
