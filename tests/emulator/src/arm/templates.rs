//! PUT, GET, DELETE and lists of image templates.

use serde_json::Value;
use time::OffsetDateTime;

use crate::arm::answer::{Answer, Body, Refusal};
use crate::arm::echo::SystemData;
use crate::arm::routes::Call;
use crate::arm::template::{Provisioning, Stage, Template, Work};
use crate::arm::{Arm, Asked, checks, echo, problem, schema};
use crate::blob::BlobService;
use crate::ids;
use crate::progress::Fate;

impl Arm {
    pub(crate) fn put_template(
        &mut self,
        asked: &Asked<'_>,
        blobs: &mut BlobService,
    ) -> Result<Answer, Refusal> {
        self.check_registered("Microsoft.VirtualMachineImages", "imageTemplates")?;
        let name = asked.path.get("template");
        let allowed =
            |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        if name.len() > 64 || !name.chars().all(allowed) {
            let problem = format!("'ImageTemplate': Field 'name' has a bad value: '{name}'");
            return Err(Refusal::validation(problem::validation(&problem)));
        }
        let body = asked.json()?;
        if self.templates.contains_key(&Self::template_key(asked)) {
            return Err(conflict());
        }
        let body = schema::check(
            &body,
            "ImageTemplate",
            &asked.version,
            self.switches.read_only_members,
        )
        .map_err(Refusal::validation)?;
        let body = body.as_object().cloned().unwrap_or_default();
        let mut template = Template::new(
            &self.world.subscription,
            asked.path.get("group"),
            name,
            &body,
            (&asked.caller, asked.now),
        );
        checks::check(&template, self.switches.source_validation_needs_no_target)
            .map_err(Refusal::validation)?;
        Self::check_location(&template.location)?;
        let outcome = self.provision(&template, blobs, asked.now);
        if self.switches.refuse_missing_identity {
            self.refuse_missing_identity(&template)?;
        }
        let fails = outcome.is_err() || matches!(self.switches.provisioning, Fate::Fail { .. });
        let (operation, headers) =
            self.start_operation(asked, &template.key(), &template.location.clone(), false);
        let stage = Stage::Creating { fails };
        let mut work = Work::new(operation, [stage], asked.now);
        work.stuck_at = matches!(self.switches.provisioning, Fate::NeverEnd).then_some(stage);
        template.work = Some(work);
        let mut answer = Answer::new(
            201,
            Body::Builder(echo::document(
                &template,
                &self.world,
                &asked.version,
                self.system_data(),
            )),
        );
        answer.headers = headers;
        self.templates.insert(template.key(), template);
        Ok(answer)
    }

    /// Refuses an identity that does not exist, as Azure Resource Manager does with other resource types.
    fn refuse_missing_identity(&self, template: &Template) -> Result<(), Refusal> {
        let exists = |id: &&str| {
            self.world
                .identities
                .iter()
                .any(|known| ids::key(&self.world.identity_id(known)) == ids::key(id))
        };
        match template.identities().into_iter().find(|id| !exists(id)) {
            None => Ok(()),
            Some(missing) => Err(Refusal::new(
                400,
                "FailedIdentityOperation",
                format!(
                    "Identity operation for resource '{}' failed with error 'Failed to perform resource identity operation. Status: \
                     'BadRequest'. Response: '{{\"error\":{{\"code\":\"BadRequest\",\"message\":\"Resource '{missing}' was not found.\"}}}}'.'.",
                    template.id
                ),
            )),
        }
    }

    pub(crate) fn get_template(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        self.template(asked)?;
        let key = Self::template_key(asked);
        let every = self.switches.internal_error_every;
        if let Some(template) = self
            .templates
            .get_mut(&key)
            .filter(|template| template.is_running())
        {
            template.gets_in_runs = template.gets_in_runs.saturating_add(1);
            if every.is_some_and(|every| template.gets_in_runs.is_multiple_of(every)) {
                let message = "Internal error occurred. This is a generic error. To identify possible causes, go to \
                               https://aka.ms/azvmimagebuilderts.";
                return Err(Refusal::by_builder(500, "InternalError", message));
            }
        }
        let template = self.as_it_shows(self.template(asked)?, asked.now);
        let document = echo::document(&template, &self.world, &asked.version, self.system_data());
        self.count_poll(&key);
        Ok(Answer::new(200, Body::Builder(document)))
    }

