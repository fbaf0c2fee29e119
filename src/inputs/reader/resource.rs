//! Resource ids, regions and resource groups in what a job gives.

use super::{AlreadyReported, Reader};
use crate::inputs::manifest::{IB_AZURE_RESOURCE_GROUP, IB_LOCATION, Input};
use crate::inputs::problem::{Code, Form, Problem, quoted};
use crate::inputs::resource_kind::ResourceKind;
use crate::inputs::spelling::{nearest, tidy};
use crate::resource::{Region, ResourceId, split_at_blanks};

/// What stands in samples and pages in place of the reader's own. No subscription has this id.
pub(in crate::inputs) const SAMPLE_SUBSCRIPTION: &str = "00000000-0000-0000-0000-000000000000";
pub(in crate::inputs) const SAMPLE: &str = "the subscription in the id is '00000000-0000-0000-0000-000000000000', the placeholder of the samples";
pub(in crate::inputs) const OWN_SUBSCRIPTION: &str =
    "replace it with the id of your subscription: az account show --query id";

impl Reader<'_> {
    /// The id of a resource of `kind`, if there is a text.
    pub(in crate::inputs) fn optional_id(
        &mut self,
        input: &Input,
        kind: ResourceKind,
    ) -> Result<Option<ResourceId>, AlreadyReported> {
        match self.optional(input)? {
            Some(text) => self.id_of(input, text, kind).map(Some),
            None => Ok(None),
        }
    }

    /// The id of a resource of `kind`, which must be there.
    pub(in crate::inputs) fn required_id(
        &mut self,
        input: &Input,
        kind: ResourceKind,
    ) -> Result<ResourceId, AlreadyReported> {
        let text = self.required(input, kind.form)?;
        self.id_of(input, text, kind)
    }

    /// `text` as the id of a resource of `kind`.
    pub(in crate::inputs) fn id_of(
        &mut self,
        input: &Input,
        text: &str,
        kind: ResourceKind,
    ) -> Result<ResourceId, AlreadyReported> {
        let id = self.id(input, text, kind.form)?;
        if kind.includes(&id) {
            Ok(id)
        } else {
            Err(self.wrong_kind(input, &id, kind.form, None))
        }
    }

    /// The id of some resource; `form` is for the message.
    pub(in crate::inputs) fn id(
        &mut self,
        input: &Input,
        text: &str,
        form: Form,
    ) -> Result<ResourceId, AlreadyReported> {
        let text = tidy(text);
        let id: Result<ResourceId, _> = text.parse();
        let id = id.map_err(|reason| {
            let sentence = format!(
                "{} is not {} ({reason}); {}",
                quoted(text),
                form.what,
                form.expected()
            );
            self.report(Problem::new(Code::Malformed, input, sentence, None))
        })?;
        if id.subscription() == SAMPLE_SUBSCRIPTION {
            self.warn_of_sample(input);
        }
        Ok(id)
    }

    /// The subscription of the samples was not replaced.
    pub(in crate::inputs) fn warn_of_sample(&mut self, input: &Input) {
        let sentence = format!("Input '{}': {SAMPLE}", input.name);
        self.warn(
            Code::Placeholder,
            sentence,
            Some(OWN_SUBSCRIPTION.to_owned()),
        );
    }

    /// The id is one, but of something else.
    pub(in crate::inputs) fn wrong_kind(
        &mut self,
        input: &Input,
        id: &ResourceId,
        form: Form,
        hint: Option<String>,
    ) -> AlreadyReported {
        let text = format!(
            "{} is not {} but that of {}; {}",
            quoted(id.as_str()),
            form.what,
            ResourceKind::name_of(id),
            form.expected()
        );
        self.report(Problem::new(Code::Malformed, input, text, hint))
    }

    /// A region.
    pub(in crate::inputs) fn region(
        &mut self,
        input: &Input,
        text: &str,
    ) -> Result<Region, AlreadyReported> {
        let region: Region = text
            .parse()
            .map_err(|_| self.malformed(input, text, REGION, None))?;
        let several = split_at_blanks(text);
        if several.len() > 1 {
            let hint = format!("there are {} regions; specify one", several.len());
            return Err(self.malformed(input, text, REGION, Some(hint)));
        }
        let candidates = region.candidates().unwrap_or_default();
        if let Some(near) = nearest(region.as_str(), candidates.iter().copied()) {
            let sentence = format!(
                "Input '{}': {} is not an Azure region that this task knows",
                input.name,
                quoted(text)
            );
            self.warn(
                Code::NotOneOf,
                sentence,
                Some(format!("did you mean '{near}'?")),
            );
        }
        Ok(region)
    }
}

/// The region of the image template.
pub(in crate::inputs) fn location(reader: &mut Reader<'_>) -> Result<Region, AlreadyReported> {
    let text = reader.required(&IB_LOCATION, REGION)?;
    reader.region(&IB_LOCATION, text)
}

const REGION: Form = Form {
    what: "a region",
    format: "letters and digits",
    example: "westeurope",
};

pub(in crate::inputs) const RESOURCE_GROUP: Form = Form {
    what: "the name of a resource group",
    format: "up to 90 letters, digits and '-_.()' without a '.' at the end",
    example: "rg-images",
};

/// The rules are those of <https://learn.microsoft.com/azure/azure-resource-manager/management/resource-name-rules#microsoftresources>.
pub(in crate::inputs) fn resource_group(
    reader: &mut Reader<'_>,
) -> Result<String, AlreadyReported> {
    let text = reader.required(&IB_AZURE_RESOURCE_GROUP, RESOURCE_GROUP)?;
    if is_resource_group_name(text) {
        return Ok(text.to_owned());
    }
    let hint = last_of_id(text).map(|name| format!("use only the name: '{name}'"));
    Err(reader.malformed(&IB_AZURE_RESOURCE_GROUP, text, RESOURCE_GROUP, hint))
}

pub(in crate::inputs) fn is_resource_group_name(text: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "-_.()".contains(c);
    let length = text.chars().count();
    text.chars().all(plain) && (1..=90).contains(&length) && !text.ends_with('.')
}

/// The last segment, where an author gave the id of something that is wanted by its name.
pub(in crate::inputs) fn last_of_id(text: &str) -> Option<&str> {
    let id = text.starts_with('/').then(|| text.trim_end_matches('/'))?;
    id.rsplit('/').next().filter(|name| !name.is_empty())
}
