//! Looking the image up that is tested, and waiting until it is where the test is.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::codes::{FAILED, MISSING, NO_REPLICA};
use super::event::Event;
use super::image::{TestedImage, display_name};
use super::not_tested::{NotTested, Refused};
use super::step::TestStep;
use crate::arm::api::{GALLERIES, IMAGES};
use crate::arm::gallery::{State, Version};
use crate::inputs::Action;
use crate::inputs::manifest::{
    ACTION, IB_LOCATION, IMAGE_VERSION_ID, TARGET_REGIONS, TEST_ENGINE, TEST_SUBNET_ID,
};
use crate::inputs::{ImageTest, TestEngine, nearest};
use crate::resource::{MANAGED_IMAGE, ResourceId, definition_options, plain_region, quoted};
use crate::wording::duration;

/// How long a replica is waited for.
const REPLICATION: Duration = Duration::from_secs(30 * 60);
/// The pause between two reads.
const LOOK_AGAIN: Duration = Duration::from_secs(30);
/// How often the log says that it is waited for.
const HEARTBEAT: Duration = Duration::from_secs(120);

/// Reads the image of the test: it is there, and whole.
pub(super) async fn read_image(step: &TestStep<'_>) -> Result<TestedImage, NotTested> {
    let id = &step.test.image;
    let image = if id.is(MANAGED_IMAGE) {
        managed_image(step, id).await?
    } else {
        version(step, id).await?
    };
    step.events.tell(Event::Found(Box::new(image.clone())));
    Ok(image)
}

async fn version(step: &TestStep<'_>, id: &ResourceId) -> Result<TestedImage, NotTested> {
    let version = step.arm.version(id).await?;
    let version = match sound(id, version) {
        Err(NotTested::Refused(refused)) if refused.code == MISSING => {
            return Err(with_nearest(step, *refused).await);
        }
        sound => sound?,
    };
    // An id of a version has a definition.
    let definition = id.parent().unwrap_or_else(|| id.clone());
    let doing = format!("Reading image definition '{}'", definition.name());
    let definition = step.arm.get(&doing, &definition, GALLERIES).await?;
    let text = |pointer: &str| definition.pointer(pointer).and_then(Value::as_str);
    Ok(TestedImage {
        id: id.clone(),
        name: id.name().to_owned(),
        os: text("/properties/osType").map(str::to_owned),
        specialized: is_specialized(text("/properties/osState")),
        security: security(&definition),
        plan: definition
            .pointer("/properties/purchasePlan")
            .filter(|plan| plan.is_object())
            .cloned(),
        location: version.location.clone(),
        version: Some(version),
    })
}

/// The likely cause comes first: a number that is nearly one of the others.
async fn with_nearest(step: &TestStep<'_>, mut refused: Refused) -> NotTested {
    let id = &step.test.image;
    if let Some(definition) = id.parent()
        && let Ok(versions) = step.arm.versions(&definition).await
        && let Some(near) = nearest(id.name(), versions.iter().map(|it| it.name.as_str()))
        && near != id.name()
    {
        let rest = refused.hint.unwrap_or_default();
        refused.hint = Some(format!("did you mean version {near}? If not, {rest}"));
    }
    NotTested::Refused(Box::new(refused))
}

/// A version that is there, and not in state `Failed`.
fn sound(id: &ResourceId, version: Option<Version>) -> Result<Version, NotTested> {
    let display_name = display_name(id, id.name(), true);
    let Some(version) = version.filter(|version| version.state != State::Deleting) else {
        let text = format!("Testing {display_name} failed: it does not exist, or is being deleted");
        let hint = format!(
            "correct input '{}'; to list the versions that there are, run: az sig image-version list {} --query [].id --output tsv",
            IMAGE_VERSION_ID.name,
            definition_options(id)
        );
        return Err(NotTested::refused(MISSING, text, hint));
    };
    if version.state == State::Failed {
        let text = format!(
            "Testing {display_name} failed: it is in state Failed, so it may be incomplete"
        );
        let hint = "build a new version, and test that one".to_owned();
        return Err(NotTested::refused(FAILED, text, hint));
    }
    Ok(version)
}

async fn managed_image(step: &TestStep<'_>, id: &ResourceId) -> Result<TestedImage, NotTested> {
    let display_name = display_name(id, id.name(), false);
    let doing = format!("Reading {display_name}");
    let Some(image) = step.arm.get_if_there(&doing, id, IMAGES).await? else {
        let text = format!(
            "Testing {display_name} failed: it does not exist in resource group '{}'",
            id.resource_group()
        );
        let hint = format!(
            "correct input '{}'; to list the managed images that there are, run: az image list --subscription {} --resource-group {} --query [].id --output tsv",
            IMAGE_VERSION_ID.name,
            id.subscription(),
            quoted(id.resource_group())
        );
        return Err(NotTested::refused(MISSING, text, hint));
    };
    let own = |pointer: &str| image.pointer(pointer).and_then(Value::as_str);
    if own("/properties/provisioningState") == Some("Failed") {
        let text = format!(
            "Testing {display_name} failed: it is in state Failed, so it may be incomplete"
        );
        let hint = "build it again, and then test it".to_owned();
        return Err(NotTested::refused(FAILED, text, hint));
    }
    Ok(TestedImage {
        id: id.clone(),
        name: id.name().to_owned(),
        os: own("/properties/storageProfile/osDisk/osType").map(str::to_owned),
        specialized: is_specialized(own("/properties/storageProfile/osDisk/osState")),
        security: None,
        plan: None,
        version: None,
        location: plain_region(own("/location").unwrap_or_default()),
    })
}

