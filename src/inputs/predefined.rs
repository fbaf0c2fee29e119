//! The variables that Azure Pipelines defines by itself
//! (<https://learn.microsoft.com/azure/devops/pipelines/build/variables>, <https://learn.microsoft.com/azure/devops/pipelines/release/variables>).

use super::macros;
use super::spelling::nearest;

/// What the names of such variables begin with. Nobody else's variables are called so: the agent keeps them.
const NAME_SPACES: &[&str] = &[
    "agent.",
    "build.",
    "checks.",
    "environment.",
    "pipeline.",
    "release.",
    "system.",
];

/// For "did you mean" only.
const NAMES: &[&str] = &[
    "Agent.BuildDirectory",
    "Agent.HomeDirectory",
    "Agent.Id",
    "Agent.JobName",
    "Agent.JobStatus",
    "Agent.MachineName",
    "Agent.Name",
    "Agent.OS",
    "Agent.OSArchitecture",
    "Agent.TempDirectory",
    "Agent.ToolsDirectory",
    "Agent.WorkFolder",
    "Build.ArtifactStagingDirectory",
    "Build.BinariesDirectory",
    "Build.BuildId",
    "Build.BuildNumber",
    "Build.BuildUri",
    "Build.ContainerId",
    "Build.CronSchedule.DisplayName",
    "Build.DefinitionName",
    "Build.DefinitionVersion",
    "Build.QueuedBy",
    "Build.QueuedById",
    "Build.Reason",
    "Build.Repository.Clean",
    "Build.Repository.Git.SubmoduleCheckout",
    "Build.Repository.ID",
    "Build.Repository.LocalPath",
    "Build.Repository.Name",
    "Build.Repository.Provider",
    "Build.Repository.Uri",
    "Build.RequestedFor",
    "Build.RequestedForEmail",
    "Build.RequestedForId",
    "Build.SourceBranch",
    "Build.SourceBranchName",
    "Build.SourceVersion",
    "Build.SourceVersionMessage",
    "Build.SourcesDirectory",
    "Build.StagingDirectory",
    "Build.TriggeredBy.BuildId",
    "Build.TriggeredBy.BuildNumber",
    "Build.TriggeredBy.DefinitionId",
    "Build.TriggeredBy.DefinitionName",
    "Build.TriggeredBy.ProjectID",
    "Checks.StageAttempt",
    "Environment.Id",
    "Environment.Name",
    "Environment.ResourceId",
    "Environment.ResourceName",
    "Pipeline.Workspace",
    "Release.Artifacts",
    "Release.AttemptNumber",
    "Release.DefinitionEnvironmentId",
    "Release.DefinitionId",
    "Release.DefinitionName",
    "Release.Deployment.RequestedFor",
    "Release.Deployment.StartTime",
    "Release.DeploymentID",
    "Release.EnvironmentId",
    "Release.EnvironmentName",
    "Release.EnvironmentUri",
    "Release.PrimaryArtifactSourceAlias",
    "Release.Reason",
    "Release.ReleaseDescription",
    "Release.ReleaseId",
    "Release.ReleaseName",
    "Release.ReleaseUri",
    "Release.ReleaseWebURL",
    "Release.RequestedFor",
    "System.AccessToken",
    "System.ArtifactsDirectory",
    "System.CollectionId",
    "System.CollectionUri",
    "System.Debug",
    "System.DefaultWorkingDirectory",
    "System.DefinitionId",
    "System.HostType",
    "System.JobAttempt",
    "System.JobDisplayName",
    "System.JobId",
    "System.JobName",
    "System.JobTimeout",
    "System.OidcRequestUri",
    "System.PhaseAttempt",
    "System.PhaseDisplayName",
    "System.PhaseName",
    "System.PlanId",
    "System.PullRequest.PullRequestId",
    "System.PullRequest.PullRequestNumber",
    "System.PullRequest.SourceBranch",
    "System.PullRequest.SourceCommitId",
    "System.PullRequest.TargetBranch",
    "System.PullRequest.TargetBranchName",
    "System.StageAttempt",
    "System.StageDisplayName",
    "System.StageName",
    "System.TeamFoundationCollectionUri",
    "System.TeamProject",
    "System.TeamProjectId",
    "System.TimelineId",
    "System.WorkFolder",
];

/// The predefined variable that `name` looks like, if it is none itself.
pub(super) fn predefined(name: &str) -> Option<&'static str> {
    let known = NAMES.iter().any(|known| known.eq_ignore_ascii_case(name));
    nearest(name, NAMES.iter().copied()).filter(|_| !known)
}

/// The names in `text` that stand in `$(…)` and can only be meant for the agent, each once.
pub(super) fn left_alone(text: &str) -> Vec<&str> {
    let mut found: Vec<&str> = Vec::new();
    for name in macros::names(text).filter(|name| is_the_agents(name)) {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn is_the_agents(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let lower = name.to_lowercase();
    let inside = NAME_SPACES
        .iter()
        .find_map(|space| lower.strip_prefix(space));
    let program = |rest: &str| PROGRAMS.contains(&rest);
    inside.is_some_and(|rest| !rest.is_empty() && !program(rest)) && name.chars().all(plain)
}

/// `$(build.sh)` calls a program.
const PROGRAMS: &[&str] = &["bat", "cmd", "exe", "ps1", "py", "sh"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_of_the_agent_are_told_from_the_shells_own() {
        let check =
            |text: &str, expected: &[&str]| assert_eq!(left_alone(text), expected, "{text}");
        check(
            "echo $(Build.BuildNumbr) $(build.buildnumbr2)",
            &["Build.BuildNumbr", "build.buildnumbr2"],
        );
        check(
            "$(System.JobId)$(System.JobId) $(Release.X)",
            &["System.JobId", "Release.X"],
        );
        check(
            "$(date) $(build) $(build.sh x) $(build.sh) $([System.IO.Path]::Combine(1)) $(Agent.) $(my.variable)",
            &[],
        );
        check("$(Build.", &[]);
    }

    #[test]
    fn misspelt_variables_have_a_neighbour() {
        assert_eq!(predefined("build.buildnumbr"), Some("Build.BuildNumber"));
        assert_eq!(predefined("Build.BuildNumber"), None);
        assert_eq!(predefined("RESOURCE_GROUP"), None);
    }

    #[test]
    fn every_name_lies_in_a_name_space() {
        for name in NAMES {
            assert!(is_the_agents(name), "{name}");
        }
    }
}
