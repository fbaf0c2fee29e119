//! The boot diagnostics of a VM: a picture of its screen, and what it wrote to its serial port
//! (<https://learn.microsoft.com/rest/api/compute/virtual-machines/retrieve-boot-diagnostics-data>).

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request};
use serde_json::Value;

use super::api::MACHINES;
use super::client::{Call, Signer};
use super::failure::{Cause, Failure};
use super::resource_manager::Arm;
use super::retry::Repeat;
use crate::resource::ResourceId;
use crate::secret::Secret;

/// Where the pictures of a VM's screen and its serial log are. Who knows these links can read them.
#[derive(Debug, Clone)]
pub struct BootDiagnostics {
    /// A picture of the screen.
    pub screen: Option<Secret>,
    /// What was written to the serial port.
    pub serial: Option<Secret>,
}

impl Arm {
    /// The links to the boot diagnostics of a VM, valid for some minutes.
    pub async fn boot_diagnostics(&self, machine: &ResourceId) -> Result<BootDiagnostics, Failure> {
        let doing = format!("Asking for the boot diagnostics of VM '{}'", machine.name());
        let path =
            format!("{machine}/retrieveBootDiagnosticsData?sasUriExpirationTimeInMinutes=10");
        let call = self.request(&doing, Method::POST, path, MACHINES);
        let answer = self
            .change(call.repeated(Repeat::Always), MACHINES)
            .await?
            .resource;
        let link = |name: &str| {
            let link = answer.get(name).and_then(Value::as_str);
            link.map(|link| self.client.secret(link))
        };
        let links = BootDiagnostics {
            screen: link("consoleScreenshotBlobUri"),
            serial: link("serialConsoleLogBlobUri"),
        };
        if links.screen.is_none() && links.serial.is_none() {
            let cause = Cause::Unreadable("there is no link in it".to_owned());
            return Err(Failure::of(doing, cause));
        }
        Ok(links)
    }

    /// What is behind a link of boot diagnostics. No token goes there: the link itself is the permission.
    pub async fn behind_link(&self, doing: &str, link: &Secret) -> Result<Bytes, Failure> {
        let mut call = Call::new(doing, Method::GET, link.reveal(), &self.scope);
        call.signer = Some(Arc::new(ByLink));
        call.expects_json = false;
        Ok(self.client.send(&call).await?.into_body())
    }
}

/// The permission to read is in the address.
#[derive(Debug)]
struct ByLink;

impl Signer for ByLink {
    fn sign(&self, _: &mut Request<Bytes>) {}
}
