//! What a report is about: a build of a plan, or a template that is there.

use crate::inputs::{Action, Connection, Follow, Plan, Warning};

/// What a report is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    pub(super) action: Action,
    /// Name of the template; where it is not known yet one for files.
    pub(super) name: &'a str,
    /// The name that the author gave.
    pub(super) given_name: Option<&'a str>,
    pub(super) connection: &'a Connection,
    /// The resource group of the template.
    pub(super) group: &'a str,
    pub(super) warnings: &'a [Warning],
    /// The build, where it is one.
    pub(super) plan: Option<&'a Plan>,
}

impl<'a> From<&'a Plan> for Subject<'a> {
    fn from(plan: &'a Plan) -> Self {
        Self {
            action: if plan.submits {
                Action::Submit
            } else if plan.tests {
                Action::Test
            } else {
                Action::Build
            },
            name: &plan.template_name,
            given_name: Some(&plan.template_name),
            connection: &plan.connection,
            group: &plan.resource_group,
            warnings: &plan.warnings,
            plan: Some(plan),
        }
    }
}

impl<'a> From<&'a Follow> for Subject<'a> {
    fn from(follow: &'a Follow) -> Self {
        Self {
            action: follow.action,
            name: follow
                .template_name
                .as_ref()
                .unwrap_or(&follow.name_of_files),
            given_name: follow.template_name.as_deref(),
            connection: &follow.connection,
            group: follow.group.name(),
            warnings: &follow.warnings,
            plan: None,
        }
    }
}

impl Subject<'_> {
    /// `text` with what counts in place of every input that has no effect.
    pub(super) fn naming_what_counts(&self, text: &str) -> String {
        self.plan
            .map_or_else(|| text.to_owned(), |plan| plan.naming_what_counts(text))
    }
}
