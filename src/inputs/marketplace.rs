//! An image of the Azure Marketplace as the source.

use super::manifest::{
    BASE_IMAGE, BASE_IMAGE_PUB_OFFER_SKU, BASE_IMAGE_VERSION, Input, PLATFORM_IMAGE_PURCHASE_PLAN,
};
use super::problem::{Code, Form, Problem, quoted};
use super::reader::{AlreadyReported, Reader};
use crate::template::model::{LATEST, PlanInfo, PlatformImage, Source};

const BASE_IMAGE_FORM: Form = Form {
    what: "a marketplace image",
    format: "publisher:offer:sku or publisher:offer:sku:version",
    example: "Canonical:ubuntu-24_04-lts:server",
};

pub(super) fn read(reader: &mut Reader<'_>) -> Result<Source, AlreadyReported> {
    let urn = urn(reader);
    let version = version(reader);
    let plan = purchase_plan(reader);
    let (input, text, urn) = urn?;
    let (version, plan) = (version?, plan?);
    let version = match (urn.version, version) {
        (None, version) | (Some(version), LATEST) => version,
        (Some(one), other) if one == other => one,
        (Some(one), other) => {
            let sentence = format!(
                "{} specifies version '{one}', but input '{}' specifies version {}",
                quoted(text),
                BASE_IMAGE_VERSION.name,
                quoted(other)
            );
            let hint = "remove one of the two".to_owned();
            let problem = Problem::new(Code::Contradiction, input, sentence, Some(hint));
            return Err(reader.report(problem));
        }
    };
    Ok(Source::PlatformImage(PlatformImage {
        publisher: urn.publisher.to_owned(),
        offer: urn.offer.to_owned(),
        sku: urn.sku.to_owned(),
        version: version.to_owned(),
        plan_info: plan.map(Box::new),
        ..PlatformImage::default()
    }))
}

/// The chosen image, with the input and text that it was read from.
fn urn<'a>(reader: &mut Reader<'a>) -> Result<(&'static Input, &'a str, Urn<'a>), AlreadyReported> {
    let other = beside_placeholder(reader, &BASE_IMAGE_PUB_OFFER_SKU)?;
    let (input, text) = match other {
        Some(text) => (&BASE_IMAGE_PUB_OFFER_SKU, text),
        None => (&BASE_IMAGE, reader.required(&BASE_IMAGE, BASE_IMAGE_FORM)?),
    };
    let Some(urn) = Urn::parse(text) else {
        return Err(reader.malformed(input, text, BASE_IMAGE_FORM, None));
    };
    if let Some(successor) = urn.successor() {
        let sentence = format!(
            "Input '{}': the publisher has retired {}, and Azure may refuse to build from it",
            input.name,
            quoted(text)
        );
        let hint = format!("use '{successor}', or an image that 'az vm image list --all' shows");
        reader.warn(Code::Retired, sentence, Some(hint));
    }
    Ok((input, text, urn))
}

/// The text of an input whose declared default is only an example, unless it is that example.
fn beside_placeholder<'a>(
    reader: &mut Reader<'a>,
    input: &Input,
) -> Result<Option<&'a str>, AlreadyReported> {
    let text = reader.optional(input)?;
    Ok(text.filter(|text| !text.eq_ignore_ascii_case(input.default)))
}

fn version<'a>(reader: &mut Reader<'a>) -> Result<&'a str, AlreadyReported> {
    let text = reader.optional(&BASE_IMAGE_VERSION)?.unwrap_or(LATEST);
    if text.eq_ignore_ascii_case(LATEST) {
        return Ok(LATEST);
    }
    if is_version(text) {
        return Ok(text);
    }
    let form = Form {
        what: "the version of a marketplace image",
        format: "'latest' or numbers separated by dots",
        example: "24.04.202510010",
    };
    Err(reader.malformed(&BASE_IMAGE_VERSION, text, form, None))
}

fn purchase_plan(reader: &mut Reader<'_>) -> Result<Option<PlanInfo>, AlreadyReported> {
    let input = &PLATFORM_IMAGE_PURCHASE_PLAN;
    let Some(text) = beside_placeholder(reader, input)? else {
        return Ok(None);
    };
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    match parts.as_slice() {
        [name, product, publisher] if parts.iter().all(|part| is_name(part)) => {
            Ok(Some(PlanInfo {
                plan_name: (*name).to_owned(),
                plan_product: (*product).to_owned(),
                plan_publisher: (*publisher).to_owned(),
                ..PlanInfo::default()
            }))
        }
        _ => {
            let form = Form {
                what: "a purchase plan",
                format: "name:product:publisher",
                example: "cis-ubuntu:cis-ubuntu-linux:center-for-internet-security-inc",
            };
            let hint = "'az vm image show --urn {publisher}:{offer}:{sku}:latest --query plan' prints the three";
            Err(reader.malformed(input, text, form, Some(hint.to_owned())))
        }
    }
}

