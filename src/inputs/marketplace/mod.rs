//! An image of the Azure Marketplace as the source.

mod urn;

use super::manifest::{
    BASE_IMAGE, BASE_IMAGE_PUB_OFFER_SKU, BASE_IMAGE_VERSION, Input, PLATFORM_IMAGE_PURCHASE_PLAN,
};
use super::problem::{Code, Form, Problem, quoted};
use super::reader::{AlreadyReported, Reader};
use crate::template::model::{LATEST, PlanInfo, PlatformImage, Source};
use urn::{Urn, is_name, is_version};

const BASE_IMAGE_FORM: Form = Form {
    what: "a marketplace image",
    looks: "publisher:offer:sku or publisher:offer:sku:version",
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
        looks: "'latest' or numbers separated by dots",
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
                looks: "name:product:publisher",
                example: "cis-ubuntu:cis-ubuntu-linux:center-for-internet-security-inc",
            };
            let hint = "'az vm image show --urn {publisher}:{offer}:{sku}:latest --query plan' prints the three";
            Err(reader.malformed(input, text, form, Some(hint.to_owned())))
        }
    }
}
