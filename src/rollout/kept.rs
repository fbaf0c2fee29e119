//! Old hosts that roll-outs have kept: drained, deallocated, with our tag on the VM.

use crate::resource::{ResourceId, quoted};

use super::{Host, Job};

/// The tag on the VM of a host that was replaced.
pub const TAG: &str = "imageRollout";
/// How its value begins where the host was kept.
pub const REPLACED: &str = "replaced-by:";
/// More are not looked at.
const MOST: usize = 200;

/// A host that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHost {
    /// Its name in the pool.
    pub name: String,
    /// Its VM.
    pub machine: ResourceId,
    /// The value of the tag: `replaced-by:<version>;<time>`.
    pub tag: String,
    /// The commands that remove it.
    pub commands: Vec<String>,
}

/// The kept hosts among `hosts`. What cannot be read is left out.
pub async fn of(job: &Job<'_>, hosts: &[Host]) -> Vec<KeptHost> {
    let drained = hosts
        .iter()
        .filter(|host| !host.is_wanted && !host.host.allow_new_session);
    let mut kept = Vec::new();
    for host in drained.take(MOST) {
        let Some(machine) = host.host.machine.clone() else {
            continue;
        };
        let Ok(Some(state)) = job.arm.machine_with_view(&machine).await else {
            continue;
        };
        let Some(tag) = state.tag(TAG).filter(|tag| tag.starts_with(REPLACED)) else {
            continue;
        };
        let pool = &job.request.pool;
        let id = format!("{pool}/sessionHosts/{}", host.host.name);
        kept.push(KeptHost {
            name: host.host.name.clone(),
            tag: tag.to_owned(),
            commands: vec![
                format!("az resource delete --ids {}", quoted(&id)),
                format!("az vm delete --yes --ids {}", quoted(machine.as_str())),
            ],
            machine,
        });
    }
    kept
}
