//! What a build may leave in Azure, and what could not be removed of it: plain data, with the words and commands for it.

use crate::resource::tag;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::arm::machine_part::Part;
use crate::inputs::origin;
use crate::resource::{IMAGE_TEMPLATE, ResourceId, quoted};
use crate::storage::BlobRef;

/// One thing that may exist in Azure because of us.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Leftover {
    /// An image template, with its staging resource group and perhaps a run.
    Template {
        /// Its resource id.
        id: String,
    },
    /// A VM that was made to see an image boot.
    Vm {
        /// Its resource id.
        id: String,
    },
    /// The network interface of such a VM.
    Nic {
        /// Its resource id.
        id: String,
    },
    /// A disk of such a VM.
    Disk {
        /// Its resource id.
        id: String,
    },
    /// The package.
    Blob(Box<BlobRef>),
    /// The package, written by a key of the account, because the service connection has no role for its blobs.
    BlobByKey(Box<BlobRef>),
    /// What a note has that is none of these: this task has not written it.
    #[serde(untagged)]
    Unknown(Value),
}

/// How much of an unknown entry is shown.
const SHOWN: usize = 200;

impl Leftover {
    /// The image template `id`.
    pub fn template(id: &ResourceId) -> Self {
        Self::Template { id: id.to_string() }
    }

    /// A VM that was made to see an image boot, or something that belongs to it.
    pub fn part(part: Part, id: &ResourceId) -> Self {
        let id = id.to_string();
        match part {
            Part::Vm => Self::Vm { id },
            Part::Nic => Self::Nic { id },
            Part::Disk => Self::Disk { id },
        }
    }

    /// What of a VM it is, with the id as it is written.
    pub fn as_part(&self) -> Option<(Part, &str)> {
        match self {
            Self::Vm { id } => Some((Part::Vm, id)),
            Self::Nic { id } => Some((Part::Nic, id)),
            Self::Disk { id } => Some((Part::Disk, id)),
            Self::Template { .. } | Self::Blob(_) | Self::BlobByKey(_) | Self::Unknown(_) => None,
        }
    }

    /// Whether it is a template.
    pub fn is_template(&self) -> bool {
        matches!(self, Self::Template { .. })
    }

    /// Its place among what is deleted: what is quick and holds the user's files comes first, and what belongs to a VM after the VM. So does the
    /// output of a script, which the VM would write again.
    pub(super) fn removal_order(&self) -> u8 {
        match self {
            Self::Blob(blob) | Self::BlobByKey(blob) if blob.name().ends_with(origin::OUTPUT) => 2,
            Self::Blob(_) | Self::BlobByKey(_) | Self::Unknown(_) => 0,
            Self::Vm { .. } => 1,
            Self::Nic { .. } => 3,
            Self::Disk { .. } => 4,
            Self::Template { .. } => 5,
        }
    }

    /// What it is, for a sentence.
    pub fn describe(&self) -> String {
        let resource = |noun: &str, id: &String| match id.parse::<ResourceId>() {
            Ok(id) => format!(
                "{noun} '{}' in resource group '{}'",
                id.name(),
                id.resource_group()
            ),
            Err(_) => format!("{noun} '{}'", cut(id)),
        };
        match self {
            Self::Template { id } => resource("image template", id),
            Self::Vm { id } => resource(Part::Vm.noun(), id),
            Self::Nic { id } => resource(Part::Nic.noun(), id),
            Self::Disk { id } => resource(Part::Disk.noun(), id),
            Self::Blob(blob) | Self::BlobByKey(blob) => blob.to_string(),
            Self::Unknown(entry) => format!("what the note calls '{}'", cut(&display_name(entry))),
        }
    }

