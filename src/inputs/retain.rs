//! Which versions of an image definition stay, and what becomes of the others.

use std::time::Duration;

use super::connection::Connection;
use super::manifest::{
    GALLERY_IMAGE_ID, IB_AZURE_RESOURCE_GROUP, KEEP_DAYS, KEEP_TAG, KEEP_VERSIONS, PREVIEW,
    RETAIN_ACTION, RETAIN_FAILED, RETAIN_HOST_POOLS, RETAIN_PREVIEW, WAIT_TIMEOUT_IN_MINUTES,
};
use super::problem::{Code, Form, Problem, Warning, quoted};
use super::reader::resource::resource_group;
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::{HOST_POOL, IMAGE_DEFINITION, IMAGE_VERSION};
use super::service_connection;
use super::spelling::tidy;
use crate::resource::{ResourceGroupId, ResourceId};
use crate::secret::Masker;

/// What becomes of a version that does not stay.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum RetainAction {
    /// It is deleted.
    #[default]
    Delete,
    /// It is kept from who asks for the latest one.
    Exclude,
    /// Its end of life is set to today.
    EndOfLife,
}

/// Which versions stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keep {
    /// How many of the newest complete versions stay.
    pub versions: u32,
    /// Versions that are younger than so many days stay.
    pub days: u32,
    /// Versions with a tag of this name stay.
    pub tag: String,
    /// Whether failed versions stay.
    pub failed: bool,
    /// What becomes of the others.
    pub action: RetainAction,
}

/// The versions of one image definition, and which of them stay.
#[derive(Debug, Clone)]
pub struct Retain {
    /// The service connection.
    pub connection: Connection,
    /// The image definition.
    pub definition: ResourceId,
    /// Which versions stay.
    pub keep: Keep,
    /// The host pools whose configurations name versions.
    pub host_pools: Vec<ResourceId>,
    /// The resource group whose image templates are read one by one, whatever Azure Resource Graph finds.
    pub resource_group: Option<ResourceGroupId>,
    /// Whether the step only reports what it would change or delete.
    pub preview: bool,
    /// After this time no further version is changed or deleted.
    pub limit: Duration,
    /// The beginning of the names of the files that the step writes.
    pub name: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

const ACTIONS: &[(&str, RetainAction)] = &[
    ("delete", RetainAction::Delete),
    ("exclude", RetainAction::Exclude),
    ("endOfLife", RetainAction::EndOfLife),
];

const DEFINITION: Form = Form {
    what: "the resource id of an image definition",
    format: "an id as 'az sig image-definition show --query id' prints it",
    ..IMAGE_DEFINITION.form
};

/// No definition has more: the limit of versions of a subscription in a region.
const MOST_VERSIONS: u32 = 10_000;
const VERSIONS: Form = Form {
    what: "a number of versions",
    format: "a whole number from 0 to 10000",
    example: "5",
};

/// As far as an end of life can be away.
const MOST_DAYS: u32 = 36_500;
const DAYS: Form = Form {
    what: "a number of days",
    format: "a whole number from 0 to 36500",
    example: "30",
};

/// The form's default, where an author leaves the input empty.
const USUAL_VERSIONS: u32 = 5;
const USUAL_DAYS: u32 = 30;

/// A week.
const MOST_MINUTES: u32 = 7 * 24 * 60;
const MINUTES: Form = Form {
    what: "a number of minutes",
    format: "a whole number from 0 to 10080",
    example: "50",
};
/// A hosted job ends after 60 minutes.
const USUAL_MINUTES: u32 = 50;

/// More characters than the name of a tag can have.
const LONGEST_TAG_NAME: usize = 512;
const TAG: Form = Form {
    what: "the name of a tag",
    format: "up to 512 characters without '<', '>', '%', '&', '\\', '?', '/'",
    example: "keep",
};

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<Retain, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let definition = definition(reader);
    let keep = keep(reader);
    let host_pools = host_pools(reader);
    let group = match reader.optional(&IB_AZURE_RESOURCE_GROUP) {
        Ok(Some(_)) => resource_group(reader).map(Some),
        Ok(None) => Ok(None),
        Err(reported) => Err(reported),
    };
    let previews = [&RETAIN_PREVIEW, &PREVIEW].map(|input| reader.flag(input));
    let minutes = reader.number(&WAIT_TIMEOUT_IN_MINUTES, 0..=MOST_MINUTES, MINUTES);
    let [retain_preview, preview] = previews;
    let is_blank = tidy(reader.raw(&RETAIN_PREVIEW)).is_empty();
    let (connection, minutes) = (connection?, minutes?);
    let minutes = minutes
        .filter(|minutes| *minutes > 0)
        .unwrap_or(USUAL_MINUTES);
    let definition = definition?;
    Ok(Retain {
        name: format!("{}-{}", definition.name(), reader.raw_inputs().unique),
        definition,
        keep: keep?,
        host_pools: host_pools?,
        resource_group: group?.map(|name| ResourceGroupId::new(&connection.subscription, &name)),
        connection,
        // What an author leaves empty is no permission to delete.
        preview: retain_preview? || preview? || is_blank,
        limit: Duration::from_secs(u64::from(minutes) * 60),
        warnings: Vec::new(),
    })
}

/// One definition, not one version of it.
fn definition(reader: &mut Reader<'_>) -> Result<ResourceId, AlreadyReported> {
    let text = reader.required(&GALLERY_IMAGE_ID, DEFINITION)?;
    let id = reader.id(&GALLERY_IMAGE_ID, text, DEFINITION)?;
    if IMAGE_DEFINITION.includes(&id) {
        return Ok(id);
    }
    let hint = IMAGE_VERSION
        .includes(&id)
        .then(|| format!("remove '/versions/{}'", id.name()));
    Err(reader.wrong_kind(&GALLERY_IMAGE_ID, &id, DEFINITION, hint))
}

