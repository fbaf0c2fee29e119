//! `samples/setup` three times: the template, the lines of Azure CLI and those of PowerShell make the same. Each is read into sentences.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Value, json};

use super::commands::{az_commands, run_with_stand_in, who};
use super::deployments::{Resource, deploy, template};
use super::expressions::SUBSCRIPTION;
use super::files::root;
use super::permissions::{ROLES, role};
use super::powershell::powershell_commands;
use crate::texts::check_starts;

pub(super) type Facts = BTreeSet<String>;

/// The image builder's own, and the six that a build uses on the way.
const PROVIDERS: [&str; 7] = [
    "VirtualMachineImages",
    "Compute",
    "KeyVault",
    "Storage",
    "Network",
    "ContainerInstance",
    "ManagedIdentity",
];
/// Of the blobs of the subscription, the logs of builds alone.
const LOG_ONLY: &str = "((!(ActionMatches{'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'packerlogs'))";

/// With a network, so that the role on it is there, too.
fn resources(more: &[(&str, Value)]) -> Vec<Resource> {
    let mut given = vec![("virtualNetworkResourceGroupName", json!("rg-network"))];
    given.extend(more.iter().cloned());
    deploy(&template("setup/main.json"), &given, None)
}

/// The name of a role by its definition's id.
fn role_name(id: &str) -> String {
    for (name, number) in [
        (
            "Storage Blob Data Contributor",
            "ba92f5b4-2d11-453d-a403-e96b0029c9fe",
        ),
        (
            "Storage Blob Data Reader",
            "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        ),
    ] {
        if id.ends_with(number) {
            return name.to_owned();
        }
    }
    let guid = format!("guid(~subscriptions~{SUBSCRIPTION},");
    id.split_once(&guid)
        .unwrap()
        .1
        .trim_end_matches(')')
        .to_owned()
}

fn fact(resource: &Resource) -> Option<String> {
    let name = &resource.name;
    Some(match resource.kind.as_str() {
        "Microsoft.Resources/resourceGroups" => {
            format!("group {name} in {}", resource.text("/location"))
        }
        "Microsoft.ManagedIdentity/userAssignedIdentities" => {
            format!("identity {name} in {}", resource.text("/location"))
        }
        "Microsoft.Compute/galleries" => {
            format!("gallery {name} in {}", resource.text("/location"))
        }
        "Microsoft.Compute/galleries/images" => definition(
            name,
            &["publisher", "offer", "sku"]
                .map(|part| resource.text(&format!("/properties/identifier/{part}"))),
            &["osType", "osState", "hyperVGeneration", "architecture"]
                .map(|part| resource.text(&format!("/properties/{part}"))),
            &["name", "value"]
                .map(|part| resource.text(&format!("/properties/features/0/{part}")))
                .join("="),
        ),
        "Microsoft.Storage/storageAccounts" => {
            let flag = |name: &str| resource.body["properties"][name].as_bool().unwrap();
            account(
                name,
                &[
                    resource.text("/kind"),
                    resource.text("/sku/name"),
                    resource.text("/properties/minimumTlsVersion"),
                ],
                &[
                    "supportsHttpsTrafficOnly",
                    "allowSharedKeyAccess",
                    "allowBlobPublicAccess",
                ]
                .map(|one| flag(one).to_string()),
            )
        }
        "Microsoft.Authorization/roleDefinitions" => {
            format!("role {}", resource.text("/properties/roleName"))
        }
        "Microsoft.Authorization/roleAssignments" => assigned(resource),
        "Microsoft.Resources/deployments" => return None,
        other => panic!("{other}"),
    })
}

fn assigned(resource: &Resource) -> String {
    let principal = resource.text("/properties/principalId");
    let scope = resource.body["scope"]
        .as_str()
        .map(|scope| format!("/providers/{scope}"));
    let group = resource
        .group
        .as_ref()
        .map(|group| format!("/resourceGroups/{group}"));
    assignment(
        &role_name(resource.text("/properties/roleDefinitionId")),
        who(principal),
        &format!(
            "/subscriptions/{SUBSCRIPTION}{}{}",
            group.unwrap_or_default(),
            scope.unwrap_or_default()
        ),
        resource.body["properties"]["condition"].as_str(),
    )
}

pub(super) fn definition(
    name: &str,
    identifier: &[&str; 3],
    system: &[&str; 4],
    feature: &str,
) -> String {
    format!(
        "definition {name} is {} of {}, {feature}",
        system.join(" "),
        identifier.join(":")
    )
}

pub(super) fn account(name: &str, kind: &[&str; 3], flags: &[String; 3]) -> String {
    let [https, keys, public] = flags;
    format!(
        "account {name} is {}, HTTPS {https}, keys {keys}, public {public}",
        kind.join(" ")
    )
}

pub(super) fn assignment(role: &str, who: &str, scope: &str, condition: Option<&str>) -> String {
    let condition = condition.map(|text| format!(", if {text}"));
    format!(
        "{who} is '{role}' on {scope}{}",
        condition.unwrap_or_default()
    )
}

/// What the doctor wants to be registered is registered: by the scripts, and by the lines of the pages.
#[test]
fn the_providers_are_those_that_the_doctor_wants() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let doctor = read("docs/doctor.md");
    let row = doctor
        .lines()
        .find(|line| line.starts_with("| resource providers |"));
    let (_, list) = row.unwrap().split_once("are registered: ").unwrap();
    let (list, _) = list.split_once(" |").unwrap();
    let wanted: BTreeSet<_> = list.split(", ").chain(["VirtualMachineImages"]).collect();
    assert_eq!(wanted, PROVIDERS.into());
    let shell = format!("for provider in {}; do", PROVIDERS.join(" "));
    let powershell = format!("foreach ($provider in '{}')", PROVIDERS.join("', '"));
    for (page, lines) in [
        ("docs/getting-started.md", vec![&shell]),
        ("samples/setup/README.md", vec![&shell, &powershell]),
    ] {
        let text = read(page);
        assert!(lines.iter().all(|line| text.contains(*line)), "{page}");
    }
    assert!(read("overview.md").contains("Seven resource providers"));
}