    /// The template as readers see it: a run that has just started may not show yet.
    fn as_it_shows(&self, template: &Template, now: OffsetDateTime) -> Template {
        let mut shown = template.clone();
        let start = shown.last_run.as_ref().map(|run| run.start);
        if start.is_some_and(|start| now < start + self.switches.run_shows_after) {
            shown.last_run = shown.run_before.clone();
        }
        shown
    }

    pub(crate) fn delete_template(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let key = Self::template_key(asked);
        let Some(template) = self.templates.get(&key) else {
            if self.switches.delete_missing_status == 204 {
                return Ok(Answer::new(204, Body::None));
            }
            self.template(asked)?;
            return Ok(Answer::new(204, Body::None));
        };
        if template.is_running() || template.work.is_some() {
            return Err(self.not_allowed(template, "delete"));
        }
        let (operation, headers) =
            self.start_operation(asked, &key, &template.location.clone(), true);
        let mut work = Work::new(operation, [Stage::Deleting], asked.now);
        work.stuck_at = matches!(self.switches.deletion, Fate::NeverEnd).then_some(Stage::Deleting);
        if let Some(template) = self.templates.get_mut(&key) {
            template.provisioning = Provisioning::Deleting;
            template.work = Some(work);
        }
        Ok(Answer::new(202, Body::Empty).with_all(headers))
    }

    pub(crate) fn list_templates(&mut self, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let group = asked.path.get("group");
        let wanted: Vec<&Template> = self
            .templates
            .values()
            .filter(|template| {
                asked.route.call == Call::ListTemplates
                    || template.group.eq_ignore_ascii_case(group)
            })
            .collect();
        let documents: Vec<Value> = wanted
            .into_iter()
            .map(|template| {
                let shown = self.as_it_shows(template, asked.now);
                echo::document(&shown, &self.world, &asked.version, self.system_data())
            })
            .collect();
        let list = self.page(asked, documents, self.switches.page_size, "skipToken")?;
        Ok(Answer::new(200, Body::Builder(list)))
    }

    /// Moves a template into the past; false if there is none of this name.
    pub(crate) fn age_template(&mut self, name: &str, by: std::time::Duration) -> bool {
        let mut templates = self.templates.values_mut();
        let found = templates.find(|template| template.name.eq_ignore_ascii_case(name));
        found.map(|template| template.age(by)).is_some()
    }

    /// Whether templates are answered with `systemData`.
    pub(crate) fn system_data(&self) -> SystemData {
        if self.switches.templates_have_system_data {
            SystemData::Shown
        } else {
            SystemData::Hidden
        }
    }

    /// The refusal of an action at a wrong time.
    pub(crate) fn not_allowed(&self, template: &Template, action: &str) -> Refusal {
        let provisioning = match template.provisioning {
            Provisioning::Succeeded => "provisioned".to_owned(),
            other => other.name().to_ascii_lowercase(),
        };
        let run = template
            .last_run
            .as_ref()
            .map(|run| run.state.to_ascii_lowercase())
            .unwrap_or_default();
        let message = if action == "delete" && template.provisioning == Provisioning::Creating {
            format!("Operation 'DELETE' is not allowed in provisioningState: '{provisioning}'")
        } else {
            format!(
                "Operation Microsoft.VirtualMachineImages/imageTemplates/{action} is not allowed in provisioning state: {provisioning} or \
                 run state: {run}."
            )
        };
        Refusal::by_builder(
            self.switches.not_allowed_status,
            "OperationNotAllowed",
            message,
        )
    }
}

fn conflict() -> Refusal {
    Refusal::by_builder(
        409,
        "Conflict",
        "Update/Upgrade of image templates is currently not supported. Please change the name of the template you are submitting. If you have \
         previously tried to submit a template and it failed to provision, you must delete it first and then resubmit.",
    )
}
