//! What `action: test` needs: an image, an engine that boots it, and the checks.

mod checks;
mod engine;

use super::connection::Connection;
use super::long_build::RESUMES;
use super::manifest::{
    BOOT_TIMEOUT_IN_MINUTES, BUILD_TIMEOUT_IN_MINUTES, BUILD_VM_IDENTITIES,
    CONTAINER_INSTANCE_SUBNET_ID, IB_AZURE_RESOURCE_GROUP, IMAGE_VERSION_ID, Input,
    KEEP_VM_ON_FAILURE, MANAGED_IDENTITY, MANAGED_RESOURCE_TAGS, OS_DISK_SIZE_GB, PROXY_VM_SIZE,
    RESUME, STAGING_RESOURCE_GROUP, STREAM_LOGS, TEMPLATE_TAGS, TEST_ADMIN_PASSWORD, TEST_ENGINE,
    TEST_SUBNET_ID, TEST_TAG, TEST_VM_GROUP, VNET_SUBNET_ID,
};
use super::problem::{Code, Form, Problem, Warning, quoted};
use super::reader::{AlreadyReported, Reader};
use super::resource_kind::MANAGED_IMAGE;
use super::tags::REFUSED_IN_NAMES;
use super::template_file;
use super::{Origin, given_version, service_connection};
use crate::inputs::manifest::KEEP_TAG;
use crate::resource::ResourceId;
use crate::resource::tag::is_of_image;
use crate::secret::Masker;

pub use checks::Check;
use engine::{IMAGE_BUILDER, VM};
pub use engine::{TestEngine, TestVm};

/// An image that is to be tested.
#[derive(Debug, Clone)]
pub struct ImageTest {
    /// The service connection.
    pub connection: Connection,
    /// A version of an image definition, by its number, or a managed image.
    pub image: ResourceId,
    /// What boots it.
    pub engine: TestEngine,
    /// The tags for the result; without them there are none.
    pub tag: Option<TestTag>,
    /// The step, as its resources name it.
    pub origin: Origin,
    /// Whether the job, its stage or the release is at its second attempt or a later one.
    pub second_attempt: bool,
    /// Microseconds since 1970, in the names of what the test makes.
    pub number: u128,
    /// The beginning of the names of the files that the step writes.
    pub name: String,
    /// What is wrong with the inputs without stopping the step.
    pub warnings: Vec<Warning>,
}

/// The tags that an image version gets: this one, and two whose names are longer by `At` and `Run`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestTag {
    /// Its name.
    pub name: String,
    /// The number of the build, or the name of the release, as far as it is known and may be read by everybody.
    pub run: Option<String>,
}

/// What the names of the two other tags end in.
pub const TAG_ENDS: [&str; 2] = ["At", "Run"];

#[derive(Clone, Copy)]
enum Kind {
    ImageBuilder,
    Vm,
}

const ENGINES: &[(&str, Kind)] = &[(IMAGE_BUILDER, Kind::ImageBuilder), (VM, Kind::Vm)];

/// Every part is read before the first `?`, so that each part reports its problems.
pub(super) fn read(
    reader: &mut Reader<'_>,
    masker: &dyn Masker,
) -> Result<ImageTest, AlreadyReported> {
    let connection = service_connection::read(reader, masker);
    let image = image(reader);
    let file = template_file::read_for_test(reader);
    let kind = reader.choice_or_default(&TEST_ENGINE, ENGINES);
    if let Ok(kind) = kind {
        warn_of_other_engine(reader, kind.unwrap_or(Kind::ImageBuilder));
    }
    let tag = tag(reader);
    let resume = reader.choice_or_default(&RESUME, RESUMES);
    let engine = match kind {
        Ok(Some(Kind::Vm)) => engine::vm(reader, masker, &file, connection.as_ref().ok()),
        Ok(Some(Kind::ImageBuilder) | None) => {
            engine::image_builder(reader, &file, (&connection, &image))
        }
        Err(ref reported) => {
            // The checks are the same with both.
            drop(checks::read(reader, &file));
            Err(reported.clone())
        }
    };
    let given = reader.raw_inputs();
    let (origin, number, name) = (Origin::of(given), given.unique, given.template_name());
    let second_attempt = given.is_second_attempt();
    let mut engine = engine?;
    let resume = resume?.unwrap_or(true);
    if let TestEngine::ImageBuilder(plan) = &mut engine {
        plan.long_build.resume = resume;
    }
    Ok(ImageTest {
        connection: connection?,
        image: image?,
        engine,
        tag: tag?,
        origin,
        second_attempt: second_attempt && resume,
        number,
        name,
        warnings: Vec::new(),
    })
}