/// Nothing but the log of a build is read by a role on the whole subscription: no other blob, and a secret of no other place.
#[test]
fn on_the_subscription_no_blob_but_the_log_is_read() {
    let all = by_template();
    let on_subscription = format!(" on /subscriptions/{SUBSCRIPTION}");
    let given: Vec<_> = all
        .iter()
        .filter_map(|fact| fact.split_once(&on_subscription))
        .filter(|(_, rest)| !rest.starts_with('/'))
        .collect();
    let condition = format!(", if {LOG_ONLY}");
    let expected = [
        ("pipeline is 'Image Builder Task log'", condition.as_str()),
        ("pipeline is 'Image Builder Task reader'", ""),
        ("release is 'Image Builder Task release reader'", ""),
    ];
    assert_eq!(given, expected);
    let telling = [
        "/logs/",
        "/keys",
        "Microsoft.Storage",
        "ContainerInstance",
        "*",
    ];
    for reader in ["reader", "release-reader"].map(role) {
        assert_eq!(reader["DataActions"], json!([]));
        let actions = reader["Actions"].as_array().unwrap().iter();
        for action in actions.map(|action| action.as_str().unwrap()) {
            assert!(action.ends_with("/read"), "{action}");
            assert!(
                telling.iter().all(|part| !action.contains(part)),
                "{action}"
            );
        }
    }
}

fn by_template() -> Facts {
    resources(&[]).iter().filter_map(fact).collect()
}

#[test]
fn the_template_makes_what_the_cli_makes() {
    let (facts, providers) = az_commands();
    assert_eq!(facts, by_template());
    assert_eq!(providers, PROVIDERS);
}

#[test]
fn the_template_makes_what_powershell_makes() {
    let (facts, providers) = powershell_commands();
    assert_eq!(facts, by_template());
    assert_eq!(providers, PROVIDERS);
}

#[test]
fn roles_in_the_template_are_those_of_the_files() {
    let made = resources(&[]);
    for file in ROLES.map(role) {
        let name = file["Name"].as_str().unwrap();
        let mut made = made
            .iter()
            .filter(|one| one.body["properties"]["roleName"] == name);
        let properties = &made.next().unwrap().body["properties"];
        assert_eq!(properties["description"], file["Description"]);
        assert_eq!(properties["type"], "CustomRole");
        let permissions = &properties["permissions"][0];
        for (own, files) in [
            ("actions", "Actions"),
            ("notActions", "NotActions"),
            ("dataActions", "DataActions"),
            ("notDataActions", "NotDataActions"),
        ] {
            assert_eq!(permissions[own], file[files], "{name}: {own}");
        }
        assert_eq!(
            file["AssignableScopes"],
            json!(["/subscriptions/00000000-0000-0000-0000-000000000000"])
        );
    }
}