    /// The command that removes it, if that can be said of such a thing.
    fn removal_command(&self) -> Option<String> {
        match self {
            Self::Template { id } => {
                let id: ResourceId = id.parse().ok()?;
                id.is(IMAGE_TEMPLATE).then(|| {
                    format!(
                        "az image builder delete --subscription {} --resource-group {} --name {}",
                        quoted(id.subscription()),
                        quoted(id.resource_group()),
                        quoted(id.name())
                    )
                })
            }
            Self::Vm { id } => removal_of_part(Part::Vm, id),
            Self::Nic { id } => removal_of_part(Part::Nic, id),
            Self::Disk { id } => removal_of_part(Part::Disk, id),
            Self::Blob(blob) => Some(blob.removal_command("login")),
            Self::BlobByKey(blob) => Some(blob.removal_command("key")),
            Self::Unknown(_) => None,
        }
    }
}

/// The command that deletes a VM, or what belongs to one.
fn removal_of_part(part: Part, id: &str) -> Option<String> {
    let id: ResourceId = id.parse().ok()?;
    let (command, end) = match part {
        Part::Vm => ("az vm delete", " --force-deletion true --yes"),
        Part::Nic => ("az network nic delete", ""),
        Part::Disk => ("az disk delete", " --yes"),
    };
    id.is(part.resource_type()).then(|| {
        format!(
            "{command} --subscription {} --resource-group {} --name {}{end}",
            quoted(id.subscription()),
            quoted(id.resource_group()),
            quoted(id.name())
        )
    })
}

/// The name or id in an unknown entry, or all of it.
fn display_name(entry: &Value) -> String {
    let parts = entry.as_object().and_then(|entry| entry.values().next());
    let display_name = parts.and_then(|parts| parts.get("name").or_else(|| parts.get("id")));
    let display_name = display_name.and_then(Value::as_str);
    display_name.map_or_else(|| entry.to_string(), str::to_owned)
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Why something stays on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeepReason {
    /// A VHD, or the VM of a failed build, would go with it.
    HoldsResult,
    /// The author, or a tag, asks for it.
    Asked,
}

/// How sure it is that something is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ownership {
    /// It is: we have made it, or Azure says so.
    Ours,
    /// Its name is one that this run alone gives.
    ByName,
    /// It may be; its tags tell, once Azure is asked for them.
    ByTag {
        /// The run that they have to name.
        run: String,
    },
    /// It is not, or nothing speaks for it. It is left alone.
    NotOurs,
}

/// Something that could not be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotRemoved {
    /// What stays.
    pub leftover: Leftover,
    /// Who refused to remove it, and why, as a sentence.
    pub why: String,
    /// How sure it is that it is ours.
    pub ownership: Ownership,
}

impl NotRemoved {
    /// `leftover` stays for `reason`.
    pub fn of(leftover: Leftover, ownership: Ownership, reason: &str) -> Self {
        let why = match ownership {
            Ownership::Ours | Ownership::ByName | Ownership::ByTag { .. } => {
                format!("Deleting {} failed: {reason}", leftover.describe())
            }
            Ownership::NotOurs => format!("Left alone: {}: {reason}", leftover.describe()),
        };
        Self {
            leftover,
            why,
            ownership,
        }
    }

    /// What to run so that it goes, and what to compare before. Nothing for what is not ours.
    pub fn removal(&self) -> Option<String> {
        let command = self.command()?;
        Some(match self.condition() {
            Some(condition) => format!("{command} ({condition})"),
            None => command,
        })
    }

    /// The command that removes it, for a shell. Nothing for what is not ours.
    pub fn command(&self) -> Option<String> {
        match &self.ownership {
            Ownership::Ours | Ownership::ByName | Ownership::ByTag { .. } => {
                self.leftover.removal_command()
            }
            Ownership::NotOurs => None,
        }
    }

