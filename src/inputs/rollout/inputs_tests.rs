use super::*;
use crate::inputs::{RawInputs, WantedImage};
use crate::secret::Masker;
use std::sync::Mutex;

const POOL: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/rg-avd/providers/Microsoft.DesktopVirtualization/hostPools/hp";
const VERSION: &str = "/subscriptions/11111111-1111-1111-1111-111111111111/resourceGroups/g/providers/Microsoft.Compute/galleries/gal/images/win11/versions/1.0.1";
const URN: &str = "MicrosoftWindowsDesktop:windows-11:win11-25h2-avd:26200.7171.251106";
/// 2026-11-29 10:00 UTC.
const NOW: u128 = 1_795_946_400_000_000;

#[derive(Default)]
struct Masked(Mutex<Vec<String>>);

impl Masker for Masked {
    fn mask(&self, value: &str) {
        self.0.lock().unwrap().push(value.to_owned());
    }
}

struct Files(tempfile::TempDir);

impl Files {
    fn new(files: &[(&str, &str)]) -> Self {
        let folder = tempfile::TempDir::new().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        Self(folder)
    }
}

fn given(inputs: &[(&str, &str)], files: Option<&Files>) -> RawInputs {
    let usual = [("hostPoolId", POOL), ("imageVersionId", VERSION)];
    let all = usual.iter().chain(inputs);
    RawInputs {
        inputs: all
            .map(|(name, value)| (name.to_lowercase(), (*value).to_owned()))
            .collect(),
        build_id: Some("4711".to_owned()),
        build_number: Some("20261129.3".to_owned()),
        working_directory: files.map(|files| files.0.path().into()).unwrap_or_default(),
        unique: NOW,
        ..RawInputs::default()
    }
}

/// What the inputs come to without a service connection: the problems but for that, or the warnings.
fn problems_and_warnings(
    inputs: &[(&str, &str)],
    files: Option<&Files>,
) -> (Vec<String>, Vec<String>) {
    let given = given(inputs, files);
    let mut reader = Reader::new(&given);
    let read = read(&mut reader, &Masked::default());
    let Err(problems) = reader.finish(read) else {
        unreachable!("there is no service connection")
    };
    let with_hint = |text: String, hint: &Option<String>| match hint {
        Some(hint) => format!("{text}. {hint}"),
        None => text,
    };
    let warnings = problems.warnings().iter();
    let warnings = warnings.map(|it| with_hint(format!("{} {it}", it.code), &it.hint));
    let warnings = warnings.collect();
    let problems = problems
        .iter()
        .filter(|problem| problem.input != "ibSubscription")
        .map(|it| with_hint(format!("{} {it}", it.code), &it.hint))
        .collect();
    (problems, warnings)
}

fn check(inputs: &[(&str, &str)], expected: &[&str]) {
    assert_eq!(
        problems_and_warnings(inputs, None).0,
        expected,
        "{inputs:?}"
    );
}

#[test]
fn what_is_left_empty_is_no_problem() {
    assert_eq!(problems_and_warnings(&[], None), (vec![], vec![]));
    check(&[("imageVersionId", URN)], &[]);
    check(
        &[("hostCount", "same"), ("rolloutAt", "2026-12-01T19:00Z")],
        &[],
    );
}

