//! What uses a version that is withdrawn: copies of it, which stay as they are, and machines that were made of it. Best effort: it is read from
//! Azure Resource Graph, and a failure here never fails the step.

use std::time::Duration;

use super::event::Event;
use super::job::Job;
use crate::arm::Failure;
use crate::arm::image_users::ImageUser;
use crate::arm::resource_graph::Row;
use crate::resource::ResourceId;
use crate::resource::tag::COPIED_FROM;

/// The longest wait for it.
const LIMIT: Duration = Duration::from_secs(30);

impl Job<'_> {
    /// Emits the copies, and the number of machines.
    pub(super) async fn tell_users(&self) {
        let version = &self.request.version;
        let look = async {
            if let Ok(copies) = self.copies_of(version).await
                && !copies.is_empty()
            {
                self.events.emit(Event::Copies(copies));
            }
            if let Ok((machines, scale_sets)) = self.machines_of(version).await {
                self.events.emit(Event::Users {
                    machines,
                    scale_sets,
                });
            }
        };
        tokio::time::timeout(LIMIT, look).await.ok();
    }

    async fn copies_of(&self, version: &ResourceId) -> Result<Vec<String>, Failure> {
        let query = format!(
            "resources | where type =~ \"microsoft.compute/galleries/images/versions\"\n\
             | where tostring(tags.{COPIED_FROM}) =~ \"{version}\"\n\
             | project id"
        );
        let doing = "Finding the copies of the image version";
        let rows = self.arm.query_resources(doing, &query).await?;
        let ids = rows.iter().filter_map(|row| text(row, "id"));
        Ok(ids.map(str::to_owned).collect())
    }

    /// Virtual machines and scale sets that name the version, or of which Azure says that it stood for a definition.
    async fn machines_of(&self, version: &ResourceId) -> Result<(usize, usize), Failure> {
        let definition = version.parent().unwrap_or_else(|| version.clone());
        let doing = "Finding the VMs and scale sets that use the image version";
        let users = self.arm.machines_of(doing, &definition).await?;
        let runs = |user: &&ImageUser| {
            let image = user.image.parse::<ResourceId>();
            let is_exact = user.exact.as_deref() == Some(version.name());
            image.is_ok_and(|image| image == *version || image == definition && is_exact)
        };
        let all: Vec<_> = users.iter().filter(runs).collect();
        let sets = all.iter().filter(|user| user.is_scale_set()).count();
        Ok((all.len() - sets, sets))
    }
}

fn text<'a>(row: &'a Row, name: &str) -> Option<&'a str> {
    row.get(name)?.as_str()
}
