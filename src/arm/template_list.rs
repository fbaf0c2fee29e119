//! The image templates of a resource group.

use http::{Method, StatusCode};
use serde_json::Value;

use super::client::Call;
use super::failure::Failure;
use super::image_template::{API_VERSION, Arm};
use super::template_state::Template;
use crate::resource::{IMAGE_TEMPLATE, ResourceId};

/// More pages than any resource group has; a list without an end is not followed further.
const MOST_PAGES: usize = 100;

impl Arm {
    /// Looks for template `id` in the list of its resource group: another way to it, where Azure does not answer for the template itself.
    /// `None` if it is not there.
    pub async fn template_in_list(&self, id: &ResourceId) -> Result<Option<Template>, Failure> {
        let doing = format!(
            "Listing the image templates of resource group '{}'",
            id.resource_group()
        );
        let group = format!(
            "/subscriptions/{}/resourceGroups/{}",
            id.subscription(),
            id.resource_group()
        );
        let mut next = Some(format!(
            "{}{group}/providers/{IMAGE_TEMPLATE}?api-version={API_VERSION}",
            self.base()
        ));
        for _ in 0..MOST_PAGES {
            let Some(url) = next.take() else { break };
            let call = Call::new(doing.clone(), Method::GET, url, &self.scope);
            let (_, page) = match self.send_for_json(call).await {
                Ok(page) => page,
                Err(failure) if failure.is(StatusCode::NOT_FOUND) => return Ok(None),
                Err(failure) => return Err(failure),
            };
            let templates = page.get("value").and_then(Value::as_array);
            let found = templates.into_iter().flatten().find(|one| {
                let theirs = one.get("id").and_then(Value::as_str);
                theirs.and_then(|theirs| theirs.parse().ok()).as_ref() == Some(id)
            });
            if let Some(found) = found {
                return Ok(Some(Template::read(found)));
            }
            // The token goes to Azure Resource Manager and nowhere else.
            let inside = |link: &&str| {
                link.strip_prefix(self.base())
                    .is_some_and(|rest| rest.starts_with('/'))
            };
            let link = page.get("nextLink").and_then(Value::as_str);
            next = link.filter(inside).map(str::to_owned);
        }
        Ok(None)
    }
}