#[test]
fn values_that_no_roll_out_takes_are_refused() {
    for (input, value, expected) in [
        (
            "maxHostsAtOnce",
            "0",
            "AIB101 Input 'maxHostsAtOnce': '0' is not a number of hosts; expected a whole number from 1 to 10000, for example 1",
        ),
        (
            "logOffDelayInMinutes",
            "61",
            "AIB101 Input 'logOffDelayInMinutes': '61' is not a number of minutes; expected a whole number from 0 to 60, for example 15",
        ),
        (
            "rolloutMethod",
            "replce",
            "AIB102 Input 'rolloutMethod': 'replce' is not one of 'auto', 'sessionHostUpdate', 'replace', 'existing'. did you mean 'replace'?",
        ),
        (
            "hostCount",
            "all",
            "AIB101 Input 'hostCount': 'all' is not a number of hosts; expected 'same' or a whole number from 1 to 10000, for example 8",
        ),
        (
            "hostNamePrefix",
            "avd_1",
            "AIB101 Input 'hostNamePrefix': 'avd_1' is not the beginning of computer names; expected 1 to 12 letters, digits and hyphens, with a letter or digit at both ends, for example avd$(Build.BuildId)",
        ),
        (
            "sessionHostGroup",
            "/subscriptions/s/resourceGroups/rg-hosts",
            "AIB101 Input 'sessionHostGroup': '/subscriptions/s/resourceGroups/rg-hosts' is not the name of a resource group; expected up to 90 letters, digits and '-_.()' without a '.' at the end, for example rg-images. use only the name: 'rg-hosts'",
        ),
        (
            "rolloutAt",
            "tonight",
            "AIB101 Input 'rolloutAt': 'tonight' is not a time; expected a date and a time in UTC or with an offset, for example 2026-12-01T19:00:00+01:00",
        ),
        (
            "rolloutAt",
            "2026-12-14T10:00Z",
            "AIB101 Input 'rolloutAt': '2026-12-14T10:00Z' is more than 14 days ahead, and the service takes no later time. choose an earlier time, or run the step later",
        ),
        (
            "rolloutAt",
            "2026-11-29T10:00+01:00",
            "AIB101 Input 'rolloutAt': '2026-11-29T10:00+01:00' is past. choose a later time, or remove the input to start at once",
        ),
        (
            "imageVersionId",
            "p:o:s:latest",
            "AIB101 Input 'ImageVersionId': 'p:o:s:latest' is not an image of the Marketplace; expected publisher:offer:sku:version with the number of the version, for example MicrosoftWindowsDesktop:windows-11:win11-25h2-avd:26200.7171.251106",
        ),
    ] {
        check(&[(input, value)], &[expected]);
    }
}

#[test]
fn a_message_is_measured_with_its_minutes() {
    let long = format!("{}{{minutes}}", "x".repeat(258));
    check(
        &[("logOffMessage", &long), ("logOffDelayInMinutes", "5")],
        &[],
    );
    check(
        &[("logOffMessage", &long), ("graceInMinutes", "120")],
        &[
            "AIB101 Input 'logOffMessage': the message has 261 characters with the minutes filled in; the service takes at most 260. shorten the message",
        ],
    );
    let all = |method, minutes| filled_in(None, method, minutes);
    let (update, replace) = (RolloutMethod::SessionHostUpdate, RolloutMethod::Replace);
    let usual = "This desktop is updated in 15 minutes. Save your work.";
    assert_eq!(all(update, 15), usual);
    assert_eq!(all(replace, 15), usual);
    assert_eq!(all(update, 0), "This desktop is updated now.");
    assert_eq!(
        all(replace, 0),
        "This desktop is updated when you next sign out."
    );
    let own = filled_in(Some("In {minutes} or {minutes}"), update, 7);
    assert_eq!(own, "In 7 or 7");
}

#[test]
fn what_a_method_does_not_use_is_warned_of() {
    let warnings = |inputs: &[(&str, &str)]| problems_and_warnings(inputs, None).1;
    assert_eq!(
        warnings(&[
            ("rolloutMethod", "existing"),
            ("logOffDelayInMinutes", "5"),
            ("canaryHosts", "2")
        ]),
        [
            "AIB103 Input 'logOffDelayInMinutes': it has no effect with rolloutMethod 'existing'. remove 'logOffDelayInMinutes'; it is an input of sessionHostUpdate"
        ]
    );
    assert_eq!(
        warnings(&[
            ("rolloutMethod", "sessionHostUpdate"),
            ("hostCount", "5"),
            ("maxHostsAtOnce", "2")
        ]),
        [
            "AIB103 Input 'hostCount': it has no effect with rolloutMethod 'sessionHostUpdate'. remove 'hostCount'; it is an input of replace and existing"
        ]
    );
    // Which one is chosen is not known yet.
    assert!(warnings(&[("logOffDelayInMinutes", "5"), ("hostCount", "5")]).is_empty());
    assert_eq!(
        warnings(&[("imageVersionId", URN), ("requireTags", "imageTest=passed")]),
        [
            "AIB103 Input 'requireTags': it has no effect, because an image of the Marketplace has no tags. remove 'requireTags'"
        ]
    );
}

