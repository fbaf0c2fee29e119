//! The job is canceled, or the time is up, while an update goes on.

use std::sync::PoisonError;

use super::super::Job;
use super::super::event::Event as Of;
use super::super::stopping::{Left, Stopped};
use super::event::{Event, words};
use crate::arm::desktops::UpdateStatus;
use crate::inputs::OnCancel;

/// What goes on because of this step: a change of the configuration, or an update that it began or follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Going {
    /// The configuration is being changed, and no update has begun: to which image.
    Configuring(String),
    /// An update was asked for, and does not show yet.
    Asked,
    /// Where an update was last seen.
    Seen(String),
}

impl Going {
    pub(super) fn configuring(image: String) -> Self {
        Self::Configuring(image)
    }

    pub(super) fn seen(status: &UpdateStatus) -> Self {
        Self::Seen(words(status))
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
    let words = match going {
        Going::Configuring(image) => {
            let what = format!(
                "the session host configuration may have {image} already, which hosts made later get; no update has begun"
            );
            job.emit(Of::Line(what.clone()));
            return Left {
                goes_on: false,
                what,
            };
        }
        Going::Asked => "it does not show yet",
        Going::Seen(words) => words,
    };
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
