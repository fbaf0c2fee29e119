//! What uses images: VMs, scale sets, image templates, and the session hosts of host pools, each as it names its image.
//!
//! <https://learn.microsoft.com/rest/api/compute/virtual-machines/list-all>,
//! <https://learn.microsoft.com/rest/api/desktopvirtualization/session-host-configurations/get>

use serde_json::Value;

use super::api::{HOST_POOLS, IMAGE_TEMPLATES, MACHINES, SUBSCRIPTIONS};
use super::failure::{Cause, Failure};
use super::resource_graph::Row;
use super::resource_manager::Arm;
use crate::resource::{IMAGE_TEMPLATE, ResourceGroupId, ResourceId, plain_region};

/// Something that names an image of a gallery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageUser {
    /// Its own resource id.
    pub id: String,
    /// Its region, `westeurope`, where Azure tells it.
    pub region: Option<String>,
    /// The id of an image version, or of an image definition.
    pub image: String,
    /// The number of the version that a definition, or `latest`, stood for when it was made.
    pub exact: Option<String>,
}

/// What makes machines of images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Machines {
    /// Single VMs, and those of scale sets that keep theirs in the group.
    Virtual,
    /// Scale sets.
    ScaleSets,
}

impl Machines {
    fn kind(self) -> &'static str {
        match self {
            Self::Virtual => "virtualMachines",
            Self::ScaleSets => "virtualMachineScaleSets",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::Virtual => "VMs",
            Self::ScaleSets => "scale sets",
        }
    }

    /// Where the image stands in the document of one.
    fn image(self) -> &'static str {
        match self {
            Self::Virtual => "/properties/storageProfile/imageReference",
            Self::ScaleSets => "/properties/virtualMachineProfile/storageProfile/imageReference",
        }
    }
}

/// The two parts of a host pool that name an image: what is wanted, and what the session hosts run.
const CONFIGURATIONS: [&str; 2] = [
    "sessionHostConfigurations",
    "activeSessionHostConfigurations",
];

impl ImageUser {
    /// Whether it is a scale set, which makes its machines of the image when it needs them.
    pub fn is_scale_set(&self) -> bool {
        let id = self.id.parse::<ResourceId>();
        id.is_ok_and(|id| id.is("Microsoft.Compute/virtualMachineScaleSets"))
    }
}

impl Arm {
    /// The VMs and scale sets that name image definition `definition` or a version of it, in all subscriptions that the caller may read: what Azure
    /// Resource Graph knows, seconds to minutes behind. `doing` reads before "failed".
    pub async fn machines_of(
        &self,
        doing: &str,
        definition: &ResourceId,
    ) -> Result<Vec<ImageUser>, Failure> {
        let query = format!(
            "resources | where type in~ (\"microsoft.compute/virtualmachines\", \"microsoft.compute/virtualmachinescalesets\")\n\
             | extend i = coalesce(properties.storageProfile.imageReference, properties.virtualMachineProfile.storageProfile.imageReference)\n\
             | where tolower(tostring(i.id)) startswith tolower(\"{definition}\")\n\
             | project id, type, location, image = tostring(i.id), exact = tostring(i.exactVersion)"
        );
        self.image_users(doing, &query, definition).await
    }

    /// The image templates that start from a version of `definition`, by Azure Resource Graph as well.
    pub async fn templates_of(
        &self,
        doing: &str,
        definition: &ResourceId,
    ) -> Result<Vec<ImageUser>, Failure> {
        let query = format!(
            "resources | where type =~ \"microsoft.virtualmachineimages/imagetemplates\"\n\
             | where tolower(tostring(properties.source.imageVersionId)) startswith tolower(\"{definition}\")\n\
             | project id, type, location, image = tostring(properties.source.imageVersionId)"
        );
        self.image_users(doing, &query, definition).await
    }

    /// The rows of a query. Its `startswith` also takes a definition whose name begins alike, so they are looked through once more.
    async fn image_users(
        &self,
        doing: &str,
        query: &str,
        definition: &ResourceId,
    ) -> Result<Vec<ImageUser>, Failure> {
        let rows = self.query_resources(doing, query).await?;
        let users: Option<Vec<ImageUser>> = rows.iter().map(row).collect();
        let users = users.ok_or_else(|| unreadable(doing, "a row has no id or no image"))?;
        let of_definition = |user: &ImageUser| is_of(definition, &user.image);
        Ok(users.into_iter().filter(of_definition).collect())
    }

    /// The ids of the subscriptions that the caller may see.
    pub async fn subscriptions(&self) -> Result<Vec<String>, Failure> {
        let doing = "Listing the subscriptions";
        let all = self.pages(doing, "/subscriptions", SUBSCRIPTIONS).await?;
        // An id becomes part of an address.
        let id = |one: &Value| {
            let id = one.get("subscriptionId")?.as_str()?;
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '-';
            (!id.is_empty() && id.chars().all(plain)).then(|| id.to_owned())
        };
        let ids: Option<Vec<String>> = all.iter().map(id).collect();
        ids.ok_or_else(|| unreadable(doing, "a subscription has no id"))
    }

