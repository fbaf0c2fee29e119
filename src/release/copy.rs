//! Copies of a version in other image definitions, each under the number of the version. All are checked before the first one is made.

use std::fmt::Write as _;

use http::StatusCode;
use serde_json::Value;

use super::change::{Changed, Progress};
use super::event::{Event, Subject};
use super::job::{Job, NamedVersion, named, planned};
use super::refused::{NotReleased, Refused, Why};
use super::wanted::Asked;
use crate::arm::api::GALLERIES;
use crate::arm::gallery::{Body, State, Version};
use crate::inputs::Release;
use crate::resource::tag::COPIED_FROM;
use crate::resource::{ResourceId, definition_options, plain_region, quoted};

/// A copy that has passed the checks.
struct Copy {
    /// Its id.
    id: ResourceId,
    /// The region of its gallery.
    location: String,
    /// The copy, if it is there already.
    found: Option<Version>,
    /// What is sent; nothing if it is already so.
    wanted: Option<Body>,
    subject: Subject,
    versions: Vec<Version>,
    planned: Version,
}

impl Job<'_> {
    /// A copy of the version in every target.
    pub(super) async fn copies(
        &self,
        asked: Asked<'_>,
        source: NamedVersion,
    ) -> Result<(), NotReleased> {
        let mut copies = Vec::new();
        for target in self.request.targets() {
            copies.push(self.checked(asked, &source, target).await?);
        }
        for copy in copies {
            self.events.emit(Event::Before(copy.subject.clone()));
            self.copy(asked, &source, copy).await?;
        }
        Ok(())
    }

    /// Whether the copy can be made, or is there.
    async fn checked(
        &self,
        asked: Asked<'_>,
        source: &NamedVersion,
        target: &ResourceId,
    ) -> Result<Copy, NotReleased> {
        let number = self.request.version.name();
        let id: ResourceId = format!("{target}/versions/{number}")
            .parse()
            .unwrap_or_else(|_| target.clone());
        let doing = format!("Reading image definition '{}'", target.name());
        let definition = self.arm.get_if_there(&doing, target, GALLERIES).await?;
        let Some(definition) = definition else {
            let command = creation(target, &source.definition);
            return Err(asked.refused(&id, Why::NoDefinition { command }).into());
        };
        let different = differences(&source.definition, &definition);
        if !different.is_empty() {
            return Err(asked.refused(&id, Why::OtherDefinition(different)).into());
        }
        let location = self.location_of(target, &definition).await?;
        self.refuse_deleted(asked, &id, (target, &location)).await?;
        let mut found = self.arm.version(&id).await?;
        if let Some(version) = &found {
            check_found(asked, self.request, &id, version)?;
            if !version.state.is_end() {
                found = self.settled(&id, version).await?;
            }
        }
        let wanted = match &found {
            None => {
                let source = (&self.request.version, &source.version);
                Some(asked.copy(&id, source, &location)?)
            }
            Some(version) => {
                check_found(asked, self.request, &id, version)?;
                asked.of(&id, version)?
            }
        };
        let planned = wanted.as_ref().and_then(|body| body.as_version(&id));
        let planned = planned.or_else(|| found.clone()).unwrap_or_default();
        // Every region that it is to have is one that it has.
        self.refuse_regions(&id, &planned, &[], true)?;
        let versions = self.arm.counted_versions(target).await?;
        Ok(Copy {
            subject: self.subject(&id, &versions, (&planned, found.as_ref())),
            id,
            location,
            found,
            wanted,
            versions,
            planned,
        })
    }

    /// The region of a gallery.
    async fn location_of(
        &self,
        target: &ResourceId,
        definition: &Value,
    ) -> Result<String, NotReleased> {
        let gallery = target.parent().unwrap_or_else(|| target.clone());
        let doing = format!("Reading gallery '{}'", gallery.name());
        let found = self.arm.get(&doing, &gallery, GALLERIES).await?;
        let location = |value: &Value| value.get("location")?.as_str().map(plain_region);
        Ok(location(&found)
            .or_else(|| location(definition))
            .unwrap_or_default())
    }

    /// A PUT under the number of a deleted version brings back the old image.
    async fn refuse_deleted(
        &self,
        asked: Asked<'_>,
        id: &ResourceId,
        (target, location): (&ResourceId, &str),
    ) -> Result<(), NotReleased> {
        match self.arm.soft_deleted(target).await {
            Ok(deleted) => match deleted.and_then(|all| named(all, id)) {
                Some(deleted) => {
                    let location = location.to_owned();
                    let why = Why::SoftDeleted { deleted, location };
                    Err(asked.refused(id, why).into())
                }
                None => Ok(()),
            },
            Err(failure) if failure.is(StatusCode::FORBIDDEN) => {
                let reason = failure.to_string();
                self.events.emit(Event::NoLookAtDeleted { reason });
                Ok(())
            }
            Err(failure) => Err(failure.into()),
        }
    }

    /// Follows what an earlier attempt has begun.
    async fn settled(
        &self,
        id: &ResourceId,
        version: &Version,
    ) -> Result<Option<Version>, NotReleased> {
        let tell = |progress: Progress| {
            if let Progress::Busy { state, elapsed } = progress {
                self.events.emit(Event::Waiting { state, elapsed });
            }
        };
        let change = self.change(id, &tell, true);
        let settled = change.settled(None).await;
        settled.map_err(|failure| self.not_changed(id, version, failure))
    }

    /// Makes the copy, or makes it count.
    async fn copy(
        &self,
        asked: Asked<'_>,
        source: &NamedVersion,
        copy: Copy,
    ) -> Result<(), NotReleased> {
        let id = &copy.id;
        let plan = planned(&copy.subject, &copy.versions, &copy.planned);
        if self.request.preview {
            self.events.emit(Event::Planned(plan.clone()));
            self.preview(&copy.subject, &plan, copy.wanted.is_some());
            return Ok(());
        }
        let Some(body) = copy.wanted else {
            self.events.emit(Event::Nothing { why: None });
            return self.told_now(&copy.subject, false).await;
        };
        self.warn_of_past_end(asked, id, &body);
        let is_new = copy.found.is_none();
        let before = copy.found.clone().unwrap_or_else(|| source.version.clone());
        let tell = |progress| self.events.emit(Event::Progress(progress));
        let change = self.change(id, &tell, is_new || self.adds_regions());
        let origin = (&self.request.version, &source.version);
        let wanted = |now: Option<&Version>| match now {
            None => asked.copy(id, origin, &copy.location).map(Some),
            Some(now) => {
                check_found(asked, self.request, id, now)?;
                asked.of(id, now)
            }
        };
        let made = change.make(copy.found, &wanted).await;
        let made = made.map_err(|failure| self.not_changed(id, &before, failure))?;
        let (version, created) = match made {
            Changed::Already(version) => (version, None),
            Changed::Made(version, created) => (version, created),
        };
        if is_new && created == Some(false) {
            let what = "Azure changed a version instead of creating one".to_owned();
            return Err(asked.refused(id, Why::CameBack { what }).into());
        }
        check_found(asked, self.request, id, &version)?;
        self.told_now(&copy.subject, true).await
    }
}

