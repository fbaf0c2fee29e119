//! The structure that `src/ARCHITECTURE.md` promises, read from the source.

mod circles;
mod paths;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use paths::paths;

/// Modules that everybody may import, and that import nothing of the crate; the model of the template knows ids.
const LEAVES: [&str; 7] = [
    "ansi", "file", "resource", "secret", MODEL, "threads", "wording",
];

/// The model of the template, which inputs fill and everybody else reads.
const MODEL: &str = "template::model";

/// A module, and what it may import beside itself and the leaves: a module of the crate, or a part of one.
const DIRECTIONS: &[(&str, &[&str])] = &[
    (
        "main",
        &["agent", "arm", "inputs::manifest", "job", "report"],
    ),
    (
        "job",
        &[
            "agent",
            "arm",
            "check",
            "error",
            "fleet",
            "image_test",
            "inputs",
            "inventory",
            "release",
            "report",
            "retain",
            "rollout",
            "run",
            "storage",
            "template",
        ],
    ),
    (
        "report",
        &[
            "agent",
            "arm::gallery",
            "arm::template_state",
            "check",
            "diagnosis",
            "error",
            "fleet",
            "image_test",
            "inputs",
            "inventory",
            "log",
            "release",
            "retain",
            "rollout",
            "run",
        ],
    ),
    ("fleet", &["arm", "check", "error", "inputs"]),
    (
        "image_test",
        &[
            "arm",
            "check",
            "diagnosis",
            "error",
            "inputs",
            "log",
            "release",
            "run",
            "storage",
            "template",
        ],
    ),
    ("retain", &["arm", "check", "error", "inputs", "release"]),
    (
        "run",
        &[
            "arm",
            "check",
            "diagnosis",
            "error",
            "inputs",
            "inventory",
            "log",
            "release",
            "storage",
            "template",
        ],
    ),
    (
        "error",
        &[
            "arm",
            "check",
            "diagnosis",
            "inputs",
            "inventory",
            "release",
            "rollout",
            "storage",
        ],
    ),
    ("rollout", &["arm", "check", "inputs", "release"]),
    ("release", &["arm", "check", "inputs"]),
    ("check", &["arm", "inputs", "template"]),
    ("template", &["inputs", "inventory::script"]),
    ("storage", &["arm", "inputs::nearest"]),
    ("arm", &["inputs::connection"]),
    ("diagnosis", &["inputs::manifest", "log"]),
    ("inventory", &["arm", "inputs", "log", "storage"]),
    ("inputs", &[]),
    ("agent", &[]),
    ("log", &[]),
];

/// The table as `src/ARCHITECTURE.md` shows it.
fn table() -> String {
    let rows = DIRECTIONS.iter().map(|(module, imports)| {
        let imports = match imports {
            [] => "the leaves alone".to_owned(),
            imports => imports.join(", "),
        };
        format!("{module:<10} -> {imports}\n")
    });
    let leaves = format!("{:<10} -> nothing\n", LEAVES.join(", "));
    rows.chain([leaves]).collect()
}

#[test]
fn the_architecture_shows_the_table_of_imports() {
    let file = source().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&file).unwrap();
    let (before, rest) = text
        .split_once("Who may import whom beside the leaves:\n\n```text\n")
        .unwrap();
    let (shown, after) = rest.split_once("```").unwrap();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let table = table();
        let made =
            format!("{before}Who may import whom beside the leaves:\n\n```text\n{table}```{after}");
        fs::write(file, made).unwrap();
    } else {
        assert_eq!(shown, table(), "run with UPDATE_GOLDEN=1");
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}

/// The top module that a file belongs to: `arm` for `src/arm/http.rs`.
fn module_of(file: &Path) -> String {
    let inside = file.strip_prefix(source()).unwrap();
    if inside.starts_with("template/model") {
        return MODEL.to_owned();
    }
    inside
        .components()
        .next()
        .unwrap()
        .as_os_str()
        .to_string_lossy()
        .trim_end_matches(".rs")
        .to_owned()
}

/// The code of a file without its tests and comments: tests may reach further.
fn product_code(file: &Path) -> String {
    if file.to_string_lossy().ends_with("_tests.rs") {
        return String::new();
    }
    without_tests(&fs::read_to_string(file).unwrap())
}