/// What only a VM of the step's own uses.
const OF_VM: &[Input] = &[
    TEST_SUBNET_ID,
    TEST_VM_GROUP,
    TEST_ADMIN_PASSWORD,
    BOOT_TIMEOUT_IN_MINUTES,
    KEEP_VM_ON_FAILURE,
];
/// What only Azure VM Image Builder uses.
const OF_IMAGE_BUILDER: &[Input] = &[
    IB_AZURE_RESOURCE_GROUP,
    MANAGED_IDENTITY,
    OS_DISK_SIZE_GB,
    VNET_SUBNET_ID,
    CONTAINER_INSTANCE_SUBNET_ID,
    PROXY_VM_SIZE,
    BUILD_VM_IDENTITIES,
    STAGING_RESOURCE_GROUP,
    MANAGED_RESOURCE_TAGS,
    TEMPLATE_TAGS,
    BUILD_TIMEOUT_IN_MINUTES,
    STREAM_LOGS,
];

fn warn_of_other_engine(reader: &mut Reader<'_>, kind: Kind) {
    let (unused, own, other) = match kind {
        Kind::ImageBuilder => (OF_VM, IMAGE_BUILDER, VM),
        Kind::Vm => (OF_IMAGE_BUILDER, VM, IMAGE_BUILDER),
    };
    for input in unused
        .iter()
        .filter(|input| reader.is_set(input))
        .collect::<Vec<_>>()
    {
        let reason = format!("because '{}' is '{own}'", TEST_ENGINE.name);
        let hint = format!("remove '{}'; it is an input of '{other}'", input.name);
        reader.warn_without_effect(input, &reason, &hint);
    }
}

/// A version as for a promotion, or a managed image.
fn image(reader: &mut Reader<'_>) -> Result<ResourceId, AlreadyReported> {
    let id = reader.optional(&IMAGE_VERSION_ID);
    let id = id.ok().flatten().and_then(|text| text.parse().ok());
    match id.filter(|id| MANAGED_IMAGE.includes(id)) {
        Some(image) => Ok(image),
        None => given_version::read(reader),
    }
}

const TAG: Form = Form {
    what: "the name of a tag",
    format: "up to 500 characters, none of them '<>%&\\?/'",
    example: "imageTest",
};
/// Azure's limit is 512 with what is added to it.
const LONGEST_TAG: usize = 500;

fn tag(reader: &mut Reader<'_>) -> Result<Option<TestTag>, AlreadyReported> {
    let Some(name) = reader.optional(&TEST_TAG)? else {
        return Ok(None);
    };
    let refused = |c: char| REFUSED_IN_NAMES.contains(c) || c.is_control();
    if name.contains(refused) || name.chars().count() > LONGEST_TAG {
        return Err(reader.malformed(&TEST_TAG, name, TAG, None));
    }
    let ends = [""].into_iter().chain(TAG_ENDS);
    let mut names = ends.map(|end| format!("{name}{end}"));
    // What `keepTag` names protects a version from retention, whatever its value is.
    let is_taken = |name: &str| is_of_image(name) || name.eq_ignore_ascii_case(KEEP_TAG.default);
    if let Some(taken) = names.find(|name| is_taken(name)) {
        let sentence = format!(
            "a tag {} would be written, which the task uses for something else",
            quoted(&taken)
        );
        let hint = format!("use another name, for example '{}'", TAG.example);
        let problem = Problem::new(Code::Contradiction, &TEST_TAG, sentence, Some(hint));
        return Err(reader.report(problem));
    }
    let given = reader.raw_inputs();
    let run = given.run.release.clone();
    let run = run.or_else(|| given.build_number.clone());
    // Everybody can read a tag.
    let run = run.filter(|run| !run.trim().is_empty() && given.secret_in(run).is_none());
    Ok(Some(TestTag {
        name: name.to_owned(),
        run,
    }))
}
