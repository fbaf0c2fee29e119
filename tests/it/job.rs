//! A pipeline job as the core sees it: complete and valid, for tests that change one thing.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use image_builder::inputs::{Plan, Problems, RawConnection, RawInputs, task};
use image_builder::secret::{Masker, Secret};
use tempfile::TempDir;

pub(crate) const SUBSCRIPTION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111";
pub(crate) const CONNECTION_ID: &str = "c0ffee00-0000-4000-8000-000000000001";

/// What a masker was told.
#[derive(Debug, Default)]
pub(crate) struct Masked(pub(crate) Mutex<Vec<String>>);

impl Masker for Masked {
    fn mask(&self, value: &str) {
        self.0.lock().unwrap().push(value.to_owned());
    }
}

/// A job, and the folder it works in.
pub(crate) struct Job {
    pub(crate) given: RawInputs,
    pub(crate) masked: Masked,
    folder: TempDir,
}

/// A managed image from a managed image, with a package `webapp` that has one file.
pub(crate) fn job() -> Job {
    let folder = tempfile::tempdir().unwrap();
    let masked = Masked::default();
    let given = RawInputs {
        connection: Some(secret_connection()),
        oidc_request_uri: Some("https://dev.azure.example/contoso/oidctoken".to_owned()),
        collection_uris: vec!["https://dev.azure.example/contoso/".to_owned()],
        job_token: Some(Secret::new("job-token", &masked)),
        working_directory: folder.path().to_owned(),
        build_id: Some("4711".to_owned()),
        unique: 1_763_800_000_000_000,
        ..RawInputs::default()
    };
    let job = Job {
        given,
        masked,
        folder,
    };
    job.package("webapp")
        .input(
            "managedIdentity",
            &id("Microsoft.ManagedIdentity/userAssignedIdentities/id-image-builder"),
        )
        .input(
            "customImageResourceId",
            &id("Microsoft.Compute/images/base"),
        )
        .input("imageIdForDistribute", &id("Microsoft.Compute/images/web"))
        .input("storageAccountName", "stimagebuilder")
        // Both shells take it.
        .input("inlineScript", "cd .")
        .input("ibSubscription", CONNECTION_ID)
        .input("ibAzureResourceGroup", "rg-images")
        .input("ibLocation", "westeurope")
        .input("vmSize", "")
}

/// The id of a resource in the usual group.
pub(crate) fn id(rest: &str) -> String {
    format!("{SUBSCRIPTION}/resourceGroups/rg-images/providers/{rest}")
}

/// The usual job, with a version of a gallery image as its target.
pub(crate) fn gallery() -> Job {
    job().input("distributeType", "sig").input(
        "galleryImageId",
        &id("Microsoft.Compute/galleries/gallery/images/web"),
    )
}

pub(crate) fn secret_connection() -> RawConnection {
    let pairs = |pairs: &[(&str, &str)]| {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    };
    RawConnection {
        id: CONNECTION_ID.to_owned(),
        url: Some("https://management.azure.com/".to_owned()),
        scheme: Some("ServicePrincipal".to_owned()),
        parameters: pairs(&[
            ("tenantid", "22222222-2222-2222-2222-222222222222"),
            ("serviceprincipalid", "33333333-3333-3333-3333-333333333333"),
            ("serviceprincipalkey", "a-client-secret"),
            ("authenticationtype", "spnKey"),
        ]),
        data: pairs(&[
            ("subscriptionid", "11111111-1111-1111-1111-111111111111"),
            ("environment", "AzureCloud"),
        ]),
    }
}

impl Job {
    pub(crate) fn input(mut self, name: &str, value: &str) -> Self {
        self.given
            .inputs
            .insert(name.to_lowercase(), value.to_owned());
        self
    }

    pub(crate) fn inputs(self, inputs: &[(&str, &str)]) -> Self {
        inputs
            .iter()
            .fold(self, |job, (name, value)| job.input(name, value))
    }

    /// A folder in the working directory with one file in it, as the package.
    pub(crate) fn package(self, name: &str) -> Self {
        let folder = self.path(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("install.sh"), "echo installed\n").unwrap();
        let text = folder.to_str().unwrap().to_owned();
        self.input("packagePath", &text)
    }

    /// A path in the working directory.
    pub(crate) fn path(&self, rest: &str) -> PathBuf {
        self.folder.path().join(rest)
    }

    /// Changes the connection.
    pub(crate) fn connection(mut self, change: impl FnOnce(&mut RawConnection)) -> Self {
        change(self.given.connection.as_mut().unwrap());
        self
    }

    pub(crate) fn plan(&self) -> Result<Plan, Problems> {
        let task = task(&self.given, &self.masked)?;
        Ok(task.plan().expect("the action has a plan"))
    }

    /// The text with the working directory, which differs from run to run, as `{dir}`.
    pub(crate) fn redacted(&self, text: &str) -> String {
        text.replace(self.folder.path().to_str().unwrap(), "{dir}")
    }
}
