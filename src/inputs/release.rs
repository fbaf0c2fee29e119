//! What `promote` and `withdraw` need: an image version, where it counts, and its tags and end of life.

use super::connection::Connection;
use super::manifest::{
    ARTIFACT_TAGS, BLOCK_DELETION_UNTIL_END_OF_LIFE, DISTRIBUTE_STORAGE_ACCOUNT_TYPE,
    END_OF_LIFE_IN_DAYS, PREVIEW, PROMOTE_TO, RELEASE_REGIONS, REQUIRE_TAGS, WITHDRAW_LAST,
    WITHDRAW_REASON,
};
use super::problem::{Code, Form, Problem, Warning, quoted};
use super::raw_inputs::RawInputs;
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::{IMAGE_DEFINITION, IMAGE_VERSION};
use super::spelling::tidy;
use super::{gallery, given_version, service_connection, tags};
use crate::resource::tag::is_of_release;
use crate::resource::{Region, ResourceId, split_at_blanks};
use crate::secret::Masker;
use crate::template::model::{Tags, TargetRegion};

/// An image version that is to be promoted or withdrawn.
#[derive(Debug, Clone)]
pub struct Release {
    /// The service connection.
    pub connection: Connection,
    /// The version.
    pub version: ResourceId,
    /// Promote or withdraw.
    pub what: What,
    /// Only in these regions; in all where there are none.
    pub regions: Vec<Region>,
    /// More tags for it.
    pub tags: Tags,
    /// Days until its end of life.
    pub end_of_life_in_days: Option<u32>,
    /// Whether it cannot be deleted before.
    pub blocks_deletion: bool,
    /// Whether the step only reports what it would change.
    pub preview: bool,
    /// Who does it, for a tag: the pipeline, or the person at a prompt.
    pub by: Option<String>,
    /// The run of that pipeline, for a tag.
    pub run: Option<String>,
    /// The beginning of the names of the files that the step writes.
    pub name: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

/// Promote or withdraw.
#[derive(Debug, Clone)]
pub enum What {
    /// Make it count as latest.
    Promote(Promotion),
    /// Make it no longer count as latest.
    Withdraw {
        /// Why, for a tag.
        reason: String,
        /// Whether a region may be left without a latest version.
        last: bool,
    },
}

/// How an image version is promoted.
#[derive(Debug, Clone, Default)]
pub struct Promotion {
    /// The image definitions that get a copy; where there are none, the version counts in its own.
    pub to: Vec<ResourceId>,
    /// The regions that are added, or those of the copies.
    pub added: Vec<TargetRegion>,
    /// The tags that it must have.
    pub required: Vec<(String, String)>,
}

impl Release {
    /// The copies that are made.
    pub fn targets(&self) -> &[ResourceId] {
        match &self.what {
            What::Promote(promotion) => &promotion.to,
            What::Withdraw { .. } => &[],
        }
    }

    /// Whether the version is to count afterwards.
    pub fn is_promotion(&self) -> bool {
        matches!(self.what, What::Promote(_))
    }

    /// The word of the action.
    pub fn action(&self) -> &'static str {
        match self.what {
            What::Promote(_) => super::Action::Promote.name(),
            What::Withdraw { .. } => super::Action::Withdraw.name(),
        }
    }
}

const REASON: Form = Form {
    what: "a reason",
    format: "a sentence that says why",
    example: "sign-in fails with 1.0.2609402",
};
const DAYS: Form = Form {
    what: "a number of days until the end of life",
    format: "0 to 36500",
    example: "180",
};
const TAG: Form = Form {
    what: "a required tag",
    format: "one 'name=value' per line",
    example: "imageTest=passed",
};

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn promotion(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Release, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let version = given_version::read(reader);
    let to = targets(reader, version.as_ref().ok());
    let added = gallery::regions(reader);
    let storage = gallery::storage_type(reader);
    let required = required_tags(reader);
    let rest = Rest::read(reader);
    let mut added = added?;
    match storage? {
        Some(storage) if !added.is_empty() => {
            for region in &mut added {
                let own = &mut region.storage_account_type;
                own.get_or_insert_with(|| storage.to_owned());
            }
        }
        Some(_) if to.as_ref().is_ok_and(Vec::is_empty) => reader.warn_without_effect(
            &DISTRIBUTE_STORAGE_ACCOUNT_TYPE,
            "because no region is added",
            &format!("remove '{}'", DISTRIBUTE_STORAGE_ACCOUNT_TYPE.name),
        ),
        Some(_) | None => {}
    }
    let promotion = Promotion {
        to: to?,
        added,
        required: required?,
    };
    let what = What::Promote(promotion);
    Ok(rest?.with(connection?, version?, what, reader.raw_inputs()))
}

/// As [`promotion`].
pub(super) fn withdrawal(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Release, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let version = given_version::read(reader);
    let reason = reason(reader);
    let last = reader.flag(&WITHDRAW_LAST);
    let rest = Rest::read(reader);
    let what = What::Withdraw {
        reason: reason?,
        last: last?,
    };
    Ok(rest?.with(connection?, version?, what, reader.raw_inputs()))
}

/// What both have.
struct Rest {
    regions: Vec<Region>,
    tags: Tags,
    end_of_life_in_days: Option<u32>,
    blocks_deletion: bool,
    preview: bool,
}

impl Rest {
    fn read(reader: &mut Reader<'_>) -> Result<Self, AlreadyReported> {
        let regions = release_regions(reader);
        let tags = own_tags(reader);
        let days = reader.number(&END_OF_LIFE_IN_DAYS, 0..=36_500, DAYS);
        let blocks_deletion = reader.flag(&BLOCK_DELETION_UNTIL_END_OF_LIFE);
        let preview = reader.flag(&PREVIEW);
        Ok(Self {
            regions: regions?,
            tags: tags?,
            end_of_life_in_days: days?,
            blocks_deletion: blocks_deletion?,
            preview: preview?,
        })
    }

