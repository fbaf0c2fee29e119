//! Runs the emulator until Ctrl+C, and says what to set so that clients find and trust it.

mod arguments;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::{Arguments, Asked};
use azure_emulator::{Clock, Cloud, Server, World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args().skip(1)) {
        Ok(Asked::Help) => return say(arguments::HELP, ExitCode::SUCCESS),
        Ok(Asked::Run(arguments)) => arguments,
        Err(problem) => return say(&format!("{problem}; see --help\n"), ExitCode::from(2)),
    };
    match run(*arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(
            &format!("Starting the emulator failed: {error}\n"),
            ExitCode::FAILURE,
        ),
    }
}

async fn run(arguments: Arguments) -> std::io::Result<()> {
    let Arguments { options, switches } = arguments;
    let mut scene = None;
    let server = Server::start(
        |addresses| {
            let world = World::contoso(addresses);
            scene = Some(world.clone());
            Cloud::new(world, switches, Clock::System)
        },
        &options,
    )?;
    if let Some(world) = scene {
        say(
            &instructions(&world, &server.ca_pem_path.display().to_string()),
            ExitCode::SUCCESS,
        );
    }
    tokio::signal::ctrl_c().await?;
    drop(server);
    Ok(())
}

fn instructions(world: &World, ca: &str) -> String {
    let addresses = &world.addresses;
    let application = world.applications.first();
    let account = world
        .storage_accounts
        .first()
        .map_or("", |account| &account.name);
    format!(
        "Azure Resource Manager  {}\nMicrosoft Entra ID      {}\nAzure Pipelines         {}\nBlob storage            {}\n\n\
         tenant                  {}\nsubscription            {}\nclient id               {}\nclient secret           {}\n\n\
         export SSL_CERT_FILE={ca}\nexport NODE_EXTRA_CA_CERTS={ca}\nexport REQUESTS_CA_BUNDLE={ca}\n\n\
         {}/_emulator/journal shows what was asked, {}/_emulator/inventory what exists.\n",
        addresses.arm,
        addresses.login,
        addresses.devops,
        addresses.blob_endpoint(account),
        world.tenant,
        world.subscription,
        application.map_or("", |application| &application.client),
        application
            .and_then(|application| application.secret.as_deref())
            .unwrap_or("none"),
        addresses.arm,
        addresses.arm,
    )
}

/// Writes to the standard output. Whoever has closed it does not want to read.
fn say(text: &str, code: ExitCode) -> ExitCode {
    let mut output = std::io::stdout().lock();
    drop(
        output
            .write_all(text.as_bytes())
            .and_then(|()| output.flush()),
    );
    code
}
