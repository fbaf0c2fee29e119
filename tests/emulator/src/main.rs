//! Runs the emulator until Ctrl+C, and says what to set so that clients find and trust it.

mod arguments;
mod instructions;

use std::io::Write as _;
use std::process::ExitCode;

use arguments::{Arguments, Asked};
use azure_emulator::blob::BlobRole;
use azure_emulator::{Clock, Cloud, Server, SoftDelete, World};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments = match arguments::parse(std::env::args().skip(1)) {
        Ok(Asked::Help) => return say(arguments::HELP, ExitCode::SUCCESS),
        Ok(Asked::Assumed) => return say(&instructions::assumed(), ExitCode::SUCCESS),
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
    let Arguments {
        options,
        switches,
        blob_roles,
        soft_delete,
        host_pools,
    } = arguments;
    let mut scene = None;
    let server = Server::start(
        |addresses| {
            let mut world = World::contoso(addresses);
            if host_pools {
                world = world.with_host_pools();
            }
            if blob_roles {
                assign_blob_roles(&mut world);
            }
            if soft_delete {
                for gallery in &mut world.galleries {
                    gallery.soft_delete = Some(SoftDelete::default());
                }
            }
            scene = Some(world.clone());
            Cloud::new(world, switches, Clock::System)
        },
        &options,
    )?;
    if let Some(world) = scene {
        let ca = &server.ca_pem_path;
        let environment = instructions::write_environment(&world, ca)?;
        say(
            &instructions::text(&world, &environment, ca),
            ExitCode::SUCCESS,
        );
    }
    tokio::signal::ctrl_c().await?;
    drop(server);
    Ok(())
}

/// Lets the applications write and the identities of templates read the blobs of all accounts, as the pages on pipelines advise.
fn assign_blob_roles(world: &mut World) {
    let applications = world.applications.iter();
    let writers = applications.map(|application| (&application.object, BlobRole::Contributor));
    let identities = world.identities.iter();
    let readers = identities.map(|identity| (&identity.principal, BlobRole::Reader));
    for (principal, role) in writers.chain(readers) {
        for account in &mut world.storage_accounts {
            account.roles.insert(principal.clone(), vec![role]);
        }
    }
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