#[test]
fn what_contradicts_the_method_is_refused() {
    check(
        &[
            ("rolloutMethod", "existing"),
            ("rolloutAt", "2026-12-01T19:00Z"),
        ],
        &[
            "AIB101 Input 'rolloutAt': only a session host update can start later, and rolloutMethod is 'existing'. remove 'rolloutAt', or set 'rolloutMethod: sessionHostUpdate'",
        ],
    );
    let urn = format!(
        "AIB101 Input 'ImageVersionId': '{URN}' is an image of the Marketplace, and rolloutMethod 'existing' takes a gallery image version alone. set 'rolloutMethod: sessionHostUpdate', or name a gallery image version"
    );
    check(
        &[("rolloutMethod", "existing"), ("imageVersionId", URN)],
        &[&urn],
    );
    check(
        &[("rolloutMethod", "replace")],
        &[
            "AIB100 Input 'sessionHostTemplate': it is required but empty; expected the path of an ARM template, for example avd/session-hosts.json. samples/host-pools/session-hosts.json is one; copy it into the repository. Without a template: 'rolloutMethod: existing'",
        ],
    );
    check(
        &[("hostNamePrefix", "avd-weekly-0"), ("hostCount", "101")],
        &[
            "AIB101 Input 'hostNamePrefix': the name of the last host would be 'avd-weekly-0-100', and a computer's name has at most 15 characters. shorten it",
        ],
    );
}

const TEMPLATE: &str = r#"{"resources": [], "parameters": {
    "imageVersionId": {"type": "string"}, "hostPoolName": {"type": "string"}, "registrationToken": {"type": "secureString"},
    "namePrefix": {"type": "string"}, "count": {"type": "int"}, "firstIndex": {"type": "int", "defaultValue": 0},
    "subnetId": {"type": "string"}, "vmSize": {"type": "string", "defaultValue": "x"}, "zones": {"type": "array", "defaultValue": []},
    "trusted": {"type": "bool", "defaultValue": true}, "adminPassword": {"type": "securestring", "defaultValue": ""}}}"#;

fn parameters(text: &str, files: &[(&str, &str)]) -> (Vec<String>, serde_json::Value, Vec<String>) {
    let mut all = vec![("t.json", TEMPLATE)];
    all.extend(files);
    let files = Files::new(&all);
    let inputs = [
        ("sessionHostTemplate", "t.json"),
        ("sessionHostParameters", text),
    ];
    let given = given(&inputs, Some(&files));
    let mut reader = Reader::new(&given);
    let masked = Masked::default();
    let read = host_template::read(&mut reader, true, &masked);
    let value = read
        .as_ref()
        .map(|(_, parameters)| parameters.values.clone());
    let value = value.unwrap_or_default();
    let problems = match reader.finish(read) {
        Ok(_) => Vec::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    };
    let masked = masked.0.into_inner().unwrap();
    (problems, serde_json::Value::Object(value), masked)
}

#[test]
fn parameters_have_the_types_of_the_template() {
    let text = "subnetId=/s=1\nVMSIZE = Standard_D2\nzones=[\"1\"]\ntrusted=False\nadminPassword=hunter2-hunter2";
    let (problems, value, masked) = parameters(text, &[]);
    assert_eq!(problems, [""; 0]);
    let expected = serde_json::json!({
        "subnetId": {"value": "/s=1"}, "vmSize": {"value": "Standard_D2"}, "zones": {"value": ["1"]},
        "trusted": {"value": false}, "adminPassword": {"value": "hunter2-hunter2"},
    });
    assert_eq!(value, expected);
    assert_eq!(masked.first().map(String::as_str), Some("hunter2-hunter2"));
    let file = r#"{"parameters": {"subnetId": {"value": "/s"}, "adminPassword": {"reference": {"keyVault": {"id": "/kv"}, "secretName": "n"}}}}"#;
    let (problems, value, _) = parameters("p.json", &[("p.json", file)]);
    assert_eq!(problems, [""; 0]);
    assert_eq!(value["adminPassword"]["reference"]["secretName"], "n");
}

