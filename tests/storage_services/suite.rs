//! Every test, for every service.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};

use libtest_mimic::{Arguments, Completion, Trial};

use super::azurite::{Azurite, NOT_INSTALLED};
use super::service::Service;
use super::{deletions, links, tokens, uploads};

type Test = fn(&Service) -> Pin<Box<dyn Future<Output = ()> + '_>>;

/// Names functions of this suite, each with its path.
macro_rules! tests {
    ($($module:ident::$function:ident,)*) => {
        [$((concat!(stringify!($module), "::", stringify!($function)), |service| {
            Box::pin($module::$function(service))
        }),)*]
    };
}

const TESTS: [(&str, Test); 16] = tests![
    uploads::a_folder_arrives_as_the_archive_that_it_was_packed_into,
    uploads::a_container_is_made_once,
    uploads::a_blob_that_exists_stays_as_it_is,
    uploads::a_container_name_that_storage_forbids_is_named,
    uploads::every_name_of_a_blob_works,
    links::a_link_reads_its_blob_without_a_token,
    links::a_link_reads_nothing_but_its_blob,
    links::a_link_gives_no_other_right,
    links::a_link_works_in_its_time_only,
    links::a_link_works_over_https_only,
    links::a_life_of_seven_days_is_granted,
    deletions::a_blob_is_deleted_once_and_may_be_deleted_again,
    deletions::a_blob_in_a_missing_container_counts_as_deleted,
    tokens::a_token_for_another_service_is_refused,
    tokens::a_token_that_has_expired_is_refused,
    tokens::a_blob_is_not_read_without_token_or_link,
];

/// Runs what the command line asks for.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::from_args();
    let azurite = Arc::new(OnceLock::new());
    if !Azurite::is_installed() && !arguments.list {
        println!("\nno test runs against Azurite: {NOT_INSTALLED}");
    }
    let trials = TESTS
        .iter()
        .flat_map(|(name, test)| {
            [
                against_emulator(name, *test),
                against_azurite(name, *test, Arc::clone(&azurite)),
            ]
        })
        .collect();
    // The trials are gone when this returns, so Azurite ends with the last owner, at the end of this function.
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn against_emulator(name: &str, test: Test) -> Trial {
    Trial::test(name, move || {
        execute(test, &Service::emulator());
        Ok(())
    })
    .with_kind("emulator")
}

fn against_azurite(name: &str, test: Test, azurite: Arc<OnceLock<Azurite>>) -> Trial {
    Trial::ignorable_test(name, move || {
        if !Azurite::is_installed() {
            return Ok(Completion::ignored_with(NOT_INSTALLED));
        }
        execute(test, &Service::azurite(azurite.get_or_init(Azurite::start)));
        Ok(Completion::Completed)
    })
    .with_kind("Azurite")
}

fn execute(test: Test, service: &Service) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test(service));
}