#[test]
fn the_federation_is_made_once_the_connection_is_known() {
    let of = |resources: Vec<Resource>| {
        let kind = "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials";
        resources.into_iter().find(|one| one.kind == kind)
    };
    assert!(of(resources(&[])).is_none());
    let made = of(resources(&[
        (
            "serviceConnectionIssuer",
            json!("https://login.microsoftonline.com/t/v2.0"),
        ),
        ("serviceConnectionSubject", json!("/eid1/c/pub/t/x/sc/y")),
    ]));
    let made = made.unwrap();
    assert_eq!(made.name, "id-image-pipeline/azure-pipelines");
    assert_eq!(
        made.text("/properties/audiences/0"),
        "api://AzureADTokenExchange"
    );
}

/// Image definitions and galleries are checked against the published definition of Microsoft.Compute.
#[test]
fn image_definitions_are_as_published() {
    let path = root().join("tests/testdata/openapi/gallery-images.json");
    let published: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    for (kind, definition) in [
        ("Microsoft.Compute/galleries", "GalleryProperties"),
        (
            "Microsoft.Compute/galleries/images",
            "GalleryImageProperties",
        ),
    ] {
        let schema = json!({ "definitions": published["definitions"], "$ref": format!("#/definitions/{definition}") });
        let validator = jsonschema::draft4::new(&schema).unwrap();
        let members = published["definitions"][definition]["properties"]
            .as_object()
            .unwrap();
        let made: Vec<_> = resources(&[])
            .into_iter()
            .filter(|one| one.kind == kind)
            .collect();
        assert!(!made.is_empty());
        for resource in made {
            let properties = &resource.body["properties"];
            let offences: Vec<_> = validator
                .iter_errors(properties)
                .map(|one| one.to_string())
                .collect();
            assert!(offences.is_empty(), "{offences:#?}");
            let unknown = properties
                .as_object()
                .unwrap()
                .keys()
                .find(|name| !members.contains_key(*name));
            assert_eq!(unknown, None);
        }
    }
}

/// The script that makes the service connection, with stand-ins for what it calls.
#[test]
fn the_service_connection_is_made_as_documented() {
    let recorded = run_with_stand_in("setup/service-connection.sh", &["contoso", "shop"]);
    let body = recorded.iter().find_map(|words| {
        let at = words.iter().position(|word| word == "--body")?;
        Some(serde_json::from_str::<Value>(&words[at + 1]).unwrap())
    });
    let body = body.unwrap();
    assert_eq!(
        body["authorization"]["scheme"],
        "WorkloadIdentityFederation"
    );
    assert_eq!(body["data"]["creationMode"], "Manual");
    assert_eq!(
        body["serviceEndpointProjectReferences"][0]["projectReference"]["name"],
        "shop"
    );
    let last = recorded.last().unwrap().join(" ");
    check_starts(&last, "identity federated-credential create");
}

/// Who releases an image is not who builds it.
#[test]
fn the_service_connection_of_releases_is_another_one() {
    let words = ["contoso", "shop", "images-release", "id-image-release"];
    let recorded = run_with_stand_in("setup/service-connection.sh", &words);
    let said: Vec<String> = recorded.iter().map(|words| words.join(" ")).collect();
    assert!(
        said.iter()
            .any(|line| line.contains("\"name\": \"images-release\""))
    );
    assert!(!said.iter().any(|line| line.contains("id-image-pipeline")));
    let release = |fact: &&String| fact.starts_with("release is ");
    let given: Vec<_> = by_template().iter().filter(release).cloned().collect();
    assert_eq!(given.len(), 2, "{given:#?}");
    // Not even by accident: each may do what the other must not.
    let may = |name: &str, action: &str| {
        let role = role(name);
        let mut actions = role["Actions"].as_array().unwrap().iter();
        actions.any(|known| known == action)
    };
    let delete = "Microsoft.Compute/galleries/images/versions/delete";
    let write = "Microsoft.Compute/galleries/images/versions/write";
    assert!(may("release", delete) && may("release", write));
    assert!(!may("pipeline", delete) && !may("pipeline", write));
}

/// The two scripts for the service connection say the same to Azure DevOps.
#[test]
fn both_make_the_same_service_connection() {
    let read = |name: &str| fs::read_to_string(root().join("samples/setup").join(name)).unwrap();
    for script in ["service-connection.sh", "service-connection.ps1"].map(read) {
        for word in [
            "499b84ac-1321-427f-aa17-267ca6975798",
            "/_apis/serviceendpoint/endpoints?api-version=7.1",
            "WorkloadIdentityFederation",
            "serviceEndpointProjectReferences",
            "creationMode",
            "Manual",
            "serviceprincipalid",
            "workloadIdentityFederationIssuer",
            "workloadIdentityFederationSubject",
            "api://AzureADTokenExchange",
            "azure-pipelines",
            "images-prod",
            "id-image-pipeline",
        ] {
            assert!(script.contains(word), "{word} is missing in\n{script}");
        }
    }
}