/// A version under the number of the copy is the copy, or the number is taken.
fn check_found(
    asked: Asked<'_>,
    request: &Release,
    id: &ResourceId,
    found: &Version,
) -> Result<(), Refused> {
    let source = &request.version;
    let is_source = |id: &str| id.parse::<ResourceId>().is_ok_and(|id| id == *source);
    let state = found.state.as_str();
    match found.tag(COPIED_FROM) {
        Some(other) if !is_source(other) => {
            let what = format!("it is a copy of {other}");
            return Err(asked.refused(id, Why::Taken { what }));
        }
        None => {
            let what = format!("its version is in state {state}, and no copy of {source}");
            return Err(asked.refused(id, Why::Taken { what }));
        }
        Some(_) => {}
    }
    match found.state {
        State::Failed => return Err(asked.refused(id, Why::Failed)),
        State::Deleting => {
            let what = "the copy there is being deleted".to_owned();
            return Err(asked.refused(id, Why::Taken { what }));
        }
        _ => {}
    }
    // Whether Azure always tells the source of a copy is not known.
    if let Some(other) = found.source.as_deref().filter(|other| !is_source(other)) {
        let what = format!("it was created from {other}");
        return Err(asked.refused(id, Why::CameBack { what }));
    }
    Ok(())
}

