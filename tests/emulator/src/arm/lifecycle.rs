//! How things move on with time: provisioning, updates, runs and deletions pass from state to state.

use time::OffsetDateTime;

use crate::arm::Arm;
use crate::arm::operations::{End, Operation};
use crate::arm::template::{Failure, Provisioning, Stage, Staging, text};
use crate::blob::{BlobAccount, BlobRole, BlobService};
use crate::ids::{self, Purpose};
use crate::progress::Fate;
use crate::switches::StagingAccess;

impl Arm {
    /// Lets everything happen that is due by `now`.
    pub(crate) fn settle(&mut self, blobs: &mut BlobService, now: OffsetDateTime) {
        let keys: Vec<String> = self.templates.keys().cloned().collect();
        for key in keys {
            while self.step(&key, blobs, now) {}
        }
        for operation in self.operations.values_mut() {
            operation.settle(&self.switches.progress, now);
        }
        self.settle_triggers(now);
        self.settle_versions(now);
        self.settle_commands(blobs, now);
        self.settle_machines();
        self.settle_deployments(now);
        self.settle_pools(now);
    }

    /// Ends the present state of a template's work if it is due.
    fn step(&mut self, key: &str, blobs: &mut BlobService, now: OffsetDateTime) -> bool {
        let Some(template) = self.templates.get_mut(key) else {
            return false;
        };
        let Some(work) = &mut template.work else {
            return false;
        };
        let Some(at) = work.due(&self.switches.progress, now) else {
            return false;
        };
        let operation = work.operation.clone();
        match work.advance(at) {
            None => template.work = None,
            Some(Stage::Creating { .. }) => self.finish_creating(key, &operation, blobs, at),
            Some(Stage::Updating) => {
                template.work = None;
                template.provisioning = Provisioning::Succeeded;
                self.end_operation(&operation, at, End::Succeeded);
            }
            Some(Stage::Run(state)) => self.leave_sub_state(key, state, blobs, at),
            Some(Stage::Canceling) => self.finish_canceling(key, blobs, at),
            Some(Stage::Deleting) => self.finish_deleting(key, &operation, blobs, at),
        }
        true
    }

    fn finish_creating(
        &mut self,
        key: &str,
        operation: &str,
        blobs: &mut BlobService,
        at: OffsetDateTime,
    ) {
        let Some(template) = self.templates.get(key).cloned() else {
            return;
        };
        let outcome = match &self.switches.provisioning {
            Fate::Fail { code, message } => Err(Failure {
                operation_code: code.clone(),
                provisioning_code: "Other",
                message: message.clone(),
            }),
            Fate::Deserved | Fate::NeverEnd => self.provision(&template, blobs, at),
        };
        let asked = text(&template.properties, "stagingResourceGroup");
        let staging = outcome
            .is_ok()
            .then(|| self.make_staging(&template.group, &template.name, asked));
        if let Some(staging) = &staging {
            let mut account = BlobAccount {
                key_base64: STAGING_KEY.to_owned(),
                allow_shared_key: self.switches.staging_access == StagingAccess::Key,
                ..BlobAccount::default()
            };
            if self.switches.staging_access == StagingAccess::Role {
                account
                    .roles
                    .insert("any".to_owned(), vec![BlobRole::Reader]);
            }
            blobs.set_account(&staging.account, account);
        }
        let end = match &outcome {
            Ok(_) => End::Succeeded,
            Err(failure) => End::Failed {
                code: failure.operation_code.clone(),
                message: failure.message.clone(),
            },
        };
        let mut runs_by_itself = false;
        if let Some(template) = self.templates.get_mut(key) {
            template.work = None;
            template.staging = staging;
            match outcome {
                Ok(provisioned) => {
                    template.provisioning = Provisioning::Succeeded;
                    template.provisioned = Some(provisioned);
                    runs_by_itself = template.runs_by_itself();
                }
                Err(failure) => {
                    template.provisioning = Provisioning::Failed;
                    template.failure = Some(failure);
                }
            }
        }
        self.end_operation(operation, at, end);
        if runs_by_itself {
            self.run_by_itself(key, at);
        }
    }

    /// Nobody is told of the operation of such a run.
    fn run_by_itself(&mut self, key: &str, at: OffsetDateTime) {
        let id = self.ids.of(Purpose::Operation, key).guid();
        let run = Operation::new(id.clone(), key.to_owned(), at);
        self.operations.insert(id.clone(), run);
        self.begin_run(key, id, at);
    }

    /// The staging group: the one that the template names, or a new one whose name is cut as recorded.
    fn make_staging(&mut self, group: &str, name: &str, asked: &str) -> Staging {
        let template = format!("{group}/{name}");
        let account = self.ids.of(Purpose::StagingAccount, &template).account();
        if !asked.is_empty() {
            let group = ids::segment_after(asked, "resourceGroups")
                .unwrap_or_default()
                .to_owned();
            let existed = self
                .world
                .resource_groups
                .iter()
                .any(|known| known.name.eq_ignore_ascii_case(&group));
            return Staging {
                id: format!("/{}", ids::segments(asked).join("/")),
                group,
                account,
                made: !existed,
            };
        }
        let stem: String = format!("{group}_{name}").chars().take(40).collect();
        let id = self.ids.of(Purpose::StagingGroup, &template).guid();
        let group = format!("IT_{stem}_{id}");
        Staging {
            id: self.world.group_id(&group),
            group,
            account,
            made: true,
        }
    }

    fn finish_deleting(
        &mut self,
        key: &str,
        operation: &str,
        blobs: &mut BlobService,
        at: OffsetDateTime,
    ) {
        if let Fate::Fail { code, message } = &self.switches.deletion {
            let end = End::Failed {
                code: code.clone(),
                message: message.clone(),
            };
            if let Some(template) = self.templates.get_mut(key) {
                template.work = None;
                template.provisioning = Provisioning::Failed;
            }
            self.end_operation(operation, at, end);
            return;
        }
        if let Some(staging) = self
            .templates
            .remove(key)
            .and_then(|template| template.staging)
        {
            blobs.remove_account(&staging.account);
        }
        self.end_operation(operation, at, End::Succeeded);
    }
}

/// The key of each staging account.
pub(crate) const STAGING_KEY: &str =
    "c3RhZ2luZyBhY2NvdW50IG9mIHRoZSBpbWFnZSBidWlsZGVyLCBlbXVsYXRlZA==";