fn keep(reader: &mut Reader<'_>) -> Result<Keep, AlreadyReported> {
    let versions = reader.number(&KEEP_VERSIONS, 0..=MOST_VERSIONS, VERSIONS);
    let days = reader.number(&KEEP_DAYS, 0..=MOST_DAYS, DAYS);
    let tag = tag(reader);
    let failed = reader.flag(&RETAIN_FAILED);
    let action = reader.choice_or_default(&RETAIN_ACTION, ACTIONS);
    Ok(Keep {
        versions: versions?.unwrap_or(USUAL_VERSIONS),
        days: days?.unwrap_or(USUAL_DAYS),
        tag: tag?,
        failed: failed?,
        action: action?.unwrap_or_default(),
    })
}

/// <https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources#limitations>
fn tag(reader: &mut Reader<'_>) -> Result<String, AlreadyReported> {
    let Some(text) = reader.optional(&KEEP_TAG)? else {
        return Ok(KEEP_TAG.default.to_owned());
    };
    let plain = |c: char| !"<>%&\\?/".contains(c) && !c.is_control();
    if text.chars().all(plain) && text.chars().count() <= LONGEST_TAG_NAME {
        return Ok(text.to_owned());
    }
    Err(reader.malformed(&KEEP_TAG, text, TAG, None))
}

/// Each pool once. Each wrong one is reported.
fn host_pools(reader: &mut Reader<'_>) -> Result<Vec<ResourceId>, AlreadyReported> {
    let input = &RETAIN_HOST_POOLS;
    let text = reader.optional_lines(input)?.unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let read: Vec<_> = lines
        .map(|line| reader.id_of(input, line, HOST_POOL))
        .collect();
    let mut pools: Vec<ResourceId> = Vec::new();
    for pool in read {
        let pool = pool?;
        if pools.contains(&pool) {
            return Err(reader.report(Problem::new(
                Code::Contradiction,
                input,
                format!("{} is listed twice", quoted(pool.as_str())),
                Some("list it once".to_owned()),
            )));
        }
        pools.push(pool);
    }
    Ok(pools)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inputs::RawInputs;

    const ID: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11";
    const POOL: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.DesktopVirtualization/hostPools/hp";

    fn given(inputs: &[(&str, &str)]) -> RawInputs {
        let inputs = inputs.iter();
        RawInputs {
            inputs: inputs
                .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
                .collect(),
            ..RawInputs::default()
        }
    }

    /// What `read` says of the inputs: the value, or the first problem.
    fn read_of<T>(
        inputs: &[(&str, &str)],
        read: impl FnOnce(&mut Reader<'_>) -> Result<T, AlreadyReported>,
    ) -> Result<T, String> {
        let given = given(inputs);
        let mut reader = Reader::new(&given);
        let value = read(&mut reader);
        let value = reader.finish(value);
        value.map(|(value, _)| value).map_err(|it| it.to_string())
    }

    #[test]
    fn what_is_left_empty_has_the_defaults_of_the_form() {
        let usual = Keep {
            versions: 5,
            days: 30,
            tag: "keep".to_owned(),
            failed: false,
            action: RetainAction::Delete,
        };
        assert_eq!(read_of(&[], keep).unwrap(), usual);
        let empty = [
            "keepVersions",
            "keepDays",
            "keepTag",
            "retainFailed",
            "retainAction",
        ];
        assert_eq!(read_of(&empty.map(|name| (name, "")), keep).unwrap(), usual);
        let declared =
            [KEEP_VERSIONS, KEEP_DAYS].map(|input| input.default.parse::<u32>().unwrap());
        assert_eq!(declared, [USUAL_VERSIONS, USUAL_DAYS]);
        assert!(RETAIN_PREVIEW.default == "true" && PREVIEW.default == "false");
    }

    #[test]
    fn numbers_are_numbers() {
        let set = |name, value| read_of(&[(name, value)], keep);
        assert_eq!(set("keepVersions", "0").unwrap().versions, 0);
        assert_eq!(set("keepDays", "0").unwrap().days, 0);
        assert_eq!(
            set("keepVersions", "-1").unwrap_err(),
            "Input 'keepVersions': '-1' is not a number of versions; expected a whole number from 0 to 10000, for example 5"
        );
        assert!(set("keepDays", "36501").is_err() && set("keepDays", "a month").is_err());
        assert_eq!(
            set("retainAction", "ENDOFLIFE").unwrap().action,
            RetainAction::EndOfLife
        );
        assert!(set("keepTag", "a/b").is_err());
    }

    #[test]
    fn the_definition_is_one_without_a_version() {
        let of = |text: &str| read_of(&[("galleryImageId", text)], definition);
        assert_eq!(of(ID).unwrap().as_str(), ID);
        let version = of(&format!("{ID}/versions/1.0.0")).unwrap_err();
        assert!(
            version.contains(
                "is not the resource id of an image definition but that of a gallery image version"
            ),
            "{version}"
        );
        assert!(of("").is_err() && of(POOL).is_err());
    }

    #[test]
    fn host_pools_stand_on_lines_of_their_own() {
        let of = |text: &str| read_of(&[("retainHostPools", text)], host_pools);
        assert_eq!(of("").unwrap(), []);
        let two = of(&format!("{POOL}\n\n  {POOL}2  \n")).unwrap();
        assert_eq!(two.len(), 2);
        assert!(
            of(&format!("{POOL}\n{}", POOL.to_uppercase()))
                .unwrap_err()
                .contains("is listed twice")
        );
        let other = of(ID).unwrap_err();
        assert!(
            other.contains("is not the resource id of a host pool"),
            "{other}"
        );
    }
}
