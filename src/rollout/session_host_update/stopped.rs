//! The job is canceled, or the time is up, while an update goes on.

use std::sync::PoisonError;

use super::super::Job;
use super::super::event::Event as Of;
use super::super::stopping::{Left, Stopped};
use super::event::{Event, words};
use crate::arm::desktops::UpdateStatus;
use crate::inputs::OnCancel;

/// An update that goes on because of this step, or that it follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Going {
    /// Where it was last seen; nothing while it does not show.
    words: Option<String>,
}

impl Going {
    pub(super) fn asked() -> Self {
        Self { words: None }
    }

    pub(super) fn seen(status: &UpdateStatus) -> Self {
        Self {
            words: Some(words(status)),
        }
    }
}

impl Job<'_> {
    pub(super) fn note_update(&self, going: Going) {
        *self.update.lock().unwrap_or_else(PoisonError::into_inner) = Some(going);
    }

    pub(super) fn forget_update(&self) {
        *self.update.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// The update that has to be dealt with when the step is stopped.
    pub(in crate::rollout) fn take_update(&self) -> Option<Going> {
        let mut update = self.update.lock().unwrap_or_else(PoisonError::into_inner);
        update.take()
    }
}

/// Leaves the update alone, or cancels it if the author wants that; the end of a cancel is not waited for.
pub async fn stopped(job: &Job<'_>, going: &Going, why: Stopped) -> Left {
    let words = going.words.as_deref().unwrap_or("it does not show yet");
    let goes_on = format!("the session host update goes on: {words}");
    if why == Stopped::TimeIsUp {
        return Left {
            goes_on: true,
            what: goes_on,
        };
    }
    if job.request.on_cancel == OnCancel::Leave {
        job.emit(Of::Line(goes_on.clone()));
        return Left {
            goes_on: true,
            what: goes_on,
        };
    }
    job.emit(Of::Update(Event::Control("Cancel")));
    let canceled = job.arm.control_update(&job.request.pool, "Cancel").await;
    let (goes_on, line) = match canceled {
        Ok(_) => (
            false,
            "the session host update is being canceled: the hosts at work are finished first"
                .to_owned(),
        ),
        Err(failure) => (
            true,
            format!("{goes_on}; it could not be canceled: {failure}"),
        ),
    };
    job.emit(Of::Line(line.clone()));
    job.emit(Of::Line(format!(
        "the session host configuration stays as it is: hosts made later get {}",
        job.request.image.short()
    )));
    Left {
        goes_on,
        what: line,
    }
}
