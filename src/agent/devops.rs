//! Where the job's own Azure DevOps is.

use super::environment::Environment;
use super::names;

impl Environment {
    /// Addresses of the job's Azure DevOps collection. The system connection's comes from the server alone.
    pub fn collection_uris(&self) -> Vec<String> {
        let system = self.endpoint(names::SYSTEM_CONNECTION);
        let variables = ["System.CollectionUri", "System.TeamFoundationCollectionUri"];
        system
            .and_then(|system| system.url)
            .into_iter()
            .chain(variables.into_iter().filter_map(|name| self.variable(name)))
            .collect()
    }

    /// Where the job may ask for an OIDC token. Older servers do not say; the address then follows from the job
    /// (`createOidcToken` in <https://github.com/microsoft/azure-devops-node-api>, `api/TaskApi.ts`).
    pub fn oidc_request_uri(&self) -> Option<String> {
        self.text(names::SYSTEM_OIDC_REQUEST_URI).or_else(|| {
            let part = |name| self.variable(name);
            let collection = part("System.CollectionUri").or_else(|| part("System.TeamFoundationCollectionUri"))?;
            let (collection, project) = (collection.trim_end_matches('/'), part("System.TeamProjectId")?);
            let (hub, plan, job) = (part("System.HostType")?, part("System.PlanId")?, part("System.JobId")?);
            Some(format!(
                "{collection}/{project}/_apis/distributedtask/hubs/{hub}/plans/{plan}/jobs/{job}/oidctoken"
            ))
        })
    }
}
