//! What `samples/setup/setup.ps1` would do, by reading it: PowerShell is not installed everywhere.

use std::fs;

use super::commands::{option, parts, who};
use super::expressions::SUBSCRIPTION;
use super::files::root;
use super::permissions::role;
use super::setup::{Facts, account, assignment, definition};

/// Statements of `setup.ps1`, one a line, with the variables that hold plain texts filled in.
fn statements() -> Vec<String> {
    let path = root().join("samples/setup/setup.ps1");
    let text = fs::read_to_string(path).unwrap().replace("`\n", " ");
    let mut variables = vec![("$subscription".to_owned(), SUBSCRIPTION.to_owned())];
    let mut statements = Vec::new();
    for line in text.lines().map(str::trim) {
        let assignment = line
            .split_once(" = ")
            .filter(|(name, _)| name.starts_with('$'));
        let (name, value) = assignment.map_or((None, line), |(name, value)| (Some(name), value));
        let mut value = value.replace("$networkGroup\"", "rg-network\"");
        // The longest names first, so that none is taken for the beginning of another.
        variables.sort_by_key(|(name, _): &(String, String)| std::cmp::Reverse(name.len()));
        for (known, text) in &variables {
            value = value.replace(known.as_str(), text);
        }
        match name {
            Some(name) if value.starts_with(['\'', '"']) => {
                variables.push((name.to_owned(), value.trim_matches(['\'', '"']).to_owned()));
            }
            Some(name) => statements.push(format!("{name} = {value}")),
            None => statements.push(value),
        }
    }
    statements
}

/// The text of a variable that is made of several lines: `$name = @("one", "two") -join ' '`.
fn joined(name: &str) -> String {
    let path = root().join("samples/setup/setup.ps1");
    let text = fs::read_to_string(path).unwrap();
    let (_, rest) = text.split_once(&format!("{name} = @(\n")).unwrap();
    let (lines, _) = rest.split_once("\n) -join ' '").unwrap();
    let lines: Vec<_> = lines
        .lines()
        .map(|line| line.trim().trim_matches('"'))
        .collect();
    lines.join(" ")
}

/// Words of a line; quotes hold a word together.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while let Some(first) = rest.chars().next() {
        let (word, after) = match first {
            '\'' | '"' => rest[1..].split_once(first).unwrap(),
            _ => rest.split_once(' ').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start();
    }
    words
}

/// The texts of `foreach ($name in 'one', 'two') {`.
fn loop_over<'a>(statements: &'a [String], name: &str) -> Vec<&'a str> {
    let start = format!("foreach (${name} in ");
    let line = statements
        .iter()
        .find_map(|line| line.strip_prefix(&start))
        .unwrap();
    line.split('\'').skip(1).step_by(2).collect()
}

/// What `setup.ps1` makes, and the resource providers that it registers.
pub(super) fn powershell_commands() -> (Facts, Vec<String>) {
    let statements = statements();
    let start = "$features = ";
    let feature = statements.iter().find(|line| line.starts_with(start));
    let feature: Vec<_> = feature.unwrap().split('\'').skip(1).step_by(2).collect();
    let mut facts: Facts = loop_over(&statements, "role")
        .into_iter()
        .map(|file| format!("role {}", role(file)["Name"].as_str().unwrap()))
        .collect();
    let commands = statements.iter().filter(|line| line.starts_with("New-Az"));
    facts.extend(commands.filter_map(|line| fact(line, &feature.join("="))));
    let providers = loop_over(&statements, "provider");
    (facts, providers.into_iter().map(str::to_owned).collect())
}

fn fact(statement: &str, feature: &str) -> Option<String> {
    let (command, options) = parts(&words(statement));
    let option = |name: &str| option(&command, &options, name);
    Some(match command.as_str() {
        "New-AzRoleDefinition" => return None,
        "New-AzResourceGroup" => format!("group {} in {}", option("Name"), option("Location")),
        "New-AzUserAssignedIdentity" => {
            format!("identity {} in {}", option("Name"), option("Location"))
        }
        "New-AzGallery" => format!("gallery {} in {}", option("Name"), option("Location")),
        "New-AzGalleryImageDefinition" => {
            assert_eq!(option("Feature"), "$features");
            definition(
                &format!("{}/{}", option("GalleryName"), option("Name")),
                &["Publisher", "Offer", "Sku"].map(option),
                &["OsType", "OsState", "HyperVGeneration", "Architecture"].map(option),
                feature,
            )
        }
        "New-AzStorageAccount" => account(
            option("Name"),
            &["Kind", "SkuName", "MinimumTlsVersion"].map(option),
            &[
                "EnableHttpsTrafficOnly",
                "AllowSharedKeyAccess",
                "AllowBlobPublicAccess",
            ]
            .map(|name| option(name).trim_start_matches('$').to_owned()),
        ),
        "New-AzRoleAssignment" => {
            assert_eq!(option("ObjectType"), "ServicePrincipal");
            assignment(
                option("RoleDefinitionName"),
                who(option("ObjectId")),
                option("Scope"),
                options.get("Condition").map(|name| joined(name)).as_deref(),
            )
        }
        other => panic!("{other}"),
    })
}