    /// What has to be so before the command is run, where nobody has looked yet.
    pub fn condition(&self) -> Option<String> {
        match &self.ownership {
            Ownership::ByTag { run } => Some(format!(
                "only if its tag '{}' is '{run}': then this run created it",
                tag::RUN
            )),
            Ownership::Ours | Ownership::ByName | Ownership::NotOurs => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Leftover {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn what_this_task_does_not_write_is_unknown() {
        let unknown = |text: &str| {
            let leftover = read(text);
            assert!(matches!(leftover, Leftover::Unknown(_)), "{leftover:?}");
            let not_removed = NotRemoved::of(leftover, Ownership::Ours, "");
            assert_eq!(not_removed.removal(), None, "{text}");
        };
        let blob = |name: &str, url: &str| {
            let account = r#"{"id":"/x","name":"st","blob_endpoint":"https://st.blob.example/"}"#;
            format!(
                r#"{{"blob":{{"account":{account},"container":"c","name":"{name}","url":"{url}"}}}}"#
            )
        };
        let good = blob("a/b.zip", "https://st.blob.example/c/a/b.zip");
        assert!(matches!(read(&good), Leftover::Blob(_)));
        unknown(&blob("a/../b.zip", "https://st.blob.example/c/b.zip"));
        unknown(&blob("../d/b.zip", "https://st.blob.example/d/b.zip"));
        unknown(&blob("a//b.zip", "https://st.blob.example/c/a//b.zip"));
        unknown(&blob(r"a\\b.zip", "https://st.blob.example/c/a%5Cb.zip"));
        unknown(&blob("a/b.zip", "https://evil.example/c/a/b.zip"));
        unknown(&good.replace("\"blob\"", "\"disk\""));
        unknown("17");
        unknown("null");
    }

    #[test]
    fn the_command_is_for_a_shell_and_for_what_is_ours_alone() {
        let id = "/subscriptions/s/resourceGroups/rg(1)/providers/Microsoft.VirtualMachineImages/imageTemplates/t_1";
        let leftover = Leftover::Template { id: id.to_owned() };
        let command =
            "az image builder delete --subscription s --resource-group 'rg(1)' --name t_1";
        let check = |ownership: Ownership, expected: Option<&str>| {
            let not_removed = NotRemoved::of(leftover.clone(), ownership, "no");
            assert_eq!(not_removed.removal().as_deref(), expected);
        };
        check(Ownership::Ours, Some(command));
        check(Ownership::ByName, Some(command));
        check(Ownership::NotOurs, None);
        let run = "c/p/4711".to_owned();
        let careful = format!(
            "{command} (only if its tag 'imageBuilderRun' is 'c/p/4711': then this run created it)"
        );
        check(Ownership::ByTag { run }, Some(&careful));
        let other = Leftover::Template {
            id: "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/t_1; rm"
                .to_owned(),
        };
        assert_eq!(NotRemoved::of(other, Ownership::Ours, "no").removal(), None);
    }

    #[test]
    fn a_machine_and_its_parts_are_written_down_and_have_a_command() {
        let group = crate::resource::ResourceGroupId::new("s", "rg(1)");
        let check = |part: Part, kind: &str, described: &str, command: &str| {
            let id = part.id(&group, "tst-1");
            let leftover = Leftover::part(part, &id);
            let text = serde_json::to_string(&leftover).unwrap();
            assert_eq!(text, format!(r#"{{"{kind}":{{"id":"{id}"}}}}"#));
            assert_eq!(read(&text), leftover);
            assert_eq!(leftover.as_part(), Some((part, id.as_str())));
            assert_eq!(leftover.describe(), described);
            let removal = NotRemoved::of(leftover, Ownership::Ours, "no").removal();
            assert_eq!(removal.as_deref(), Some(command));
        };
        check(
            Part::Vm,
            "vm",
            "VM 'tst-1' in resource group 'rg(1)'",
            "az vm delete --subscription s --resource-group 'rg(1)' --name tst-1 --force-deletion true --yes",
        );
        check(
            Part::Nic,
            "nic",
            "network interface 'tst-1' in resource group 'rg(1)'",
            "az network nic delete --subscription s --resource-group 'rg(1)' --name tst-1",
        );
        check(
            Part::Disk,
            "disk",
            "disk 'tst-1' in resource group 'rg(1)'",
            "az disk delete --subscription s --resource-group 'rg(1)' --name tst-1 --yes",
        );
        let id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/disks/a";
        let other = Leftover::Vm { id: id.to_owned() };
        assert_eq!(NotRemoved::of(other, Ownership::Ours, "no").removal(), None);
    }
}
