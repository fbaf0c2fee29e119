//! The image templates of a resource group, or of a whole subscription.

use http::StatusCode;
use serde_json::Value;

use super::api::IMAGE_TEMPLATES;
use super::failure::{Cause, Failure};
use super::resource_manager::Arm;
use super::template_state::Template;
use crate::resource::{IMAGE_TEMPLATE, ResourceGroupId, ResourceId};

impl Arm {
    /// All image templates of `group`, to the last page.
    ///
    /// # Errors
    /// Azure refuses, the list goes on at another host, has a page twice, or does not end: then nobody knows what is in the group.
    pub async fn templates(
        &self,
        group: &ResourceGroupId,
    ) -> Result<Vec<(ResourceId, Template)>, Failure> {
        let doing = format!(
            "Listing the image templates of resource group '{}'",
            group.name()
        );
        self.templates_below(&doing, group.as_str()).await
    }

    /// All image templates of `subscription` that the caller may read, to the last page.
    ///
    /// # Errors
    /// As [`Self::templates`].
    pub async fn templates_of_subscription(
        &self,
        subscription: &str,
    ) -> Result<Vec<(ResourceId, Template)>, Failure> {
        let doing = format!("Listing the image templates of subscription '{subscription}'");
        let place = format!("/subscriptions/{subscription}");
        self.templates_below(&doing, &place).await
    }

    /// Looks for template `id` in the list of its resource group: another way to it, where Azure does not answer for the template itself.
    /// `None` if it is not there.
    pub async fn template_in_list(&self, id: &ResourceId) -> Result<Option<Template>, Failure> {
        match self.templates(&id.group()).await {
            Ok(all) => {
                let mut all = all.into_iter();
                Ok(all
                    .find(|(known, _)| known == id)
                    .map(|(_, template)| template))
            }
            Err(failure) if failure.is(StatusCode::NOT_FOUND) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    async fn templates_below(
        &self,
        doing: &str,
        place: &str,
    ) -> Result<Vec<(ResourceId, Template)>, Failure> {
        let path = format!("{place}/providers/{IMAGE_TEMPLATE}");
        let mut all = Vec::new();
        for one in self.pages(doing, path, IMAGE_TEMPLATES).await? {
            let id = one.get("id").and_then(Value::as_str);
            let id: Option<ResourceId> = id.and_then(|id| id.parse().ok());
            let Some(id) = id.filter(|id| id.is(IMAGE_TEMPLATE)) else {
                let reason = "an entry of the list is no image template".to_owned();
                return Err(Failure::of(doing, Cause::Unreadable(reason)));
            };
            all.push((id, Template::read(&one)));
        }
        Ok(all)
    }
}