    /// The machines of a subscription that were made of an image in a gallery, from the live list.
    pub async fn machines(
        &self,
        subscription: &str,
        machines: Machines,
    ) -> Result<Vec<ImageUser>, Failure> {
        let doing = format!(
            "Listing the {} of subscription '{subscription}'",
            machines.words()
        );
        let path = format!(
            "/subscriptions/{subscription}/providers/Microsoft.Compute/{}",
            machines.kind()
        );
        let all = self.pages(&doing, path, MACHINES).await?;
        let mut users = Vec::new();
        for document in &all {
            let reference = document.pointer(machines.image());
            let exact = reference.and_then(|it| it.get("exactVersion")?.as_str());
            let Some(image) = reference.and_then(|it| it.get("id")?.as_str()) else {
                continue;
            };
            let user = user(document, image, exact);
            users.push(user.ok_or_else(|| unreadable(&doing, "one of them has no id"))?);
        }
        Ok(users)
    }

    /// The image templates of a resource group whose source is an image version.
    pub async fn template_sources(
        &self,
        group: &ResourceGroupId,
    ) -> Result<Vec<ImageUser>, Failure> {
        let doing = format!(
            "Listing the image templates of resource group '{}'",
            group.name()
        );
        let path = format!("{group}/providers/{IMAGE_TEMPLATE}");
        let all = self.pages(&doing, path, IMAGE_TEMPLATES).await?;
        let mut users = Vec::new();
        for document in &all {
            let image = document.pointer("/properties/source/imageVersionId");
            let Some(image) = image.and_then(Value::as_str) else {
                continue;
            };
            let user = user(document, image, None);
            users.push(user.ok_or_else(|| unreadable(&doing, "one of them has no id"))?);
        }
        Ok(users)
    }

    /// The images that host pool `pool` makes session hosts of, and that they run; `None` if Azure has no session host configuration of it.
    pub async fn session_host_images(
        &self,
        pool: &ResourceId,
    ) -> Result<Option<Vec<ImageUser>>, Failure> {
        let doing = format!(
            "Reading the session host configuration of host pool '{}'",
            pool.name()
        );
        let (mut users, mut is_there) = (Vec::new(), false);
        for part in CONFIGURATIONS {
            let path = format!("{pool}/{part}/default");
            let Some(found) = self.get_if_there(&doing, path, HOST_POOLS).await? else {
                continue;
            };
            is_there = true;
            let image = found.pointer("/properties/imageInfo");
            let kind = image.and_then(|it| it.get("type")?.as_str());
            let id = image.and_then(|it| it.pointer("/customInfo/resourceId")?.as_str());
            match (id, kind) {
                (Some(id), _) => users.push(ImageUser {
                    id: pool.to_string(),
                    region: None,
                    image: id.to_owned(),
                    exact: None,
                }),
                (None, Some(kind)) if kind.eq_ignore_ascii_case("Marketplace") => {}
                (None, _) => return Err(unreadable(&doing, "it names no image")),
            }
        }
        Ok(is_there.then_some(users))
    }
}

/// A row with the columns `id`, `location`, `image`, `exact`.
fn row(row: &Row) -> Option<ImageUser> {
    let text = |name: &str| row.get(name).and_then(Value::as_str);
    Some(ImageUser {
        id: text("id")?.to_owned(),
        region: text("location").map(plain_region),
        image: text("image")?.to_owned(),
        exact: text("exact")
            .filter(|exact| !exact.trim().is_empty())
            .map(str::to_owned),
    })
}

/// Whether `image` names `definition` or something below it.
fn is_of(definition: &ResourceId, image: &str) -> bool {
    let image = image.trim().to_lowercase();
    let rest = image.strip_prefix(&definition.as_str().to_lowercase());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn user(document: &Value, image: &str, exact: Option<&str>) -> Option<ImageUser> {
    let text = |name: &str| document.get(name).and_then(Value::as_str);
    Some(ImageUser {
        id: text("id")?.to_owned(),
        region: text("location").map(plain_region),
        image: image.to_owned(),
        exact: exact.map(str::to_owned),
    })
}

fn unreadable(doing: &str, what: &str) -> Failure {
    Failure::of(doing, Cause::Unreadable(what.to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const DEFINITION: &str =
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11";

    #[test]
    fn a_row_without_an_image_is_no_row() {
        let read = |value: Value| row(value.as_object().unwrap());
        let found = read(json!({"id": "a", "image": "b", "exact": "", "location": "West Europe"}));
        let expected = ImageUser {
            id: "a".to_owned(),
            region: Some("westeurope".to_owned()),
            image: "b".to_owned(),
            exact: None,
        };
        assert_eq!(found, Some(expected));
        assert_eq!(read(json!({"id": "a", "image": null})), None);
        assert_eq!(read(json!({"image": "b"})), None);
    }

    #[test]
    fn a_definition_whose_name_begins_alike_is_another_one() {
        let definition: ResourceId = DEFINITION.parse().unwrap();
        for (image, expected) in [
            (DEFINITION.to_owned(), true),
            (
                format!("{}/versions/1.0.0", DEFINITION.to_uppercase()),
                true,
            ),
            (format!("{DEFINITION}-old/versions/1.0.0"), false),
            (format!("{DEFINITION}x"), false),
            (String::new(), false),
        ] {
            assert_eq!(is_of(&definition, &image), expected, "{image}");
        }
    }
}