    fn with(
        self,
        connection: Connection,
        version: ResourceId,
        what: What,
        given: &RawInputs,
    ) -> Release {
        Release {
            connection,
            version,
            what,
            regions: self.regions,
            tags: self.tags,
            end_of_life_in_days: self.end_of_life_in_days,
            blocks_deletion: self.blocks_deletion,
            preview: self.preview,
            by: public(given, by(given)),
            run: public(given, run(given)),
            name: given.template_name(),
            warnings: Vec::new(),
        }
    }
}

fn by(given: &RawInputs) -> Option<String> {
    if given.at_prompt && given.run.pipeline.is_none() {
        return Some(given.step.person.clone());
    }
    given.run.pipeline.clone()
}

fn run(given: &RawInputs) -> Option<String> {
    given
        .run
        .release
        .clone()
        .or_else(|| given.build_number.clone())
}

/// Nothing secret stands in a tag.
fn public(given: &RawInputs, text: Option<String>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty() && given.secret_in(text).is_none())
}

/// The image definitions that get a copy, each once.
fn targets(
    reader: &mut Reader<'_>,
    version: Option<&ResourceId>,
) -> Result<Vec<ResourceId>, AlreadyReported> {
    let text = reader.optional(&PROMOTE_TO)?.unwrap_or_default();
    let lines = text.split(['\n', ',', ';']).map(tidy);
    let lines = lines.filter(|line| !line.is_empty());
    let own = version.and_then(ResourceId::parent);
    let read: Vec<_> = lines
        .map(|line| target(reader, line, own.as_ref()))
        .collect();
    let mut targets: Vec<ResourceId> = Vec::new();
    for target in read {
        let target = target?;
        if !targets.contains(&target) {
            targets.push(target);
        }
    }
    Ok(targets)
}

fn target(
    reader: &mut Reader<'_>,
    line: &str,
    own: Option<&ResourceId>,
) -> Result<ResourceId, AlreadyReported> {
    let form = IMAGE_DEFINITION.form;
    let id = reader.id(&PROMOTE_TO, line, form)?;
    if IMAGE_VERSION.includes(&id) {
        let hint = format!(
            "remove '/versions/{}': the copy has the number of the version",
            id.name()
        );
        return Err(reader.wrong_kind(&PROMOTE_TO, &id, form, Some(hint)));
    }
    if !IMAGE_DEFINITION.includes(&id) {
        return Err(reader.wrong_kind(&PROMOTE_TO, &id, form, None));
    }
    if own == Some(&id) {
        let sentence = format!(
            "{} is the image definition of the version itself, where it needs no copy",
            quoted(id.as_str())
        );
        let hint = format!(
            "leave '{}' empty to promote the version where it is",
            PROMOTE_TO.name
        );
        let problem = Problem::new(Code::Malformed, &PROMOTE_TO, sentence, Some(hint));
        return Err(reader.report(problem));
    }
    Ok(id)
}

fn release_regions(reader: &mut Reader<'_>) -> Result<Vec<Region>, AlreadyReported> {
    let text = reader.optional(&RELEASE_REGIONS)?.unwrap_or_default();
    let names = text.split([',', ';', '\n']);
    let names = names.flat_map(|item| split_at_blanks(tidy(item)));
    let names = names.filter(|name| !name.is_empty());
    let read: Vec<_> = names
        .map(|name| reader.region(&RELEASE_REGIONS, &name))
        .collect();
    let mut regions = Vec::new();
    for region in read {
        let region = region?;
        if !regions.contains(&region) {
            regions.push(region);
        }
    }
    Ok(regions)
}

pub(super) fn required_tags(
    reader: &mut Reader<'_>,
) -> Result<Vec<(String, String)>, AlreadyReported> {
    let text = reader.optional_lines(&REQUIRE_TAGS)?.unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let mut required = Vec::new();
    let mut wrong = None;
    for line in lines {
        match line.split_once('=') {
            Some((name, value)) if !name.trim().is_empty() => {
                required.push((name.trim().to_owned(), value.trim().to_owned()));
            }
            Some(_) | None => wrong = Some(reader.malformed(&REQUIRE_TAGS, line, TAG, None)),
        }
    }
    wrong.map_or(Ok(required), Err)
}

fn own_tags(reader: &mut Reader<'_>) -> Result<Tags, AlreadyReported> {
    let tags = tags::beside_ours(reader, &ARTIFACT_TAGS)?.unwrap_or_default();
    if let Some(name) = tags.keys().find(|name| is_of_release(name)) {
        let sentence = format!(
            "tag {} is one that promotions and withdrawals write themselves",
            quoted(name)
        );
        let hint = Some("use another tag name".to_owned());
        return Err(reader.report(Problem::new(
            Code::Contradiction,
            &ARTIFACT_TAGS,
            sentence,
            hint,
        )));
    }
    Ok(tags)
}

fn reason(reader: &mut Reader<'_>) -> Result<String, AlreadyReported> {
    let reason = reader.required(&WITHDRAW_REASON, REASON)?;
    let Some(secret) = reader.raw_inputs().secret_in(reason) else {
        return Ok(reason.to_owned());
    };
    let sentence = format!(
        "it contains {secret}; everybody with read permission on the image version could read it"
    );
    let hint = "write a reason without it".to_owned();
    Err(reader.report(Problem::new(
        Code::Exposed,
        &WITHDRAW_REASON,
        sentence,
        Some(hint),
    )))
}
