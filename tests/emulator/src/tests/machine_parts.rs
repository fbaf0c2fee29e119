//! What belongs to a VM that a client has made: its disks and its network interface, and the output of its run commands.

use http::Method;
use serde_json::{Value, json};

use super::booting::{COMPUTE, DISKS, Lab, NETWORK};
use super::versions::code;
use crate::CommandFate;

/// The names in a list of the group.
fn names(lab: &Lab, kind: &str, api: &str) -> Vec<String> {
    let path = format!("{}/providers/{kind}", lab.estate.group());
    let list = lab.estate.ask(Method::GET, &path, api, &Value::Null);
    assert_eq!(list.status, 200, "{}", list.text);
    let all = list.body["value"].as_array().unwrap().iter();
    all.map(|one| one["name"].as_str().unwrap().to_owned())
        .filter(|name| name.starts_with("tst-"))
        .collect()
}

fn interfaces(lab: &Lab) -> Vec<String> {
    names(lab, "Microsoft.Network/networkInterfaces", NETWORK)
}

fn disks(lab: &Lab) -> Vec<String> {
    names(lab, "Microsoft.Compute/disks", DISKS)
}

#[test]
fn what_belongs_to_a_machine_goes_with_it_or_stays() {
    for counts in [true, false] {
        let lab = Lab::booted(|on| on.desktops.delete_option_counts = counts);
        assert_eq!(
            (interfaces(&lab), disks(&lab)),
            (vec!["tst-1".to_owned()], vec!["tst-1".to_owned()])
        );
        lab.ask(Method::DELETE, &lab.machine(), &Value::Null);
        lab.estate.scene.wait(40);
        assert_eq!(lab.get(&lab.machine()).status, 404);
        let left = usize::from(!counts);
        assert_eq!((interfaces(&lab).len(), disks(&lab).len()), (left, left));
    }
}

#[test]
fn a_disk_has_the_tags_of_its_machine_or_none() {
    for have in [true, false] {
        let lab = Lab::booted(|on| on.desktops.disks_have_tags = have);
        let disk = lab
            .estate
            .ask(Method::GET, &lab.disk(), DISKS, &Value::Null)
            .body;
        let expected = if have { json!({"a": "b"}) } else { Value::Null };
        assert_eq!(disk["tags"], expected);
        assert!(disk["properties"]["timeCreated"].is_string());
    }
}

#[test]
fn a_generalized_image_needs_a_profile() {
    let lab = Lab::new(|_| {});
    lab.put_interface();
    let mut body = lab.body(&super::pools::version("1.0.1"), true);
    body["properties"]
        .as_object_mut()
        .unwrap()
        .remove("osProfile");
    let answer = lab.estate.ask(Method::PUT, &lab.machine(), COMPUTE, &body);
    assert_eq!(code(&answer), (400, "InvalidParameter".to_owned()));
}

#[test]
fn somebody_may_cancel_a_command() {
    let lab = Lab::booted(|on| on.desktops.command = CommandFate::IsCanceled);
    lab.command(&json!({"source": {"script": "x"}, "asyncExecution": true}));
    lab.estate.scene.wait(60);
    assert_eq!(lab.view()["instanceView"]["executionState"], "Canceled");
}
