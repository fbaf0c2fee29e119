//! Macros of Azure Pipelines, `$(name)`, in texts in which the agent has replaced those that it knows. They do not nest.

use super::spelling::nearest;

/// The names that stand in `$(…)`, in their order.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    let after = text.split("$(").skip(1);
    after.filter_map(|rest| rest.split_once(')').map(|(name, _)| name))
}

/// `text` with a value in place of each macro for which `value` has one.
pub(super) fn replaced<E>(
    text: &str,
    mut value: impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<String, E> {
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("$(") {
        result.push_str(before);
        rest = after;
        if let Some((name, behind)) = after.split_once(')')
            && let Some(value) = value(name)?
        {
            result.push_str(&value);
            rest = behind;
        } else {
            result.push_str("$(");
        }
    }
    Ok(result + rest)
}

/// The name in a `$(name)` that the agent left alone, because there is no such variable.
pub(super) fn unexpanded(text: &str) -> Option<&str> {
    names(text).find(|name| is_variable_name(name))
}

pub(super) fn is_variable_name(name: &str) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "._- ".contains(c);
    !name.trim().is_empty() && name.chars().all(plain)
}

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
    for name in names(text).filter(|name| is_the_agents(name)) {
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
    fn macros_that_were_left_alone_are_found() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(unexpanded(text), expected, "{text}");
        };
        check("$(SUBSCRIPTION_ID)", Some("SUBSCRIPTION_ID"));
        check("/a/$(Build.BuildId)/b", Some("Build.BuildId"));
        check("$(a$(inner)", Some("inner"));
        check("$(", None);
        check("$()", None);
        check("$(a/b)", None);
        check("plain", None);
        check(&"$(".repeat(50_000), None);
    }

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