/// What a copy needs to be alike in both definitions: name, of the source, of the target.
fn differences(source: &Value, target: &Value) -> Vec<(&'static str, String, String)> {
    let text = |definition: &Value, member: &str, usual: &str| {
        let value = definition.pointer(&format!("/properties/{member}"));
        value.and_then(Value::as_str).unwrap_or(usual).to_owned()
    };
    let mut all = vec![
        (
            "operating system",
            text(source, "osType", "unknown"),
            text(target, "osType", "unknown"),
        ),
        (
            "generation",
            text(source, "hyperVGeneration", "V1"),
            text(target, "hyperVGeneration", "V1"),
        ),
        (
            "architecture",
            text(source, "architecture", "x64"),
            text(target, "architecture", "x64"),
        ),
    ];
    let (of_source, of_target) = (features(source), features(target));
    let shown = |features: &[(String, String)]| {
        let parts: Vec<_> = features
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join(" ")
        }
    };
    all.push(("list of features", shown(&of_source), shown(&of_target)));
    all.retain(|(_, one, other)| !one.eq_ignore_ascii_case(other));
    all
}

fn features(definition: &Value) -> Vec<(String, String)> {
    let all = definition.pointer("/properties/features");
    let all = all.and_then(Value::as_array).into_iter().flatten();
    let mut features: Vec<_> = all
        .filter_map(|feature| {
            let text = |name: &str| feature.get(name)?.as_str().map(str::to_owned);
            Some((text("name")?, text("value")?))
        })
        .collect();
    features.sort();
    features
}

/// The command that makes a definition like that of the source.
fn creation(target: &ResourceId, source: &Value) -> String {
    let text = |pointer: &str| {
        let value = source.pointer(pointer).and_then(Value::as_str);
        value.map(quoted)
    };
    let mut command = format!(
        "az sig image-definition create {}",
        definition_options(target)
    );
    for (option, pointer) in [
        ("publisher", "/properties/identifier/publisher"),
        ("offer", "/properties/identifier/offer"),
        ("sku", "/properties/identifier/sku"),
        ("os-type", "/properties/osType"),
        ("os-state", "/properties/osState"),
        ("hyper-v-generation", "/properties/hyperVGeneration"),
        ("architecture", "/properties/architecture"),
    ] {
        if let Some(value) = text(pointer) {
            // Writing to a text does not fail.
            write!(command, " --{option} {value}").ok();
        }
    }
    let features = features(source);
    if !features.is_empty() {
        let all: Vec<_> = features
            .iter()
            .map(|(name, value)| quoted(&format!("{name}={value}")))
            .collect();
        write!(command, " --features {}", all.join(" ")).ok();
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn definitions_are_alike_or_not() {
        let definition = |os: &str, generation: Value, features: Value| {
            json!({"properties": {"osType": os, "hyperVGeneration": generation, "features": features,
            "identifier": {"publisher": "Contoso", "offer": "Windows 11", "sku": "avd"}, "osState": "Generalized"}})
        };
        let trusted = json!([{"name": "SecurityType", "value": "TrustedLaunch"}, {"name": "IsHibernateSupported", "value": "True"}]);
        let turned = json!([{"name": "IsHibernateSupported", "value": "True"}, {"name": "SecurityType", "value": "TrustedLaunch"}]);
        let source = definition("Windows", json!("V2"), trusted.clone());
        assert!(differences(&source, &definition("windows", json!("V2"), turned)).is_empty());
        let other = definition("Linux", Value::Null, Value::Null);
        let texts = |one: &str, other: &str| (one.to_owned(), other.to_owned());
        let found: Vec<_> = differences(&source, &other)
            .into_iter()
            .map(|(what, one, other)| (what, (one, other)))
            .collect();
        assert_eq!(
            found,
            [
                ("operating system", texts("Windows", "Linux")),
                ("generation", texts("V2", "V1")),
                (
                    "list of features",
                    texts(
                        "IsHibernateSupported=True SecurityType=TrustedLaunch",
                        "none"
                    )
                ),
            ]
        );
        let target = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/web";
        assert_eq!(
            creation(&target.parse().unwrap(), &source),
            "az sig image-definition create --subscription s --resource-group g --gallery-name gal --gallery-image-definition web --publisher Contoso --offer 'Windows 11' --sku avd --os-type Windows --os-state Generalized --hyper-v-generation V2 --features IsHibernateSupported=True SecurityType=TrustedLaunch"
        );
    }
}
