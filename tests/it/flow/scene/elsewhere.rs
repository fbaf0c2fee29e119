//! What others do in the cloud, beside the step: someone in the portal, and an earlier step of the job.

use azure_emulator::{Addresses, Cloud, World};

use super::Scene;

impl Scene {
    /// Someone else, who signs in with a secret, cancels the one run that there is.
    pub(crate) fn cancel_in_the_portal(cloud: &Cloud) {
        let world = World::contoso(Addresses::in_process());
        let (login, arm) = (&world.addresses.login, &world.addresses.arm);
        let application = &world.applications[0];
        let form = format!(
            "grant_type=client_credentials&client_id={}&client_secret={}&scope={arm}/.default",
            application.client,
            application.secret.as_deref().unwrap()
        );
        let url = format!("{login}/{}/oauth2/v2.0/token", world.tenant);
        let token = post(
            cloud,
            &url,
            &form,
            "application/x-www-form-urlencoded",
            None,
        )
        .into_body();
        let token: serde_json::Value = serde_json::from_slice(&token).unwrap();
        let bearer = format!("Bearer {}", token["access_token"].as_str().unwrap());
        let journal = cloud.journal();
        let run = journal
            .iter()
            .find(|entry| entry.operation == Some("RunTemplate"));
        let path = run.unwrap().path.replace("/run", "/cancel");
        let url = format!("{arm}{path}?api-version=2025-10-01");
        assert_eq!(
            post(cloud, &url, "", "application/json", Some(&bearer))
                .status()
                .as_u16(),
            204
        );
    }

    /// An OIDC token for the service connection, as an earlier step may have got it.
    pub(crate) fn oidc_token(&self) -> String {
        let (cloud, _) = self.cloud();
        let pipelines = &self.world.pipelines;
        let connection = &pipelines.service_connections[0].id;
        let variables = &self.step.variables;
        let address = &variables.get("System.OidcRequestUri").unwrap().value;
        let url = format!("{address}?api-version=7.1&serviceConnectionId={connection}");
        let bearer = format!("Bearer {}", pipelines.job_token);
        let answer = post(&cloud, &url, "", "application/json", Some(&bearer)).into_body();
        let answer: serde_json::Value = serde_json::from_slice(&answer).unwrap();
        answer["oidcToken"].as_str().unwrap().to_owned()
    }
}

fn post(
    cloud: &Cloud,
    url: &str,
    body: &str,
    kind: &str,
    bearer: Option<&str>,
) -> http::Response<bytes::Bytes> {
    let mut request = http::Request::post(url)
        .header("content-type", kind)
        .header("content-length", body.len());
    if let Some(bearer) = bearer {
        request = request.header("authorization", bearer);
    }
    let request = request.body(bytes::Bytes::copy_from_slice(body.as_bytes()));
    cloud.answer(request.unwrap()).response().unwrap()
}
