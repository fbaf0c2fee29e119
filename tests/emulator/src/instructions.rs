//! What people need to point their tools at a running emulator: the text at its start, and a file of shell variables.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use azure_emulator::World;

const FIDELITY: &str = include_str!("../FIDELITY.md");

/// Writes `environment.sh` into the folder of the certificate: variables for Azure CLI, Microsoft's libraries and a pipeline agent.
///
/// # Errors
///
/// When the file cannot be written.
pub(crate) fn write_environment(world: &World, ca: &Path) -> io::Result<PathBuf> {
    let folder = ca.parent().unwrap_or(ca);
    let file = folder.join("environment.sh");
    std::fs::write(&file, environment(world, ca, folder))?;
    Ok(file)
}

/// What is said at the start.
pub(crate) fn text(world: &World, environment: &Path, ca: &Path) -> String {
    let addresses = &world.addresses;
    let (client, secret) = application(world);
    let (all, count) = (rows().count(), rows().filter(is_assumed).count());
    let guesses = assumed();
    let (arm, login, devops) = (&addresses.arm, &addresses.login, &addresses.devops);
    format!(
        "Of {all} rows of FIDELITY.md these {count} are assumed, at least in part:\n{guesses}\n\
         Azure Resource Manager  {arm}\nMicrosoft Entra ID      {login}\nAzure Pipelines         {devops}\nBlob storage            {blob}\n\n\
         Set the variables, in each terminal that is to use the emulator:\n\
         \x20 . {environment}\n\n\
         Azure CLI (its settings are kept apart from those that you have):\n\
         \x20 az cloud register --name AzureEmulator --endpoint-resource-manager {arm}\n\
         \x20 az cloud set --name AzureEmulator\n\
         \x20 az config set core.instance_discovery=false\n\
         \x20 az login --service-principal --username {client} --password {secret} --tenant {tenant}\n\n\
         A pipeline agent on this machine: start it with NODE_EXTRA_CA_CERTS={ca}\n\
         The service connection 'azurerm' of its pipelines:\n\
         \x20 url                       {arm}/\n\
         \x20 scheme                    ServicePrincipal, authenticationType spnKey\n\
         \x20 tenantid                  {tenant}\n\
         \x20 serviceprincipalid        {client}\n\
         \x20 serviceprincipalkey       {secret}\n\
         \x20 subscriptionId            {subscription}\n\
         \x20 environment               AzureStack\n\
         \x20 activeDirectoryAuthority  {login}/\n\n\
         Journal {arm}/_emulator/journal, inventory {arm}/_emulator/inventory, faults {arm}/_emulator/faults; docs/emulator.md has more\n",
        blob = blob(world),
        environment = environment.display(),
        tenant = world.tenant,
        subscription = world.subscription,
        ca = ca.display(),
    )
}

/// The rows of `FIDELITY.md` that rest on an assumption, one a line.
pub(crate) fn assumed() -> String {
    rows()
        .filter(is_assumed)
        .fold(String::new(), |mut text, row| {
            let mut cells = row.trim_matches('|').split(" | ").map(str::trim);
            let (operation, behavior) = (cells.next(), cells.next());
            let source = cells.last();
            let cell = Option::unwrap_or_default;
            // Writing into a String cannot fail.
            let _written = writeln!(
                text,
                "{}: {} ({})",
                cell(operation),
                cell(behavior),
                cell(source)
            );
            text
        })
}

fn rows() -> impl Iterator<Item = &'static str> {
    let is_row = |line: &&str| line.starts_with("| ") && !line.starts_with("| operation");
    FIDELITY.lines().filter(is_row)
}

fn is_assumed(row: &&str) -> bool {
    row.trim_end_matches('|')
        .rsplit(" | ")
        .next()
        .is_some_and(|source| source.contains("assumed"))
}

fn blob(world: &World) -> String {
    let account = world.storage_accounts.first();
    account.map_or_else(String::new, |account| {
        world.addresses.blob_endpoint(&account.name)
    })
}

fn environment(world: &World, ca: &Path, folder: &Path) -> String {
    let variables = for_clients(world, ca, folder)
        .into_iter()
        .chain(for_tasks(world));
    let lines: Vec<String> = variables
        .map(|(name, value)| format!("export {name}={}\n", quoted(&value)))
        .collect();
    lines.concat()
}

