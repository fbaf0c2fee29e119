//! The variables that a step sees: the pipeline's own and those of the agent.

use std::path::Path;

use crate::manifest::Manifest;
use crate::step::Step;
use crate::variables::Variables;

impl Step {
    /// The pipeline's variables together with those that the agent itself sets for a step.
    pub(crate) fn variables_in_scope(&self, manifest: &Manifest) -> Variables {
        let mut scope = self.variables.clone();
        let path = |path: &Path| path.display().to_string();
        for (name, value) in [
            ("Agent.WorkFolder", path(&self.directories.work)),
            ("Agent.TempDirectory", path(&self.directories.temp)),
            ("Agent.ToolsDirectory", path(&self.directories.tools)),
            (
                "System.DefaultWorkingDirectory",
                path(&self.directories.sources),
            ),
            ("Build.SourcesDirectory", path(&self.directories.sources)),
            (
                "Build.ArtifactStagingDirectory",
                path(&self.directories.artifacts),
            ),
            (
                "System.ArtifactsDirectory",
                path(&self.directories.artifacts),
            ),
            ("System.CollectionUri", self.system.url.clone()),
        ] {
            scope.set_default(name, value);
        }
        for (name, value) in AGENT_VARIABLES {
            scope.set_default(name, value);
        }
        scope.set("Agent.JobStatus", self.job_status.name());
        scope.set("System.TaskDisplayName", self.title(manifest));
        scope.set(
            "System.TaskInstanceName",
            self.name.clone().unwrap_or_default(),
        );
        scope
    }
}

/// Variables with fixed values, as a Microsoft-hosted Linux agent has them.
const AGENT_VARIABLES: [(&str, &str); 20] = [
    ("Agent.Id", "8"),
    ("Agent.Name", "Hosted Agent"),
    ("Agent.JobName", "Job"),
    ("Agent.OS", "Linux"),
    ("Agent.OSArchitecture", "X64"),
    ("Agent.Version", "4.260.0"),
    ("Agent.IsSelfHosted", "0"),
    ("System.Culture", "en-US"),
    ("System.HostType", "build"),
    (
        "System.CollectionId",
        "5a1d0c3e-8b2f-4d57-9c11-6f0e2b7a9d34",
    ),
    ("System.TeamProject", "shop"),
    (
        "System.TeamProjectId",
        "c2b6f3f0-4a57-4c0e-9f5e-3d1a7b8e6c21",
    ),
    ("System.PlanId", "7e9b1d52-3c48-4f6a-8d20-b1c4e5f60718"),
    ("System.JobId", "12f1170f-54f2-53f3-20dd-22fc7dff55f9"),
    ("System.JobAttempt", "1"),
    (
        "System.TaskInstanceId",
        "f3a5c7e9-1b2d-5f40-8e61-a7c9d0b2e4f6",
    ),
    ("System.DefinitionId", "7"),
    ("Build.BuildId", "4711"),
    ("Build.BuildNumber", "20240501.1"),
    ("Build.DefinitionName", "images"),
];