/// The lines of a source text that are neither a comment nor an item that is for tests alone. Such an item may stand anywhere in the file.
fn without_tests(text: &str) -> String {
    let mut kept = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            kept.push(line);
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let mut item = lines
            .by_ref()
            .skip_while(|line| line.trim().starts_with("#["));
        let first = item.next().unwrap_or_default();
        if !first.ends_with([';', '}']) {
            let end = format!("{indent}}}");
            lines.by_ref().find(|line| *line == end);
        }
    }
    kept.retain(|line| !line.trim_start().starts_with("//"));
    kept.join("\n")
}

#[test]
fn code_after_an_item_for_tests_is_product_code() {
    let text = "use a;\n#[cfg(test)]\nmod testing;\n// comment\nuse b;\n#[cfg(test)]\n#[path = \"c.rs\"]\nmod c;\n    #[cfg(test)]\n    fn d() {\n        if e {\n        }\n    }\nuse f;\n#[cfg(test)]\nmod tests {\n    use g;\n}\nuse h;";
    assert_eq!(without_tests(text), "use a;\nuse b;\nuse f;\nuse h;");
}

/// The modules that lead to a file: `arm`, `http` for `src/arm/http.rs`.
fn module_path(file: &Path) -> Vec<String> {
    let inside = file.strip_prefix(source()).unwrap().with_extension("");
    let parts = inside
        .iter()
        .map(|part| part.to_string_lossy().into_owned());
    parts
        .filter(|part| part != "mod" && part != "lib")
        .collect()
}