/// What Azure CLI, Microsoft's libraries and curl read.
fn for_clients(world: &World, ca: &Path, folder: &Path) -> Vec<(&'static str, String)> {
    let (client, secret) = application(world);
    let cli = folder.join("azure-cli").display().to_string();
    let mut variables = vec![
        ("AZURE_EMULATOR", world.addresses.arm.clone()),
        ("AZURE_EMULATOR_BLOBS", blob(world)),
        ("AZURE_AUTHORITY_HOST", world.addresses.login.clone()),
        ("AZURE_TENANT_ID", world.tenant.clone()),
        ("AZURE_SUBSCRIPTION_ID", world.subscription.clone()),
        ("AZURE_CLIENT_ID", client),
        ("AZURE_CLIENT_SECRET", secret),
        ("AZURE_CONFIG_DIR", cli),
    ];
    let trusting = [
        "REQUESTS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "CURL_CA_BUNDLE",
        "AGENT_CAINFO",
        "SSL_CERT_FILE",
    ];
    variables.extend(trusting.map(|name| (name, ca.display().to_string())));
    variables
}

/// What a job of Azure Pipelines has for workload identity federation (`AzurePipelinesCredential` of the libraries reads it), and a service
/// connection as the agent hands it to a task. Its id is a GUID there, which no shell takes in a name.
fn for_tasks(world: &World) -> Vec<(&'static str, String)> {
    let (client, secret) = application(world);
    let (addresses, pipelines) = (&world.addresses, &world.pipelines);
    let connection = pipelines.service_connections.first();
    let oidc = format!(
        "{}/{}/{}/_apis/distributedtask/hubs/build/plans/plan/jobs/job/oidctoken",
        addresses.devops, pipelines.organization, pipelines.project_id
    );
    let connection = connection.map(|connection| connection.id.clone());
    let collection = format!("{}/{}/", addresses.devops, pipelines.organization);
    vec![
        // The job's token goes to the server of the job's own collection only.
        ("SYSTEM_COLLECTIONURI", collection),
        ("SYSTEM_OIDCREQUESTURI", oidc),
        ("SYSTEM_ACCESSTOKEN", pipelines.job_token.clone()),
        ("AZURESUBSCRIPTION_TENANT_ID", world.tenant.clone()),
        ("AZURESUBSCRIPTION_CLIENT_ID", client.clone()),
        (
            "AZURESUBSCRIPTION_SERVICE_CONNECTION_ID",
            connection.unwrap_or_default(),
        ),
        ("ENDPOINT_URL_emulator", format!("{}/", addresses.arm)),
        (
            "ENDPOINT_AUTH_SCHEME_emulator",
            "ServicePrincipal".to_owned(),
        ),
        (
            "ENDPOINT_AUTH_PARAMETER_emulator_AUTHENTICATIONTYPE",
            "spnKey".to_owned(),
        ),
        (
            "ENDPOINT_AUTH_PARAMETER_emulator_TENANTID",
            world.tenant.clone(),
        ),
        (
            "ENDPOINT_AUTH_PARAMETER_emulator_SERVICEPRINCIPALID",
            client,
        ),
        (
            "ENDPOINT_AUTH_PARAMETER_emulator_SERVICEPRINCIPALKEY",
            secret,
        ),
        (
            "ENDPOINT_DATA_emulator_SUBSCRIPTIONID",
            world.subscription.clone(),
        ),
        (
            "ENDPOINT_DATA_emulator_ENVIRONMENT",
            "AzureStack".to_owned(),
        ),
        (
            "ENDPOINT_DATA_emulator_ACTIVEDIRECTORYAUTHORITY",
            format!("{}/", addresses.login),
        ),
    ]
}

/// Client id and secret of the application that clients sign in as.
fn application(world: &World) -> (String, String) {
    world.applications.first().map_or_else(
        || (String::new(), String::new()),
        |application| {
            let secret = application.secret.clone().unwrap_or_default();
            (application.client.clone(), secret)
        },
    )
}

/// The text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use azure_emulator::Addresses;

    #[test]
    fn the_file_sets_what_clients_read() {
        let world = World::contoso(Addresses::loopback(1, 2, 3, 4));
        let file = environment(&world, Path::new("/it's here/ca.pem"), Path::new("/f"));
        for line in [
            "export AZURE_EMULATOR='https://localhost:1'",
            "export AZURE_EMULATOR_BLOBS='https://localhost:4/stcontosoimages/'",
            "export AZURE_AUTHORITY_HOST='https://localhost:2'",
            "export SYSTEM_COLLECTIONURI='https://localhost:3/contoso/'",
            "export AZURE_CLIENT_SECRET='contoso~secret.for-the-emulator_only'",
            "export AZURE_CONFIG_DIR='/f/azure-cli'",
            r"export SSL_CERT_FILE='/it'\''s here/ca.pem'",
        ] {
            assert!(file.lines().any(|found| found == line), "{line}\n{file}");
        }
    }

    #[test]
    fn assumptions_are_found_in_the_column_of_sources() {
        let listed = assumed();
        assert!(listed.contains("`MetadataEndpoints`"), "{listed}");
        assert!(!listed.contains("`GetIdentity`"), "{listed}");
        assert!(listed.lines().count() < rows().count());
    }
}