fn is_specialized(state: Option<&str>) -> bool {
    state.is_some_and(|state| state.eq_ignore_ascii_case("Specialized"))
}

/// The feature `SecurityType` of a definition.
fn security(definition: &Value) -> Option<String> {
    let features = definition.pointer("/properties/features")?.as_array()?;
    let feature = features.iter().find(|feature| {
        let name = feature.get("name").and_then(Value::as_str);
        name == Some("SecurityType")
    })?;
    feature.get("value")?.as_str().map(str::to_owned)
}

/// Waits until the image can be read in `region` (`westeurope`): of a version only the replica there counts.
pub(super) async fn replica_in(
    step: &TestStep<'_>,
    image: &TestedImage,
    region: &str,
) -> Result<(), NotTested> {
    if let Some(why) = elsewhere(step.test, image, region) {
        return Err(why);
    }
    let Some(first) = &image.version else {
        return Ok(());
    };
    let start = Instant::now();
    let mut spoken: Option<Instant> = None;
    let mut version = first.clone();
    loop {
        let replica = version.replication.iter().flatten();
        let replica = replica
            .clone()
            .find(|it| plain_region(&it.region) == region)
            .cloned();
        let is_there = |state: &str| state.eq_ignore_ascii_case("Completed");
        if version.state == State::Succeeded
            || replica.as_ref().is_some_and(|it| is_there(&it.state))
        {
            return Ok(());
        }
        let state = version.state.as_str().to_owned();
        if start.elapsed() >= REPLICATION {
            let text = format!(
                "Testing {} failed: it is in state {state}, and its replica in {region} was not complete after {}",
                image.display_name(),
                duration(REPLICATION)
            );
            let hint = "run the step again later; with 'az sig image-version show --expand ReplicationStatus' Azure reports its progress".to_owned();
            return Err(NotTested::refused(NO_REPLICA, text, hint));
        }
        if spoken.is_none_or(|spoken| spoken.elapsed() >= HEARTBEAT) {
            spoken = Some(Instant::now());
            step.events.tell(Event::WaitingForReplica {
                region: region.to_owned(),
                state,
                percent: replica.map(|it| it.percent),
                elapsed: start.elapsed(),
            });
        }
        sleep(LOOK_AGAIN).await;
        match step.arm.version(&image.id).await {
            Ok(seen) => {
                version = sound(&image.id, seen)?;
                let seen = TestedImage {
                    version: Some(version.clone()),
                    ..image.clone()
                };
                if let Some(why) = elsewhere(step.test, &seen, region) {
                    return Err(why);
                }
            }
            // Asked again.
            Err(failure) if failure.is_passing() => {}
            Err(failure) => return Err(failure.into()),
        }
    }
}

/// Why the image cannot be tested in `region`, where it has no replica and gets none.
pub(super) fn elsewhere(test: &ImageTest, image: &TestedImage, region: &str) -> Option<NotTested> {
    let regions: Vec<&str> = match &image.version {
        Some(version) => version.regions.iter().map(|it| it.name.as_str()).collect(),
        None => vec![&image.location],
    };
    if regions.contains(&region) {
        return None;
    }
    let there = if regions.is_empty() {
        "nowhere".to_owned()
    } else {
        regions.join(", ")
    };
    let sentence = format!(
        "Testing {} failed: it has no replica in {region}, where the test would be; it is in: {there}",
        image.display_name()
    );
    let other = match (&test.engine, regions.as_slice()) {
        (TestEngine::ImageBuilder(_), [only]) => format!("set '{}' to '{only}'", IB_LOCATION.name),
        (TestEngine::ImageBuilder(_), _) => {
            format!("set '{}' to one of these regions", IB_LOCATION.name)
        }
        (TestEngine::Vm(_), _) => format!(
            "set '{}' to a subnet in one of these regions, or use '{}: imageBuilder'",
            TEST_SUBNET_ID.name, TEST_ENGINE.name
        ),
    };
    let hint = if image.version.is_some() {
        format!(
            "{other}; or replicate the version: build with '{}', or use '{}: {}' with it",
            TARGET_REGIONS.name,
            ACTION.name,
            Action::Promote.name()
        )
    } else {
        other
    };
    Some(NotTested::refused(NO_REPLICA, sentence, hint))
}
