//! Making the network interface and the VM, exactly once in effect.
//!
//! A request whose answer got lost may have been obeyed. So the resource itself is read before anything is sent again.

use std::time::Duration;

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use serde_json::{Map, Value, json};
use tokio::time::{Instant, sleep};

use super::body;
use super::event::Event;
use super::vm_test::{LOOK_AGAIN, VmTest, refused};
use crate::arm::Failure;
use crate::arm::machine_part::{Part, tag};
use crate::arm::operation::Started;
use crate::arm::pace::READ_AFTER_WRITE;
use crate::image_test::codes::NOT_RUN;
use crate::image_test::not_tested::NotTested;
use crate::resource::ResourceId;
use crate::run::leftover::Leftover;
use crate::run::leftovers::Leftovers;
use crate::run::{ownership, template_tags};

/// A network interface is there in a moment.
const INTERFACE_LIMIT: Duration = Duration::from_secs(5 * 60);

/// Azure wants three of four classes, and takes up to 72 characters for Linux
/// (<https://learn.microsoft.com/azure/virtual-machines/linux/faq#what-are-the-password-requirements-when-creating-a-vm->).
const PASSWORD_LENGTH: usize = 32;
/// Without the backslash and the hyphen, which Azure does not take for Linux, and without what a shell or a log could misread.
const PASSWORD_CLASSES: [&[u8]; 4] = [
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    b"abcdefghijklmnopqrstuvwxyz",
    b"0123456789",
    b"!+.:=?@_",
];

