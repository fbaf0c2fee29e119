//! The output of the build container, while it runs in the staging group.
//!
//! <https://learn.microsoft.com/rest/api/container-instances/containers/list-logs>

use serde_json::Value;

use super::api::CONTAINERS;
use super::failure::Failure;
use super::resource_manager::Arm;
use crate::resource::{ResourceGroupId, ResourceId};

/// The type of a container group.
const CONTAINER_GROUPS: &str = "Microsoft.ContainerInstance/containerGroups";
/// Lines of one answer; the service holds back everything beyond 4 MB anyway.
const TAIL: usize = 5_000;

/// A container of a container group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// Its group.
    pub group: ResourceId,
    /// Its name in the group.
    pub name: String,
}

impl Arm {
    /// The containers in `resource_group`.
    pub async fn containers(
        &self,
        resource_group: &ResourceGroupId,
    ) -> Result<Vec<Container>, Failure> {
        let doing = "Looking for the build container";
        let path = format!("{resource_group}/providers/{CONTAINER_GROUPS}");
        let groups = self.pages(doing, path, CONTAINERS).await?;
        Ok(groups.iter().flat_map(containers).collect())
    }

    /// The last lines of what `container` has written, as a snapshot.
    pub async fn container_log(&self, container: &Container) -> Result<String, Failure> {
        let Container { group, name } = container;
        let doing = "Reading the log of the build container";
        let path = format!("{group}/containers/{name}/logs?tail={TAIL}");
        let answer = self.get(doing, path, CONTAINERS).await?;
        let content = answer.get("content").and_then(Value::as_str);
        Ok(content.unwrap_or_default().to_owned())
    }
}

fn containers(group: &Value) -> Vec<Container> {
    let id = group.get("id").and_then(Value::as_str);
    let id = id.and_then(|id| id.parse::<ResourceId>().ok());
    let Some(id) = id.filter(|id| id.is(CONTAINER_GROUPS)) else {
        return Vec::new();
    };
    let list = group.pointer("/properties/containers");
    let list = list.and_then(Value::as_array).into_iter().flatten();
    let plain = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    let names = list.filter_map(|container| container.get("name")?.as_str());
    names
        .filter(plain)
        .map(|name| Container {
            group: id.clone(),
            name: name.to_owned(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_names_become_part_of_an_address() {
        let good = "/subscriptions/s/resourceGroups/IT_g/providers/Microsoft.ContainerInstance/containerGroups/build";
        let check = |id: &str, name: &str, expected: usize| {
            let group = json!({"id": id, "properties": {"containers": [{"name": name}]}});
            assert_eq!(containers(&group).len(), expected, "{id} {name}");
        };
        check(good, "build-1", 1);
        check(good, "../../x", 0);
        check(good, "x?y", 0);
        check(good, "", 0);
        check("@host.example/x", "build", 0);
        check(
            "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/x",
            "build",
            0,
        );
    }
}