#[test]
fn parameters_that_do_not_fit_are_told_at_once() {
    let check = |text: &str, expected: &[&str]| {
        let (problems, ..) = parameters(text, &[("odd.json", "{}"), ("p.bicepparam", "")]);
        let expected: Vec<_> = expected
            .iter()
            .map(|text| format!("Input 'sessionHostParameters': {text}"))
            .collect();
        assert_eq!(problems.first(), expected.first(), "{text}");
    };
    check("vmSize=x", &["the template needs a value for 'subnetId'"]);
    check(
        "subnetId=/s\nvmSiz=x",
        &["the template has no parameter 'vmSiz'"],
    );
    check(
        "subnetId=/s\ncount=3",
        &["the step itself fills in parameter 'count'"],
    );
    check(
        "subnetId=/s\ntrusted=maybe",
        &["parameter 'trusted' of the template is of type bool, and its value is not"],
    );
    check(
        "subnetId=/s\nsubnetid=/t",
        &["parameter 'subnetid' is there twice"],
    );
    check(
        "subnetId=/s\nhunter2",
        &[
            "a line has no '='; expected one 'name=value' per line, or the path of a parameter file, for example vmSize=Standard_D4ads_v5",
        ],
    );
    check("odd.json", &["'odd.json' has no 'parameters'"]);
    // A forgotten '=', and what follows may be a secret.
    let forgotten = ["the line of parameter 'adminPassword' has no '='"];
    check("adminpassword hunter2", &forgotten);
    check("adminPassword: hunter2", &forgotten);
    check("adminPassword", &forgotten);
    check("adminPassword hunter2\nsubnetId /s", &forgotten);
    check(
        "hunter2\nhunter3",
        &[
            "a line has no '='; expected one 'name=value' per line, or the path of a parameter file, for example vmSize=Standard_D4ads_v5",
        ],
    );
}

#[test]
fn a_template_has_what_the_step_fills_in() {
    let check = |text: &str, expected: &str| {
        let files = Files::new(&[("t.json", text)]);
        let inputs = [("sessionHostTemplate", "t.json")];
        let (problems, _) = problems_and_warnings(&inputs, Some(&files));
        let path = files.0.path().join("t.json").display().to_string();
        let problems = problems.join("\n").replace(&path, "t.json");
        assert_eq!(
            problems,
            format!("AIB101 Input 'sessionHostTemplate': {expected}")
        );
    };
    check(
        "{\"a\": 1}",
        "'t.json' is not an ARM template: it has no 'resources'",
    );
    check(
        "[]",
        "'t.json' is not an ARM template: it is not a JSON object",
    );
    check(
        "{\n// all of them\n}",
        "'t.json' is not an ARM template: it is not JSON (line 2). comments are not supported; 'az bicep build' and exports of the portal write JSON without them",
    );
    check(
        r#"{"resources": [], "parameters": {"count": {"type": "string"}, "hostPoolName": {"type": "string"}}}"#,
        "template 't.json' needs parameter 'imageVersionId', 'namePrefix', 'count' of type int, which the step fills in. samples/host-pools/session-hosts.json has all of them",
    );
    let sample = std::fs::read_to_string("samples/host-pools/session-hosts.json").unwrap();
    let files = Files::new(&[("t.json", &sample)]);
    let parameters = "subnetId=/s\nadminPassword=hunter2-hunter2";
    let inputs = [
        ("sessionHostTemplate", "t.json"),
        ("sessionHostParameters", parameters),
    ];
    assert_eq!(problems_and_warnings(&inputs, Some(&files)).0, [""; 0]);
}

#[test]
fn an_image_is_called_by_its_number() {
    let version = WantedImage::Version(VERSION.parse().unwrap());
    assert_eq!(
        (version.short().as_str(), version.to_string().as_str()),
        ("1.0.1", VERSION)
    );
    let given = given(&[("imageVersionId", URN)], None);
    let mut reader = Reader::new(&given);
    let image = image::read(&mut reader, None).unwrap();
    assert_eq!(image.short(), URN);
    assert_eq!(image.version(), None);
}

/// What comes back from Azure is an image only if the input takes it.
#[test]
fn a_name_of_azure_is_an_image_or_none() {
    let version = WantedImage::Version(VERSION.parse().unwrap());
    assert_eq!(WantedImage::parse(VERSION), Some(version));
    let parts = ["p", "o", "s", "1.2.3"].map(str::to_owned);
    let marketplace = WantedImage::Marketplace(parts);
    assert_eq!(WantedImage::parse("p:o:s:1.2.3"), Some(marketplace));
    let definition = VERSION.rsplit_once("/versions/").unwrap().0;
    for name in [
        "",
        "p:o:s:latest",
        "p:o:s:1.2.3\nhostPoolId: x",
        "p:o:s x:1.2.3",
        definition,
        &format!("{definition}/versions/latest"),
        &format!("{definition}/versions/1.0.0\n- script: x"),
        "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/images/web",
        "an image that Azure does not name",
    ] {
        assert_eq!(WantedImage::parse(name), None, "{name}");
    }
}