impl VmTest<'_> {
    /// Makes the network interface, and asks for the VM.
    pub(super) async fn create(
        &self,
        region: &str,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Started, NotTested> {
        let (vm, step, image) = (self.vm, self.step, self.image);
        let name = self.name();
        let (machine, interface) = (self.machine(), Part::Nic.id(&vm.group, &name));
        self.tell(Event::Creating {
            name: name.clone(),
            size: vm.size.clone(),
            region: region.to_owned(),
            group: vm.group.name().to_owned(),
        });
        let tags = self.tags();
        let wanted = body::interface(region, &tags, &vm.subnet);
        self.make(Part::Nic, &interface, &wanted, leftovers).await?;
        self.interface_is_there(&interface).await?;
        let made = (vm.password.is_none() && !image.specialized)
            .then(|| step.arm.client.secret(new_password()));
        let password = vm.password.as_ref().or(made.as_ref());
        let data_disks = self.data_disks();
        let wanted = body::Machine {
            name: &name,
            location: region,
            tags: &tags,
            size: &vm.size,
            image: &image.id,
            interface: &interface,
            password: password.filter(|_| !image.specialized),
            security: image.security.as_deref(),
            plan: image.plan.as_ref(),
            data_disks: &data_disks,
        };
        let disks = self.disks(&data_disks);
        for disk in &disks {
            leftovers.register(disk.clone(), &step.test.origin.run);
        }
        let asked = self
            .make(Part::Vm, &machine, &wanted.body(), leftovers)
            .await;
        let is_noted = leftovers
            .all()
            .contains(&Leftover::part(Part::Vm, &machine));
        // There is no VM, and so no disk of it.
        if asked.is_err() && !is_noted {
            for disk in &disks {
                leftovers.not_there(disk);
            }
        }
        asked
    }

    /// The tags of VM and network interface.
    fn tags(&self) -> Map<String, Value> {
        let now = self.step.arm.client.azure_time();
        let tags = template_tags::of_machine(&self.step.test.origin, now).into_iter();
        tags.map(|(name, value)| (name.to_owned(), json!(value)))
            .collect()
    }

    /// What the VM will have as disks, by the names that it is asked to give them.
    fn disks(&self, data_disks: &[u64]) -> Vec<Leftover> {
        let name = self.name();
        let data = data_disks.iter().map(|lun| format!("{name}-{lun}"));
        let names = std::iter::once(name.clone()).chain(data);
        let id = |name: String| Part::Disk.id(&self.vm.group, &name);
        names
            .map(|name| Leftover::part(Part::Disk, &id(name)))
            .collect()
    }

    /// The places of the data disks of the image.
    fn data_disks(&self) -> Vec<u64> {
        let version = self.image.version.as_ref();
        let disks = version.and_then(|it| {
            it.document
                .pointer("/properties/storageProfile/dataDiskImages")
        });
        let disks = disks.and_then(Value::as_array).into_iter().flatten();
        disks.filter_map(|disk| disk.get("lun")?.as_u64()).collect()
    }

    /// Asks for a VM or a network interface, which is noted before.
    async fn make(
        &self,
        part: Part,
        id: &ResourceId,
        wanted: &Value,
        leftovers: &mut Leftovers<'_>,
    ) -> Result<Started, NotTested> {
        let arm = self.step.arm;
        let leftover = Leftover::part(part, id);
        // Its number is that of this microsecond, and yet: nothing of someone else is written over.
        if arm.part(part, id).await?.is_some() {
            let text = format!(
                "{} failed: {} exists already, and this step did not create it",
                self.doing(),
                leftover.describe()
            );
            let hint = "run the step again: it takes another name".to_owned();
            return Err(NotTested::refused(NOT_RUN, text, hint));
        }
        leftovers.register(leftover.clone(), &self.step.test.origin.run);
        let asked = match arm.create_part(part, id, wanted).await {
            Ok(changed) => Ok(changed.started),
            Err(failure) if failure.may_have_acted() => {
                self.after_lost_answer(part, id, wanted, failure).await
            }
            Err(failure) => Err(Lost::Refused(failure)),
        };
        match asked {
            Ok(started) => {
                leftovers.confirm_ours(&leftover);
                Ok(started)
            }
            Err(Lost::Refused(failure)) => {
                leftovers.not_there(&leftover);
                Err(refused(failure))
            }
            // It may still come into being: clean-up looks for it.
            Err(Lost::Unknown(failure)) => Err(refused(failure)),
        }
    }

    async fn after_lost_answer(
        &self,
        part: Part,
        id: &ResourceId,
        wanted: &Value,
        failure: Failure,
    ) -> Result<Started, Lost> {
        let arm = self.step.arm;
        let start = Instant::now();
        while start.elapsed() < READ_AFTER_WRITE {
            match arm.part(part, id).await {
                Ok(Some(seen)) => return self.ours(&seen, failure),
                Ok(None) => sleep(LOOK_AGAIN).await,
                Err(_) => return Err(Lost::Unknown(failure)),
            }
        }
        self.tell(Event::Again {
            reason: failure.to_string(),
        });
        match arm.create_part(part, id, wanted).await {
            Ok(changed) => Ok(changed.started),
            Err(second) => match arm.part(part, id).await {
                Ok(Some(seen)) => self.ours(&seen, second),
                Ok(None) | Err(_) => Err(Lost::Unknown(second)),
            },
        }
    }

    /// What is there under the name is what was asked for, if it has the tags.
    fn ours(&self, seen: &Value, failure: Failure) -> Result<Started, Lost> {
        let is_ours = ownership::by_tags(|name| tag(seen, name), &self.step.test.origin).is_ok();
        if !is_ours {
            return Err(Lost::Refused(failure));
        }
        Ok(Started {
            operation: None,
            pause: None,
        })
    }

    /// A VM takes no network interface that is being made.
    async fn interface_is_there(&self, id: &ResourceId) -> Result<(), NotTested> {
        let start = Instant::now();
        loop {
            let state = match self.step.arm.part(Part::Nic, id).await {
                Ok(seen) => {
                    let state = seen
                        .as_ref()
                        .and_then(|it| it.pointer("/properties/provisioningState"));
                    state.and_then(Value::as_str).unwrap_or_default().to_owned()
                }
                Err(failure) if failure.is_passing() => String::new(),
                Err(failure) => return Err(failure.into()),
            };
            if state.eq_ignore_ascii_case("Succeeded") {
                return Ok(());
            }
            let is_over = state.eq_ignore_ascii_case("Failed");
            if is_over || start.elapsed() >= INTERFACE_LIMIT {
                let text = format!(
                    "{} failed: network interface '{}' could not be created: it is in state '{state}'",
                    self.doing(),
                    id.name()
                );
                let hint = "run the step again; the activity log of the resource group says why"
                    .to_owned();
                return Err(NotTested::refused(NOT_RUN, text, hint));
            }
            sleep(Duration::from_secs(5)).await;
        }
    }
}

/// What became of a request.
enum Lost {
    /// It made nothing.
    Refused(Failure),
    /// Whether it made something is not known.
    Unknown(Failure),
}

/// The password of an administrator whom nobody needs: it is masked, and forgotten with the VM. Characters of all four classes, by the random numbers of the operating system.
fn new_password() -> String {
    let mut random = rand::rng();
    let all = PASSWORD_CLASSES.concat();
    let mut password: Vec<u8> = PASSWORD_CLASSES
        .iter()
        .filter_map(|class| class.choose(&mut random).copied())
        .collect();
    while password.len() < PASSWORD_LENGTH {
        password.extend(all.choose(&mut random));
    }
    password.shuffle(&mut random);
    password.into_iter().map(char::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_has_all_four_classes_and_is_never_the_same() {
        let mut known = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let password = new_password();
            assert_eq!(password.len(), PASSWORD_LENGTH);
            for class in PASSWORD_CLASSES {
                assert!(
                    password.bytes().any(|byte| class.contains(&byte)),
                    "{password}"
                );
            }
            assert!(
                password
                    .bytes()
                    .all(|byte| PASSWORD_CLASSES.concat().contains(&byte))
            );
            assert!(known.insert(password));
        }
    }
}
