//! What the inputs of the list come to, and what is wrong with them.

use crate::inputs::warnings;
use crate::job::{Job, job};
use crate::problems::problems;
use crate::template_files::with_text;

const NONE: [&str; 0] = [];

fn listing(job: Job) -> Job {
    job.input("inventory", "true")
}

/// The account of the lists.
fn account(job: &Job) -> Option<String> {
    let plan = job
        .plan()
        .unwrap_or_else(|problems| panic!("{problems:#?}"));
    plan.storage_account
}

#[test]
fn the_name_of_the_step_is_taken_once() {
    let file = |name: &str| {
        let text = format!(
            "customize:\n- type: Shell\n  inline: [id]\n- type: Shell\n  name: {name}\n  inline: [uname]\n"
        );
        with_text("image.yml", &text)
    };
    let expected = "AIB101 Input 'templateFile': customize[1] of the file is named 'inventory', which is the name of the step that input 'inventory' adds\nhint: give customize[1] another name, or remove 'inventory'";
    assert_eq!(problems(&listing(file("inventory"))), [expected]);
    for job in [file("inventory"), listing(file("contents"))] {
        assert!(job.plan().is_ok());
    }
}

#[test]
fn the_container_has_a_name_of_storage() {
    let rest = "is not the name of a container; expected 3 to 63 lowercase letters, digits and single hyphens between them, for example imagebuilder-inventory";
    let named = |name: &str| listing(job()).input("inventoryContainer", name);
    for (name, hint) in [
        ("Bad_Container", "\nhint: write 'bad-container'"),
        ("a", ""),
        ("a--b", ""),
        ("-ab", ""),
        ("a/b", ""),
    ] {
        let expected = format!("AIB101 Input 'inventoryContainer': '{name}' {rest}{hint}");
        assert_eq!(problems(&named(name)), [expected]);
    }
    for (name, expected) in [("", "imagebuilder-inventory"), ("sboms-2026", "sboms-2026")] {
        let plan = named(name).plan().unwrap();
        assert_eq!(plan.contents.container, expected);
    }
}

#[test]
fn lists_are_kept_where_the_package_goes_or_in_an_account_of_their_own() {
    let with_package = listing(job());
    let expected = with_package
        .plan()
        .unwrap()
        .package
        .unwrap()
        .storage_account;
    assert_eq!(account(&with_package), Some(expected));
    let alone = || {
        let job = listing(job()).input("packagePath", "");
        job.input("provisioner", "shell")
            .input("inlineScript", "id")
    };
    let named = alone().input("storageAccountName", "stContents");
    assert_eq!(account(&named).as_deref(), Some("stcontents"));
    assert!(named.plan().unwrap().package.is_none());
    assert_eq!(warnings(&named), NONE);
    assert_eq!(account(&alone().input("storageAccountName", "")), None);
    let malformed = alone().input("storageAccountName", "st_contents");
    let told = problems(&malformed);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].starts_with(
            "AIB101 Input 'storageAccountName': 'st_contents' is not the name of a storage account"
        ),
        "{told:?}"
    );
    // Without the list, the account asks for a package.
    let package = job()
        .input("packagePath", "")
        .input("storageAccountName", "stcontents");
    assert_eq!(problems(&package).len(), 1);
}
