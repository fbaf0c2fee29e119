//! The script that updates a host pool, against a stand-in for Azure CLI that answers as Azure was recorded (October 2025): the start of an
//! update answers 204 without a body, and the status that is read next is that of the update before.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use super::files::root;

const IMAGE: &str = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/x/images/y/versions/1.0.7";
/// The update before.
const BEFORE: &str = "Succeeded aaaa 2026-11-01T08:00:00Z 100.0";
/// What Azure CLI says of a 404.
const NEVER: &str = "! ERROR: Not Found({\"error\":{\"code\":\"404\",\"message\":\"SessionHostUpdate does not exist\"}})";

/// Answers the n-th read of the configuration or of the status with the n-th line of a file, then with the last line again; a line that
/// begins with `!` is an error. The queries are those of the script; what they make of a document is Azure CLI's.
const AZ: &str = r#"#!/bin/sh
echo "$*" | tr '\n' ' ' >> "$ANSWERS/log"
echo >> "$ANSWERS/log"
answer() {
  count=$(($(cat "$ANSWERS/$1.count" 2>/dev/null || echo 0) + 1))
  echo "$count" > "$ANSWERS/$1.count"
  line=$(sed -n "${count}p" "$ANSWERS/$1")
  [ -n "$line" ] || line=$(tail -n 1 "$ANSWERS/$1")
  case $line in
    '!'*) echo "${line#! }" >&2; exit 1 ;;
    *) echo "$line" ;;
  esac
}
case "$*" in
  *'resource show'*) echo /subscriptions/s/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/hostPools/hp ;;
  *error.code*) echo 'UpdateFailure: the cores do not suffice' ;;
  *'--method'*) ;;
  *sessionHostConfigurations*) answer configuration ;;
  *sessionHostUpdateStatuses*) answer status ;;
esac
"#;

struct Ended {
    output: Output,
    calls: Vec<String>,
}

