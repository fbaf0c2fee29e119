//! The log of the build: found in the staging group, saved on the agent, and read while it streams by.
//!
//! It goes with the template, so it is fetched before clean-up. Best effort: a failure here is one line, and never fails the build.
//!
//! Validators have a log of their own beside it, or write into it: both are read.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use http::StatusCode;

use super::log_access;
use crate::arm::{Arm, Failure};
use crate::diagnosis::{Customizer, End, FailedStep, LogReader, LogSummary, kind_of, log_place};
use crate::file;
use crate::inventory::Reader;
use crate::log::{Lines, Redaction, Step};
use crate::resource::{ResourceGroupId, ResourceId};
use crate::run::build_template::BuildTemplate;
use crate::run::context::Context;
use crate::run::event::{Event, Events};
use crate::storage::reading::{Access, list, read_piece};
use crate::storage::{BlobRef, NotABlob, StorageAccount};

/// Where the service leaves logs (<https://learn.microsoft.com/azure/virtual-machines/linux/image-builder-troubleshoot#customization-log>).
const CONTAINER: &str = "packerlogs";
const CUSTOMIZATION: &str = "customization.log";
const VALIDATION: &str = "validation.log";
/// Enough for a gigabyte over a slow line; the build is over, and someone waits.
const BUDGET: Duration = Duration::from_secs(5 * 60);

/// Why there is no log.
enum NoLog {
    /// Azure refused, or did not answer.
    Refused(Failure),
    /// There is none where it should be.
    Missing(String),
}

impl From<NotABlob> for NoLog {
    fn from(error: NotABlob) -> Self {
        Self::Missing(error.to_string())
    }
}

impl From<Failure> for NoLog {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

/// What the logs of a build came to; at least one was read.
#[derive(Debug, Clone)]
pub struct Logs {
    /// That of the customizers.
    pub customization: Option<LogSummary>,
    /// That of the validators, where they have one of their own.
    pub validation: Option<LogSummary>,
    /// What of it tells what the image holds.
    pub contents: Reader,
}

impl Logs {
    /// The one that tells of the validators of a test: their own if it does.
    pub fn of_validators(&self) -> Option<&LogSummary> {
        let own = self.validation.as_ref();
        let own = own.filter(|log| !log.steps.is_empty() || self.customization.is_none());
        own.or(self.customization.as_ref())
    }

    /// The one that tells why a build failed: that of the validators when the customizers ended well.
    pub fn decisive(&self) -> Option<&LogSummary> {
        let ended_well = |log: &LogSummary| log.end == End::Finished;
        match (&self.customization, &self.validation) {
            (Some(customization), Some(validation))
                if !ended_well(customization) || ended_well(validation) =>
            {
                Some(customization)
            }
            (_, Some(validation)) => Some(validation),
            (customization, None) => customization.as_ref(),
        }
    }
}

/// Fetches the logs of the build of `template`, and saves them on the agent. `message` is what the run said.
pub(crate) async fn fetch(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    message: &str,
) -> Option<Logs> {
    let fetching = fetch_both(context, template, message);
    let reason = match tokio::time::timeout(BUDGET, fetching).await {
        Ok(Ok(logs)) => return Some(logs),
        Ok(Err(why)) => why.in_words(template),
        Err(_) => format!("it was not there after {} minutes", BUDGET.as_secs() / 60),
    };
    context.events.emit(Event::NoLog { reason });
    None
}

async fn fetch_both(
    context: &Context<'_>,
    template: &BuildTemplate<'_>,
    message: &str,
) -> Result<Logs, NoLog> {
    let Context {
        arm,
        folder,
        events,
        ..
    } = *context;
    // Azure's text about a failed run says where its log is.
    let said = log_place(message);
    let account_id = said
        .as_ref()
        .and_then(|said| said.account_id.as_deref()?.parse::<ResourceId>().ok());
    let group_of_account = account_id.map(|account| account.group());
    let group = template.staging_group.clone().or(group_of_account);
    let group = group.ok_or_else(|| NoLog::Missing("the staging group is not known".to_owned()))?;
    let accounts = arm.storage_accounts(&group).await?;
    let wanted = said.as_ref().map(|said| said.account.as_str());
    let account = accounts
        .iter()
        .find(|account| wanted.is_some_and(|name| account.name.eq_ignore_ascii_case(name)))
        .or(accounts.first())
        .ok_or_else(|| {
            NoLog::Missing("there is no storage account in the staging group".to_owned())
        })?;
    let (access, newest) = open(arm, account).await?;
    let name = said
        .map(|said| said.blob)
        .filter(|name| newest.is_none() || name.ends_with(CUSTOMIZATION))
        .or(newest)
        .ok_or_else(|| NoLog::Missing(format!("container '{CONTAINER}' has no {CUSTOMIZATION}")))?;
    let log = Log {
        arm,
        template: template.name(),
        access,
        customizers: &template.customizers(),
        folder,
        events,
    };
    let mut contents = Reader::default();
    let wanted = Some(&mut contents).filter(|_| template.lists_contents());
    let customization = account.blob(CONTAINER, &name)?;
    let customization = log.save(&customization, CUSTOMIZATION, wanted).await;
    let validation = match name.rsplit_once('/') {
        // A test has no customizers, and so perhaps not their log.
        Some((folder_name, _)) if customization.is_ok() || template.is_test() => {
            let blob = account.blob(CONTAINER, &format!("{folder_name}/{VALIDATION}"))?;
            // Most templates have no validators.
            log.save(&blob, VALIDATION, None).await.ok()
        }
        _ => None,
    };
    match (customization, validation) {
        (Err(reason), None) => Err(reason),
        (customization, validation) => Ok(Logs {
            customization: customization.ok(),
            validation,
            contents,
        }),
    }
}

/// The way to read the account, and the newest log in it: by the own token, or by a key where a role is missing.
async fn open(arm: &Arm, account: &StorageAccount) -> Result<(Access, Option<String>), NoLog> {
    let token = Access::token();
    let refusal = match newest(arm, account, &token).await {
        Ok(newest) => return Ok((token, newest)),
        Err(failure) if failure.is(StatusCode::FORBIDDEN) => failure,
        Err(failure) => return Err(failure.into()),
    };
    // The role is what is missing; that keys may not be read either is the rule.
    let Ok(key) = arm.storage_account_key(account).await else {
        return Err(refusal.into());
    };
    let access = Access::key(account, key);
    let newest = newest(arm, account, &access).await.map_err(|_| refusal)?;
    Ok((access, newest))
}

async fn newest(
    arm: &Arm,
    account: &StorageAccount,
    access: &Access,
) -> Result<Option<String>, Failure> {
    let blobs = list(&arm.client, account, CONTAINER, access).await?;
    let logs = blobs.into_iter().filter_map(|blob| {
        let folder = blob.name.strip_suffix(CUSTOMIZATION);
        let folder = folder.or_else(|| blob.name.strip_suffix(VALIDATION))?;
        Some((blob.written, format!("{folder}{CUSTOMIZATION}")))
    });
    let newest = logs.max_by_key(|(written, _)| *written);
    Ok(newest.map(|(_, name)| name))
}

struct Log<'a> {
    arm: &'a Arm,
    /// The template's name.
    template: &'a str,
    access: Access,
    customizers: &'a [Customizer],
    folder: &'a Path,
    events: &'a dyn Events,
}

