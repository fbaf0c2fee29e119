//! What every part of a test in a VM needs.

use std::time::Duration;

use super::event::Event;
use crate::arm::Failure;
use crate::arm::machine_part::Part;
use crate::diagnosis::{FoundIn, of_text};
use crate::image_test::event;
use crate::image_test::image::TestedImage;
use crate::image_test::not_tested::NotTested;
use crate::image_test::step::TestStep;
use crate::inputs::image_test::TestVm;
use crate::inputs::{Owner, Package};
use crate::resource::ResourceId;
use crate::secret::Secret;
use crate::storage::StorageAccount;

/// The pause between two reads.
pub(super) const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// Where known failures of a VM are looked up.
pub(super) const PLACES: [FoundIn; 2] = [FoundIn::Machine, FoundIn::Request];

/// A test in a VM.
pub(super) struct VmTest<'a> {
    pub(super) step: &'a TestStep<'a>,
    pub(super) vm: &'a TestVm,
    pub(super) image: &'a TestedImage,
    pub(super) owner: &'a Owner,
}

/// The package in storage.
pub(super) struct SentPackage<'a> {
    pub(super) package: &'a Package,
    /// A link to it.
    pub(super) link: Secret,
    /// The sum of its archive.
    pub(super) sha256: String,
}

/// Where a check runs, and where its output goes.
#[derive(Clone, Copy)]
pub(super) struct Location<'a> {
    /// The region of the VM, `westeurope`.
    pub(super) region: &'a str,
    /// The account that keeps the whole output for a while.
    pub(super) account: Option<&'a StorageAccount>,
}

impl VmTest<'_> {
    pub(super) fn tell(&self, event: Event) {
        self.step.events.tell(event::Event::Vm(event));
    }

    /// The name of everything that the test makes.
    pub(super) fn name(&self) -> String {
        format!("tst-{}", self.step.test.number)
    }

    pub(super) fn machine(&self) -> ResourceId {
        Part::Vm.id(&self.vm.group, &self.name())
    }

    /// What a test is called in an error: `Testing image version 1.0.2609402 of 'win11'`.
    pub(super) fn doing(&self) -> String {
        format!("Testing {}", self.image.display_name())
    }
}

/// Why there is no VM, with the cause and the fix where they are known.
pub(super) fn refused(failure: Failure) -> NotTested {
    let known = failure.refusal().and_then(|refusal| {
        let text = format!("{}: {}", refusal.code, refusal.message);
        of_text(&PLACES, &text)
    });
    match known {
        Some(known) => {
            let hint = format!("{}: {}", known.cause, known.fix);
            NotTested::refused(known.entry.code, failure.to_string(), hint)
        }
        None => failure.into(),
    }
}
