//! The PowerShell that we write: read by a grammar of the language everywhere, and run where there is a PowerShell.

mod account;
pub(crate) mod interpreter;
mod older;
mod own_scripts;
mod samples;
mod unpacking;

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::documents::scripts::powershell_error;

/// The inline scripts of PowerShell in a template.
fn scripts(template: &Value) -> Vec<String> {
    let list = |pointer| template.pointer(pointer).and_then(Value::as_array);
    let customizers = list("/properties/customize").into_iter().flatten();
    let validators = list("/properties/validate/inVMValidations");
    customizers
        .chain(validators.into_iter().flatten())
        .filter(|step| step["type"] == "PowerShell")
        .filter_map(|step| step["inline"].as_array())
        .map(|lines| {
            let lines = lines.iter().map(|line| line.as_str().unwrap());
            lines.collect::<Vec<_>>().join("\n") + "\n"
        })
        // The grammar does not take a script of comments alone.
        .filter(|script| {
            script
                .lines()
                .any(|line| !line.is_empty() && !line.starts_with('#'))
        })
        .collect()
}

#[test]
fn every_script_of_a_template_is_powershell() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/templates");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let template = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        for script in scripts(&template) {
            assert_eq!(powershell_error(&script), None, "{}", path.display());
            count += 1;
        }
    }
    assert!(count >= 20, "{count}");
}