impl Log<'_> {
    /// Saves `blob` piece by piece, and reads it on the way: it goes with the template, so a full disk must not cost what it tells. The list of contents is packed, and what is in it is masked when it is unpacked.
    async fn save(
        &self,
        blob: &BlobRef,
        name: &str,
        mut contents: Option<&mut Reader>,
    ) -> Result<LogSummary, NoLog> {
        let path = self.folder.join(format!("{}-{name}", self.template));
        let mut piece = read_piece(&self.arm.client, blob, 0, &self.access).await?;
        let mut file = file::create(&path);
        let (mut reading, mut bytes) = (LogReader::default(), 0_u64);
        let mut lines = Lines::default();
        let mut redaction = Redaction::new(|text: &str| self.arm.client.hidden(text));
        loop {
            // What is quoted from the log is cut to a length, and so could cut a secret: it is read without.
            let clean = redaction.push(&piece.bytes);
            file = file.and_then(|file| written(file, &clean));
            reading.push(&clean);
            if let Some(contents) = &mut contents {
                lines.push(&piece.bytes, |line| contents.take(&line));
            }
            bytes += u64::try_from(piece.bytes.len()).unwrap_or_default();
            if !piece.more {
                break;
            }
            piece = read_piece(&self.arm.client, blob, bytes, &self.access).await?;
        }
        let clean = redaction.finish();
        file = file.and_then(|file| written(file, &clean));
        reading.push(&clean);
        if let Some(contents) = contents {
            lines.finish(|line| contents.take(&line));
        }
        let summary = reading.finish();
        self.events.emit(match file {
            Ok(_) => Event::LogSaved {
                path,
                bytes,
                lines: summary.lines,
                steps: named(&summary.steps, self.customizers),
            },
            Err(error) => Event::NoLog {
                reason: format!("'{}' cannot be written: {error}", path.display()),
            },
        });
        Ok(summary)
    }
}

/// The file, with `bytes` at its end.
fn written(mut file: File, bytes: &[u8]) -> io::Result<File> {
    file.write_all(bytes)?;
    Ok(file)
}

/// Each step with what it is called.
fn named(steps: &[Step], customizers: &[Customizer]) -> Vec<(String, Step)> {
    let name = |index: usize, step: &Step| {
        let so_far = steps.get(..=index).unwrap_or_default();
        match FailedStep::of(customizers, so_far) {
            Some(FailedStep::Customizer { customizer, .. }) => customizer.to_string(),
            Some(FailedStep::Service { .. }) | None => {
                format!("a step of the service ({})", kind_of(&step.kind))
            }
        }
    };
    let steps = steps.iter().enumerate();
    steps
        .map(|(index, step)| (name(index, step), step.clone()))
        .collect()
}

impl NoLog {
    /// Why, and which role helps. The staging group is new for each build, so a role on it would come too late.
    fn in_words(&self, template: &BuildTemplate<'_>) -> String {
        let failure = match self {
            Self::Missing(reason) => return reason.clone(),
            Self::Refused(failure) => failure,
        };
        let access = match failure.refusal().map(|refusal| refusal.code.as_str()) {
            Some("AuthorizationPermissionMismatch") => log_access::Access::Blobs,
            Some("AuthorizationFailed") => log_access::Access::Resources,
            _ => return failure.to_string(),
        };
        let subscription = template.id.subscription();
        // Where the group is not known, it is taken for one that the service made.
        let unknown = || ResourceGroupId::new(subscription, "IT_");
        let group = template.staging_group.clone().unwrap_or_else(unknown);
        let command = log_access::command(access, &group);
        format!("{failure}; to see it, run: {command}")
    }
}
