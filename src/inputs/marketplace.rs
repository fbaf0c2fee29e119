//! An image of the Azure Marketplace as the source.

use super::declared::{
    BASE_IMAGE, BASE_IMAGE_PUB_OFFER_SKU, BASE_IMAGE_VERSION, Input, PLATFORM_IMAGE_PURCHASE_PLAN,
};
use super::plan::{PurchasePlan, Source};
use super::problem::{Code, Form, Problem, quoted};
use super::reading::{Reading, Reported};

/// The version that stands for the newest one.
pub(super) const LATEST: &str = "latest";

const BASE_IMAGE_FORM: Form = Form {
    what: "a marketplace image",
    looks: "publisher:offer:sku or publisher:offer:sku:version",
    example: "Canonical:ubuntu-24_04-lts:server",
};

pub(super) fn read(reading: &mut Reading<'_>) -> Result<Source, Reported> {
    let urn = urn(reading);
    let version = version(reading);
    let plan = purchase_plan(reading);
    let (input, text, urn) = urn?;
    let (version, plan) = (version?, plan?);
    let version = match (urn.version, version) {
        (None, version) | (Some(version), LATEST) => version,
        (Some(one), other) if one == other => one,
        (Some(one), other) => {
            let sentence = format!(
                "{} names version '{one}', and input '{}' names version {}",
                quoted(text),
                BASE_IMAGE_VERSION.name,
                quoted(other)
            );
            let hint = "leave one of the two out".to_owned();
            let problem = Problem::new(Code::Contradiction, input, sentence, Some(hint));
            return Err(reading.report(problem));
        }
    };
    Ok(Source::Marketplace {
        publisher: urn.publisher.to_owned(),
        offer: urn.offer.to_owned(),
        sku: urn.sku.to_owned(),
        version: version.to_owned(),
        plan,
    })
}

/// The chosen image, with the input and text that it was read from.
fn urn<'a>(reading: &mut Reading<'a>) -> Result<(&'static Input, &'a str, Urn<'a>), Reported> {
    let other = beside_placeholder(reading, &BASE_IMAGE_PUB_OFFER_SKU)?;
    let (input, text) = match other {
        Some(text) => (&BASE_IMAGE_PUB_OFFER_SKU, text),
        None => (&BASE_IMAGE, reading.required(&BASE_IMAGE, BASE_IMAGE_FORM)?),
    };
    let Some(urn) = Urn::parse(text) else {
        return Err(reading.malformed(input, text, BASE_IMAGE_FORM, None));
    };
    if let Some(successor) = urn.successor() {
        let sentence = format!(
            "Input '{}': the publisher has retired {}, and Azure may refuse to build from it",
            input.name,
            quoted(text)
        );
        let hint = format!("use '{successor}', or what 'az vm image list --all' shows");
        reading.warn(Code::Retired, sentence, Some(hint));
    }
    Ok((input, text, urn))
}

/// The text of an input whose declared default is only an example, unless it is that example.
fn beside_placeholder<'a>(
    reading: &mut Reading<'a>,
    input: &Input,
) -> Result<Option<&'a str>, Reported> {
    let text = reading.optional(input)?;
    Ok(text.filter(|text| !text.eq_ignore_ascii_case(input.default)))
}

fn version<'a>(reading: &mut Reading<'a>) -> Result<&'a str, Reported> {
    let text = reading.optional(&BASE_IMAGE_VERSION)?.unwrap_or(LATEST);
    if text.eq_ignore_ascii_case(LATEST) {
        return Ok(LATEST);
    }
    if is_version(text) {
        return Ok(text);
    }
    let form = Form {
        what: "the version of a marketplace image",
        looks: "'latest' or dotted numbers",
        example: "24.04.202510010",
    };
    Err(reading.malformed(&BASE_IMAGE_VERSION, text, form, None))
}

