//! Images of the Azure Marketplace, as Microsoft.Compute lists them
//! (<https://learn.microsoft.com/rest/api/compute/virtual-machine-images>). Lists are arrays, not objects with `value`.

use serde_json::{Map, Value, json};

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::{Arm, Asked};
use crate::surroundings::ImageFacts;
use crate::world::PlatformImage;

impl Arm {
    pub(crate) fn list_publishers(&self, asked: &Asked<'_>) -> Answer {
        let images = self.world.platform_images.iter();
        let mut names: Vec<&str> = images.map(|image| image.publisher.as_str()).collect();
        names.sort_unstable();
        self.list(asked, "Publishers", names)
    }

    pub(crate) fn list_offers(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let images = self.images_of(asked, &["publisher"]);
        if images.is_empty() {
            let publisher = asked.path.get("publisher");
            let message = format!("Publisher: {publisher} was not found.");
            return Err(Refusal::new(404, "NotFound", message));
        }
        let names = images.iter().map(|image| image.offer.as_str());
        Ok(self.list(asked, "Offers", names.collect()))
    }

    pub(crate) fn list_image_skus(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let images = self.images_of(asked, &["publisher", "offer"]);
        if images.is_empty() {
            return Err(no_image());
        }
        let names = images.iter().map(|image| image.sku.as_str());
        Ok(self.list(asked, "Skus", names.collect()))
    }

    pub(crate) fn list_platform_image_versions(
        &self,
        asked: &Asked<'_>,
    ) -> Result<Answer, Refusal> {
        let image = self.image_of(asked)?;
        let mut names: Vec<&str> = image.versions.iter().map(String::as_str).collect();
        match asked.query("$orderby") {
            Some("name desc") => names.reverse(),
            None | Some("name asc" | "name") => {}
            Some(other) => {
                let message = format!("The order '{other}' is not supported.");
                return Err(Refusal::new(400, "InvalidParameter", message));
            }
        }
        if let Some(top) = asked.query("$top").and_then(|top| top.parse().ok()) {
            names.truncate(top);
        }
        Ok(self.list(asked, "Versions", names))
    }

    pub(crate) fn get_platform_image_version(&self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let image = self.image_of(asked)?;
        let name = asked.path.get("version");
        if !image.versions.iter().any(|known| known == name) {
            return Err(no_image());
        }
        let mut document = self.entry(asked, "Versions", name);
        if let Some(document) = document.as_object_mut() {
            document.insert("properties".to_owned(), properties(&image.facts));
        }
        Ok(Answer::new(200, Body::Compute(document)))
    }

    fn images_of(&self, asked: &Asked<'_>, parts: &[&str]) -> Vec<&PlatformImage> {
        let fits = |image: &&PlatformImage| {
            parts.iter().all(|part| {
                let own = match *part {
                    "publisher" => &image.publisher,
                    "offer" => &image.offer,
                    _ => &image.sku,
                };
                own.eq_ignore_ascii_case(asked.path.get(part))
            })
        };
        self.world.platform_images.iter().filter(fits).collect()
    }

    fn image_of(&self, asked: &Asked<'_>) -> Result<&PlatformImage, Refusal> {
        let images = self.images_of(asked, &["publisher", "offer", "sku"]);
        images.first().copied().ok_or_else(no_image)
    }

    fn list(&self, asked: &Asked<'_>, kind: &str, mut names: Vec<&str>) -> Answer {
        names.dedup();
        let entries = names.into_iter().map(|name| self.entry(asked, kind, name));
        Answer::new(200, Body::Compact(Value::Array(entries.collect())))
    }

    fn entry(&self, asked: &Asked<'_>, kind: &str, name: &str) -> Value {
        let part = |name: &str| asked.path.get(name);
        let mut id = format!(
            "/Subscriptions/{}/Providers/Microsoft.Compute/Locations/{}",
            self.world.subscription,
            part("location"),
        );
        if kind != "Publishers" {
            id = format!(
                "{id}/Publishers/{}/ArtifactTypes/VMImage",
                part("publisher")
            );
        }
        for (title, parameter) in [("Offers", "offer"), ("Skus", "sku")] {
            if title != kind && !part(parameter).is_empty() {
                id = format!("{id}/{title}/{}", part(parameter));
            }
        }
        json!({"location": part("location"), "name": name, "id": format!("{id}/{kind}/{name}")})
    }
}

/// Seen in many issues: `(NotFound) Artifact: VMImage was not found.`
fn no_image() -> Refusal {
    Refusal::new(404, "NotFound", "Artifact: VMImage was not found.")
}

fn properties(facts: &ImageFacts) -> Value {
    let mut properties = Map::new();
    let mut add = |name: &str, value: Value| properties.insert(name.to_owned(), value);
    add("hyperVGeneration", json!(facts.hyper_v_generation));
    add("architecture", json!(facts.architecture));
    add("replicaType", json!("Managed"));
    add("replicaCount", json!(10));
    add("disallowed", json!({"vmDiskType": "Unmanaged"}));
    add(
        "automaticOSUpgradeProperties",
        json!({"automaticOSUpgradeSupported": false}),
    );
    let accelerated = json!({"name": "IsAcceleratedNetworkSupported", "value": "True"});
    let mut features = vec![accelerated];
    if let Some(kind) = &facts.security_type {
        features.insert(0, json!({"name": "SecurityType", "value": kind}));
    }
    add("features", json!(features));
    let status = match &facts.deprecation {
        None => json!({"imageState": "Active"}),
        Some(end) => json!({
            "imageState": end.state,
            "scheduledDeprecationTime": end.time,
            "alternativeOption": end.alternative.as_ref().map(|value| json!({"type": "Offer", "value": value})),
        }),
    };
    add("imageDeprecationStatus", status);
    if let Some([name, publisher, product]) = &facts.plan {
        let plan = json!({"name": name, "publisher": publisher, "product": product});
        add("plan", plan);
    }
    add(
        "osDiskImage",
        json!({"operatingSystem": facts.os_type, "sizeInGb": 30}),
    );
    add("dataDiskImages", json!([]));
    Value::Object(properties)
}