#[test]
fn modules_import_only_in_the_directions_of_the_architecture() {
    let mut offences = Vec::new();
    for file in rust_files(&source()) {
        let module = match module_of(&file).as_str() {
            "lib" => continue,
            "network_setup" => "main".to_owned(),
            module => module.to_owned(),
        };
        let is_leaf = LEAVES.contains(&module.as_str());
        let row = DIRECTIONS.iter().find(|(name, _)| *name == module);
        let allowed: Vec<&str> = match row {
            Some((_, allowed)) => allowed.iter().chain(&LEAVES).copied().collect(),
            None if module == MODEL => vec!["resource"],
            None => Vec::new(),
        };
        assert!(
            row.is_some() || is_leaf,
            "{module} has no place in the table"
        );
        for named in paths(&product_code(&file), &module_path(&file), &[]) {
            let import = named.path.join("::");
            let fits = |path: &str| import == path || import.starts_with(&format!("{path}::"));
            if !fits(&module) && !allowed.iter().any(|path| fits(path)) {
                offences.push(format!("{} imports {import}", file.display()));
            }
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn only_the_agent_module_touches_the_environment_and_the_output() {
    let words = [
        "std::env::var",
        "env::vars",
        "env::set_var",
        "std::io::stdout",
        "io::stdout()",
        "println!",
        "eprintln!",
        "io::stderr",
    ];
    for file in rust_files(&source()) {
        let module = module_of(&file);
        let code = product_code(&file);
        for word in words {
            assert!(
                module == "agent" || !code.contains(word),
                "{} contains {word}",
                file.display()
            );
        }
    }
}

/// A pipe in place of a file would hold up the job, and a file that everybody reads would show what is in it. The files by which the stages
/// tell each other lie in a folder of their own, which is the task's alone.
#[test]
fn files_are_opened_and_written_in_one_place() {
    let words = [
        "File::open",
        "File::create",
        "File::options",
        "OpenOptions",
        "fs::write(",
        "fs::read(",
        "fs::read_to_string(",
        "fs::copy(",
    ];
    for file in rust_files(&source()) {
        let own = file.ends_with("src/file.rs") || file.ends_with("agent/stage_files.rs");
        let code = product_code(&file);
        for word in words {
            let found = code.contains(word);
            assert!(own || !found, "{} contains {word}", file.display());
        }
    }
}

/// A child would inherit the environment, and with it every secret of the job.
#[test]
fn no_child_process_is_started() {
    for file in rust_files(&source()) {
        if file.to_string_lossy().ends_with("_tests.rs") {
            continue;
        }
        let code = product_code(&file);
        for word in ["process::Command", "process::{", "process::*", "::exec("] {
            assert!(!code.contains(word), "{} contains {word}", file.display());
        }
    }
}

/// What has the name of a secret is a `Secret`, or is left out of `Debug` by hand.
#[test]
fn no_secret_is_a_plain_text_in_a_type_that_prints_itself() {
    for file in rust_files(&source()) {
        let found = plain_secrets(&product_code(&file));
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
    let check = |derived: &str, field: &str, expected: usize| {
        let code = format!("#[derive({derived})]\npub struct A {{\n    {field},\n}}\n");
        assert_eq!(plain_secrets(&code).len(), expected, "{code}");
    };
    check("Debug, Clone", "pub job_token: Option<String>", 1);
    check("Debug", "client_secret: String", 1);
    check("Debug", "pem: Vec<u8>", 1);
    check("Clone", "client_secret: String", 0);
    check("Debug", "pub token: Secret", 0);
    check("Debug", "subscription: String", 0);
}

fn plain_secrets(code: &str) -> Vec<String> {
    let words = [
        "secret",
        "token",
        "password",
        "sas",
        "signature",
        "assertion",
        "pem",
        "pfx",
        "private_key",
        "account_key",
        "signed",
    ];
    let plain = ["String", "Vec<u8>", "Bytes", "PathBuf", "Url"];
    let types = code.split("#[derive(").skip(1).filter(|rest| {
        rest.split(')')
            .next()
            .is_some_and(|derived| derived.split(", ").any(|name| name == "Debug"))
    });
    let fields = types.flat_map(|rest| rest.split("\n}").next().unwrap().lines());
    let declared = fields.filter_map(|line| line.trim().split_once(": "));
    declared
        .filter(|(name, kind)| {
            let name = name.rsplit(' ').next().unwrap();
            let parts: Vec<_> = name.split('_').collect();
            let named = words
                .iter()
                .any(|word| parts.contains(word) || name.ends_with(word));
            named && plain.iter().any(|plain| kind.contains(plain))
        })
        .map(|(name, kind)| format!("{name}: {kind}"))
        .collect()
}

#[test]
fn no_input_is_named_by_hand() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("task/task.json")).unwrap();
    let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
    let names = manifest["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| input["name"].as_str().unwrap());
    let names: Vec<_> = names.collect();
    assert_eq!(
        names.first().copied(),
        manifest["inputs"][0]["name"].as_str()
    );
    for file in rust_files(&source()) {
        let code = product_code(&file);
        for name in &names {
            // Output variables and members of a result file may have the name of an input, and so may members of Azure.
            let variable = [
                "action",
                "hostPoolId",
                "imageVersion",
                "imageVersionId",
                "preview",
                "stagingResourceGroup",
                "templateName",
            ]
            .contains(name)
                && ["report", "job"].contains(&module_of(&file).as_str());
            // What `arm` and the body of a VM name are members of Azure's own documents: they know no input.
            let is_body = file.ends_with("image_test/vm/body.rs");
            if variable || is_body || [MODEL, "arm"].contains(&module_of(&file).as_str()) {
                continue;
            }
            for quoted in [format!("\"{name}\""), format!("'{name}'")] {
                assert!(
                    !code.contains(&quoted),
                    "{} names input {name} by hand",
                    file.display()
                );
            }
        }
    }
}

/// What the invariants name as their enforcers is there.
#[test]
fn the_pages_for_developers_name_files_that_exist() {
    let root = source().parent().unwrap().to_owned();
    let pages = ["src/ARCHITECTURE.md", "CONTRIBUTING.md"];
    let text = pages.map(|page| fs::read_to_string(root.join(page)).unwrap());
    let text = text.concat();
    let named = text.split('`').skip(1).step_by(2).filter(|name| {
        let is_path = ["tests/", "docs/", "task/", "src/", "build/", "samples/"]
            .iter()
            .any(|start| name.starts_with(start));
        is_path && !name.contains(['<', '*', ' ', '{'])
    });
    let named: BTreeSet<_> = named.collect();
    assert!(named.len() > 10, "{named:?}");
    let missing: Vec<_> = named
        .iter()
        .filter(|name| !root.join(name).exists())
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// A version of an API stands in one table, and an address of Azure Resource Manager is made in one place. The script in the build VM asks
/// the VM's own metadata service.
#[test]
fn versions_of_apis_stand_in_one_table() {
    for file in rust_files(&source()) {
        let own = file.ends_with("arm/api.rs") || file.ends_with("template/unpacking.rs");
        let found = product_code(&file).contains("api-version=");
        assert!(own || !found, "{} makes an address by hand", file.display());
    }
}