fn purchase_plan(reading: &mut Reading<'_>) -> Result<Option<PurchasePlan>, Reported> {
    let input = &PLATFORM_IMAGE_PURCHASE_PLAN;
    let Some(text) = beside_placeholder(reading, input)? else {
        return Ok(None);
    };
    let parts: Vec<&str> = text.split(':').map(str::trim).collect();
    match parts.as_slice() {
        [name, product, publisher] if parts.iter().all(|part| is_name(part)) => {
            Ok(Some(PurchasePlan {
                name: (*name).to_owned(),
                product: (*product).to_owned(),
                publisher: (*publisher).to_owned(),
            }))
        }
        _ => {
            let form = Form {
                what: "a purchase plan",
                looks: "name:product:publisher",
                example: "cis-ubuntu:cis-ubuntu-linux:center-for-internet-security-inc",
            };
            let hint = "'az vm image show --urn {publisher}:{offer}:{sku}:latest --query plan' prints the three";
            Err(reading.malformed(input, text, form, Some(hint.to_owned())))
        }
    }
}

/// A marketplace image as `az` and the original task spell it.
struct Urn<'a> {
    publisher: &'a str,
    offer: &'a str,
    sku: &'a str,
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
        let starts = |text: &str, start: &str| {
            text.get(..start.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(start))
        };
        RETIRED
            .iter()
            .find(|(publisher, offer, sku, _)| {
                self.publisher.eq_ignore_ascii_case(publisher)
                    && self.offer.eq_ignore_ascii_case(offer)
                    && starts(self.sku, sku)
            })
            .map(|(_, _, _, successor)| *successor)
    }
}

/// Publisher, offer, beginning of the SKU, and the image to use instead.
const RETIRED: &[(&str, &str, &str, &str)] = &[
    (
        "Canonical",
        "UbuntuServer",
        "",
        "Canonical:ubuntu-24_04-lts:server",
    ),
    (
        "OpenLogic",
        "CentOS",
        "",
        "almalinux:almalinux-x86_64:9-gen2",
    ),
    ("credativ", "Debian", "", "Debian:debian-12:12-gen2"),
    ("RedHat", "RHEL", "7", "RedHat:RHEL:9-lvm-gen2"),
    ("SUSE", "SLES", "15", "SUSE:sles-15-sp6:gen2"),
    (
        "MicrosoftWindowsDesktop",
        "Windows-10",
        "rs5-evd",
        WINDOWS_MULTI_SESSION,
    ),
    (
        "MicrosoftWindowsDesktop",
        "Windows-10",
        "19h1-evd",
        WINDOWS_MULTI_SESSION,
    ),
    (
        "MicrosoftWindowsDesktop",
        "Windows-10",
        "19h2-evd",
        WINDOWS_MULTI_SESSION,
    ),
    (
        "MicrosoftWindowsDesktop",
        "Windows-10",
        "19h2-",
        WINDOWS_SINGLE_SESSION,
    ),
    (
        "MicrosoftWindowsDesktop",
        "office-365",
        "19h2-",
        "MicrosoftWindowsDesktop:office-365:win11-24h2-avd-m365",
    ),
    (
        "MicrosoftWindowsDesktop",
        "Windows-10",
        "rs5-",
        WINDOWS_SINGLE_SESSION,
    ),
    (
        "MicrosoftWindowsDesktop",
        "Windows-10",
        "19h1-",
        WINDOWS_SINGLE_SESSION,
    ),
];

const WINDOWS_MULTI_SESSION: &str = "MicrosoftWindowsDesktop:windows-11:win11-24h2-avd";
const WINDOWS_SINGLE_SESSION: &str = "MicrosoftWindowsDesktop:windows-11:win11-24h2-ent";

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
            Some(WINDOWS_MULTI_SESSION),
        );
        check(
            "MicrosoftWindowsDesktop:Windows-10:rs5-pro",
            Some(WINDOWS_SINGLE_SESSION),
        );
        check("RedHat:RHEL:7.6", Some("RedHat:RHEL:9-lvm-gen2"));
        check("RedHat:RHEL:9-lvm-gen2", None);
        check("MicrosoftWindowsServer:WindowsServer:2019-Datacenter", None);
        check("Canonical:ubuntu-24_04-lts:server", None);
    }
}