// The beginnings of retired images, and what to use instead: `build/base-images.json`, which the form's list is checked against, too.
include!(concat!(env!("OUT_DIR"), "/base_images.rs"));

/// A marketplace image as `az` and the original task spell it.
struct Urn<'a> {
    publisher: &'a str,
    offer: &'a str,
    sku: &'a str,
    /// A number; none stands for the newest one.
    version: Option<&'a str>,
}

impl<'a> Urn<'a> {
    /// Three parts; then, in any order, a version and the name of an operating system, which says nothing new.
    fn parse(text: &'a str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').map(str::trim).collect();
        let (publisher, offer, sku, rest) = match parts.as_slice() {
            [publisher, offer, sku, rest @ ..] => (*publisher, *offer, *sku, rest),
            _ => return None,
        };
        let system = |part: &&str| {
            ["windows", "linux"]
                .iter()
                .any(|os| os.eq_ignore_ascii_case(part))
        };
        let version = match rest {
            [] => None,
            [only] => Some(*only).filter(|part| !system(part)),
            [one, other] if system(other) => Some(*one),
            [one, other] if system(one) => Some(*other),
            _ => return None,
        };
        let latest = version.is_some_and(|version| version.eq_ignore_ascii_case(LATEST));
        let plain = [publisher, offer, sku].into_iter().all(is_name);
        let known = version.is_none_or(|version| latest || is_version(version));
        (plain && known).then_some(Self {
            publisher,
            offer,
            sku,
            version: version.filter(|_| !latest),
        })
    }

    /// What replaces an image that the original task offered and that is gone since, or is no longer kept up.
    fn successor(&self) -> Option<&'static str> {
        let plain = format!("{}:{}:{}", self.publisher, self.offer, self.sku);
        let starts = |start: &str| {
            let head = plain.get(..start.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        let found = RETIRED.iter().find(|(start, _)| starts(start));
        found.map(|(_, successor)| *successor)
    }
}

fn is_name(part: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !part.is_empty() && part.chars().all(plain)
}

fn is_version(part: &str) -> bool {
    let numbers = part
        .split('.')
        .all(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()));
    numbers && part.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::manifest::BASE_IMAGE;

    #[test]
    fn marketplace_images_are_read_in_all_spellings() {
        let check = |text: &str, expected: Option<(&str, Option<&str>)>| {
            let urn = Urn::parse(text);
            let found = urn.as_ref().map(|urn| (urn.sku, urn.version));
            assert_eq!(found, expected, "{text}");
        };
        check("p:o:s", Some(("s", None)));
        check(" p : o : 18.04-LTS ", Some(("18.04-LTS", None)));
        check("p:o:s:windows", Some(("s", None)));
        check("p:o:s:Linux", Some(("s", None)));
        check("p:o:s:latest", Some(("s", None)));
        check("p:o:s:1.2.3", Some(("s", Some("1.2.3"))));
        check("p:o:s:1.2.3:windows", Some(("s", Some("1.2.3"))));
        check(
            "p:o:s:linux:18.04.202001010",
            Some(("s", Some("18.04.202001010"))),
        );
        check("p:o:s:windows:linux", None);
        check("p:o:s:1.2.3:1.2.3", None);
        check("p:o:s:solaris", None);
        check("p:o:s:", None);
        check("p:o", None);
        check("p::s", None);
        check("p/o/s", None);
        check("<publisher>:o:s", None);
        check("p:o:s:1.2.3:windows:x", None);
        check("", None);
    }

    #[test]
    fn retired_images_name_their_successor() {
        let check = |text: &str, expected: Option<&str>| {
            let urn = Urn::parse(text).unwrap();
            assert_eq!(urn.successor(), expected, "{text}");
        };
        check(
            "canonical:ubuntuserver:16.04-lts",
            Some("Canonical:ubuntu-24_04-lts:server"),
        );
        check(
            "MicrosoftWindowsDesktop:Windows-10:19h1-evd",
            Some("MicrosoftWindowsDesktop:windows-11:win11-25h2-avd"),
        );
        check(
            "MicrosoftWindowsDesktop:Windows-10:rs5-pro",
            Some("MicrosoftWindowsDesktop:windows-11:win11-25h2-ent"),
        );
        check("RedHat:RHEL:7.6", Some("RedHat:RHEL:9-lvm-gen2"));
        check("RedHat:RHEL:9-lvm-gen2", None);
        check("MicrosoftWindowsServer:WindowsServer:2019-Datacenter", None);
        check("Canonical:ubuntu-24_04-lts:server", None);
    }

    /// One list: what a retired image is replaced by is offered in the form, and is retired by nobody.
    #[test]
    fn successors_are_current_images() {
        assert!(!RETIRED.is_empty());
        for (start, successor) in RETIRED {
            assert!(BASE_IMAGE.options.contains(successor), "{start}");
            assert_eq!(Urn::parse(successor).unwrap().successor(), None, "{start}");
        }
    }
}