impl Ended {
    fn said(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    fn complained(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    fn sent(&self, part: &str) -> usize {
        self.calls.iter().filter(|call| call.contains(part)).count()
    }
}

/// Another process writes the file: one that this process has open for writing cannot be started.
fn make_executable(path: &Path, text: &str) {
    let write = "printf %s \"$1\" > \"$2\" && chmod 755 \"$2\"";
    let mut shell = Command::new("sh");
    shell.args(["-c", write, "sh", text]).arg(path);
    assert!(shell.status().unwrap().success());
}

fn update(configuration: &[String], status: &[&str]) -> Ended {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    make_executable(&at("az"), AZ);
    make_executable(&at("sleep"), "#!/bin/sh\n");
    fs::write(at("configuration"), configuration.join("\n") + "\n").unwrap();
    fs::write(at("status"), status.join("\n") + "\n").unwrap();
    let path = std::env::var("PATH").unwrap();
    let output = Command::new("sh")
        .arg("session-host-update.sh")
        .args(["rg-avd", "hp", IMAGE])
        .current_dir(root().join("samples/host-pools"))
        .env("PATH", format!("{}:{path}", folder.path().display()))
        .env("ANSWERS", folder.path())
        .output()
        .unwrap();
    let log = fs::read_to_string(at("log")).unwrap();
    Ended {
        output,
        calls: log.lines().map(str::to_owned).collect(),
    }
}

/// The configuration before, the same just after the change was accepted, and then with the image.
fn configurations() -> Vec<String> {
    let old = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/galleries/x/images/y/versions/1.0.6";
    vec![
        format!("Succeeded 2026-10-28T17:57:44Z {old}"),
        format!("Succeeded 2026-10-28T17:57:44Z {old}"),
        format!("Updating 2026-11-28T10:00:00Z {IMAGE}"),
        format!("Succeeded 2026-11-28T10:00:00Z {}", IMAGE.to_lowercase()),
    ]
}

/// How an update goes on: its states after those that are still of the one before.
fn follow(states: &[&str]) -> Ended {
    let own = |state: &&str| match state.split_once(' ') {
        Some((word, percent)) => format!("{word} bbbb 2026-11-28T10:01:00Z {percent}"),
        None => format!("{state} bbbb 2026-11-28T10:01:00Z 0"),
    };
    let own: Vec<_> = states.iter().map(own).collect();
    let all = [BEFORE; 3]
        .into_iter()
        .chain(own.iter().map(String::as_str));
    update(&configurations(), &all.collect::<Vec<_>>())
}

#[test]
fn the_script_waits_for_the_update_that_it_started() {
    let ended = follow(&[
        "ValidatingSessionHostUpdate",
        "UpdatingSessionHosts 0",
        "UpdatingSessionHosts 50.0",
        "Succeeded 100.0",
    ]);
    assert!(ended.output.status.success(), "{}", ended.complained());
    assert_eq!(
        ended.said(),
        "ValidatingSessionHostUpdate, 0 %\nUpdatingSessionHosts, 0 %\nUpdatingSessionHosts, 50.0 %\nSucceeded, 100.0 %\n"
    );
    assert_eq!(ended.sent("initiateSessionHostUpdate"), 1);
    let image = format!(
        "{{\"properties\":{{\"imageInfo\":{{\"type\":\"Custom\",\"customInfo\":{{\"resourceId\":\"{IMAGE}\"}}}}}}}}"
    );
    assert_eq!(ended.sent(&image), 1, "{:#?}", ended.calls);
    let place = |part: &str| ended.calls.iter().position(|call| call.contains(part));
    assert!(place("sessionHostUpdateStatuses") < place("initiateSessionHostUpdate"));
    assert!(place("--method patch") < place("initiateSessionHostUpdate"));
}

#[test]
fn an_update_that_fails_fails_the_script() {
    for (states, text) in [
        (
            &["UpdatingSessionHosts 0", "Failed 100.0"][..],
            "UpdateFailure: the cores do not suffice\nTo go on where it stopped: az rest --method post --url 'https://management.azure.com/subscriptions/s/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/hostPools/hp/sessionHostManagements/default/controlSessionHostUpdate?api-version=2026-04-01-preview' --body '{\"action\":\"Retry\"}'\n",
        ),
        (&["Error"], "The update of hp is Error\n"),
        (&["Failed 100.0"], "The update of hp is Failed\n"),
        (
            &["UpdatingSessionHosts 0", "Cancelling", "Canceled"],
            "The update of hp was canceled\n",
        ),
    ] {
        let ended = follow(states);
        assert_eq!(ended.output.status.code(), Some(1), "{states:?}");
        assert!(ended.complained().contains(text), "{}", ended.complained());
    }
}

/// The status of the update before is no end, whatever it says.
#[test]
fn the_status_of_the_update_before_is_not_taken_for_an_end() {
    for before in [BEFORE, "Failed aaaa 2026-11-01T08:00:00Z 100.0"] {
        let ended = update(&configurations(), &[before]);
        assert_eq!(ended.output.status.code(), Some(1), "{before}");
        assert!(
            ended.complained().contains("has not begun after 5 minutes"),
            "{}",
            ended.complained()
        );
        assert_eq!(ended.said(), "");
    }
}

#[test]
fn the_first_update_of_a_pool_is_followed() {
    let own = "Succeeded bbbb 2026-11-28T10:01:00Z 100.0";
    let ended = update(&configurations(), &[NEVER, NEVER, own]);
    assert!(ended.output.status.success(), "{}", ended.complained());
}

#[test]
fn what_cannot_be_read_for_a_while_is_read_again() {
    let own = "Succeeded bbbb 2026-11-28T10:01:00Z 100.0";
    let busy = "! ERROR: Service Unavailable()";
    let ended = update(&configurations(), &[BEFORE, busy, busy, own]);
    assert!(ended.output.status.success(), "{}", ended.complained());
    let ended = update(&configurations(), &[BEFORE, busy]);
    assert_eq!(ended.output.status.code(), Some(1));
    assert!(
        ended
            .complained()
            .ends_with("The status of the update cannot be read; the update may go on\n")
    );
}

#[test]
fn nothing_is_started_beside_an_update_or_without_a_configuration() {
    let on = "UpdatingSessionHosts aaaa 2026-11-01T08:00:00Z 20.0";
    let ended = update(&configurations(), &[on]);
    assert_eq!(ended.output.status.code(), Some(1));
    assert!(
        ended
            .complained()
            .contains("An update of hp is UpdatingSessionHosts"),
        "{}",
        ended.complained()
    );
    assert_eq!(ended.sent("--method"), 0);

    let none = "! ERROR: Not Found()".to_owned();
    let ended = update(&[none], &[BEFORE]);
    assert_eq!(ended.output.status.code(), Some(1));
    assert!(
        ended
            .complained()
            .contains("use add-session-hosts.sh and drain-session-hosts.sh")
    );
    assert_eq!(ended.sent("--method"), 0);

    let refused = vec![
        configurations()[0].clone(),
        format!("Failed 2026-11-28T10:00:00Z {IMAGE}"),
    ];
    let ended = update(&refused, &[BEFORE]);
    assert_eq!(ended.output.status.code(), Some(1));
    assert!(
        ended
            .complained()
            .contains("The session host configuration of hp is Failed")
    );
    assert_eq!(ended.sent("initiateSessionHostUpdate"), 0);
}

/// The same image again, as after a failure: the configuration does not change.
#[test]
fn the_image_may_be_there_already() {
    let there = vec![format!("Succeeded 2026-10-28T17:57:44Z {IMAGE}")];
    let ended = update(
        &there,
        &[BEFORE, "Succeeded bbbb 2026-11-28T10:01:00Z 100.0"],
    );
    assert!(ended.output.status.success(), "{}", ended.complained());
}
