//! The package as it is installed. Most tests read the one that `IMAGE_BUILDER_VSIX` names, so they are left out until there is one:
//! `build/vsix linux-x64`, then `IMAGE_BUILDER_VSIX=target/vsix/….vsix cargo test --test it vsix -- --ignored`, as `.ci/run` does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;
use std::{env, fs};

use ring::digest::{SHA256, digest};
use serde_json::Value;

use crate::texts::check_has;

type Parts = BTreeMap<String, Vec<u8>>;

const LARGEST: u64 = 20 * 1024 * 1024;

fn repository(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn package() -> String {
    env::var("IMAGE_BUILDER_VSIX").expect("IMAGE_BUILDER_VSIX names the package")
}

fn parts() -> Parts {
    let mut archive = zip::ZipArchive::new(fs::File::open(package()).unwrap()).unwrap();
    (0..archive.len())
        .map(|index| {
            let mut entry = archive.by_index(index).unwrap();
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            (entry.name().unwrap().into_owned(), content)
        })
        .collect()
}

fn text<'a>(parts: &'a Parts, name: &str) -> &'a str {
    std::str::from_utf8(&parts[name]).unwrap()
}

fn extension() -> Value {
    serde_json::from_slice(&repository("vss-extension.json")).unwrap()
}

/// The values of an attribute in an XML text that a tool wrote.
fn attributes<'a>(xml: &'a str, name: &str) -> BTreeSet<&'a str> {
    xml.split(&format!(" {name}=\""))
        .skip(1)
        .map(|rest| rest.split('"').next().unwrap())
        .collect()
}

/// The Marketplace page, by its name in the package.
const PAGE: &str = "overview.md";

/// The pictures that the page and the listing show.
fn pictures(page: &str) -> BTreeSet<String> {
    let shown = page
        .split("![")
        .skip(1)
        .map(|rest| rest.split_once("](").unwrap().1.split(')').next().unwrap())
        .filter(|to| !to.starts_with("https:"))
        .map(str::to_owned);
    let extension = extension();
    let listed = extension["screenshots"].as_array().into_iter().flatten();
    let listed = listed.map(|each| each["path"].as_str().unwrap().to_owned());
    shown.chain(listed).collect()
}

#[test]
#[ignore = "needs a package: build/vsix"]
fn the_package_holds_what_is_needed_and_nothing_else() {
    let parts = parts();
    let mut expected: BTreeSet<String> = [
        "[Content_Types].xml",
        "extension.vsixmanifest",
        "extension.vsomanifest",
        "LICENSE",
        PAGE,
        "icons/extension-128.png",
        "task/task.json",
        "task/index.js",
        "task/cleanup.js",
        "task/icon.png",
        "gate/task.json",
        "gate/icon.png",
    ]
    .map(str::to_owned)
    .into();
    expected.extend(pictures(text(&parts, PAGE)));
    let others: Vec<_> = parts
        .keys()
        .filter(|name| !expected.contains(*name))
        .collect();
    assert!(!others.is_empty(), "no program is in it");
    for name in others {
        let known = ["linux", "darwin"].iter().any(|system| {
            ["x64", "arm64"].iter().any(|processor| {
                *name == format!("task/bin/{system}-{processor}/image-builder.bin")
                    || *name == format!("task/bin/win32-{processor}/image-builder.exe")
            })
        });
        assert!(known, "{name} does not belong here");
    }
    for name in &expected {
        assert!(parts.contains_key(name), "{name} is missing");
    }
    let size = fs::metadata(package()).unwrap().len();
    assert!(size <= LARGEST, "{size} bytes");
}

#[test]
#[ignore = "needs a package: build/vsix"]
fn what_is_in_the_package_is_what_lies_in_the_repository() {
    let parts = parts();
    for name in [
        "LICENSE",
        "icons/extension-128.png",
        "task/index.js",
        "task/cleanup.js",
        "task/icon.png",
        "gate/icon.png",
    ] {
        assert!(parts[name] == repository(name), "{name}");
    }
    let gate: Value = serde_json::from_slice(&parts["gate/task.json"]).unwrap();
    let own: Value = serde_json::from_slice(&repository("gate/task.json")).unwrap();
    assert_eq!(gate, own);
    let task: Value = serde_json::from_slice(&parts["task/task.json"]).unwrap();
    // The links of the form lead to the pages of this version.
    let own = String::from_utf8(repository("task/task.json")).unwrap();
    let tag = format!("/blob/v{}/", env!("CARGO_PKG_VERSION"));
    let own: Value = serde_json::from_str(&own.replace("/blob/main/", &tag)).unwrap();
    assert_eq!(task, own);
}

/// Microsoft's schema for tasks knows every property and every value of a property.
#[test]
fn the_tasks_manifest_keeps_to_its_schema() {
    let schema = repository("tests/testdata/task-manifest/tasks.schema.json");
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    let validator = jsonschema::draft4::new(&schema).unwrap();
    let mut task: Value = serde_json::from_slice(&repository("task/task.json")).unwrap();
    let offences = |task: &Value| -> Vec<String> {
        let errors = validator.iter_errors(task);
        errors
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect()
    };
    assert_eq!(offences(&task), Vec::<String>::new());
    task["inputs"][0]["kind"] = "string".into();
    assert_eq!(offences(&task).len(), 1);
}

#[test]
#[ignore = "needs a package: build/vsix"]
fn the_installed_manifest_says_what_ours_says() {
    let parts = parts();
    let own = extension();
    let manifest = text(&parts, "extension.vsixmanifest");
    let version = env!("CARGO_PKG_VERSION");
    check_has(
        manifest,
        &format!(
            "Id=\"{}\" Version=\"{version}\"",
            own["id"].as_str().unwrap()
        ),
    );
    for tag in own["tags"].as_array().unwrap() {
        assert!(manifest.contains(tag.as_str().unwrap()), "{tag}");
    }
    assert!(manifest.contains("<Categories>Azure Pipelines</Categories>"));
    for part in [
        "Icons.Default",
        "Content.Details",
        "Content.License",
        "Manifest",
    ] {
        let asset = format!("Asset Type=\"Microsoft.VisualStudio.Services.{part}\"");
        assert!(manifest.contains(&asset), "{asset}");
    }
    for path in attributes(manifest, "Path") {
        assert!(parts.contains_key(path), "{path} is not in the package");
    }
    let contributed: Value = serde_json::from_slice(&parts["extension.vsomanifest"]).unwrap();
    assert_eq!(contributed["contributions"], own["contributions"]);
    // A scope would ask each organisation for a right, and a task needs none.
    assert_eq!(contributed["scopes"], Value::Array(Vec::new()));
}

/// A part without a type is dropped when the extension is installed.
#[test]
#[ignore = "needs a package: build/vsix"]
fn each_part_has_a_content_type() {
    let parts = parts();
    let content_types = text(&parts, "[Content_Types].xml");
    let (extensions, names) = (
        attributes(content_types, "Extension"),
        attributes(content_types, "PartName"),
    );
    for name in parts.keys().filter(|name| *name != "[Content_Types].xml") {
        let typed = names.contains(format!("/{name}").as_str())
            || Path::new(name)
                .extension()
                .is_some_and(|end| extensions.contains(format!(".{}", end.display()).as_str()));
        assert!(typed, "{name}: {content_types}");
    }
}

/// The Marketplace shows the page alone, without the repository around it.
#[test]
#[ignore = "needs a package: build/vsix"]
fn links_of_the_page_lead_somewhere() {
    let parts = parts();
    let page = text(&parts, PAGE);
    let pictures = pictures(page);
    let mut links = 0;
    for to in page
        .split("](")
        .skip(1)
        .map(|rest| rest.split(')').next().unwrap())
    {
        links += 1;
        let leads = to.starts_with("https://") || to.starts_with('#') || pictures.contains(to);
        assert!(leads, "{to}");
    }
    assert!(links > 10, "{links} links were found");
    for picture in pictures {
        assert!(
            text(&parts, "extension.vsixmanifest").contains(&format!("Path=\"{picture}\"")),
            "{picture} cannot be addressed"
        );
    }
}

/// Who has another task of this name needs the whole one, and copies it from the page.
#[test]
#[ignore = "needs a package: build/vsix"]
fn the_page_says_the_qualified_name_of_the_task() {
    let parts = parts();
    let manifest = extension();
    let id = manifest["id"].as_str().unwrap();
    let page = text(&parts, PAGE);
    let publisher = attributes(text(&parts, "extension.vsixmanifest"), "Publisher");
    assert_eq!(publisher.len(), 1);
    for publisher in publisher {
        let name = format!("{publisher}.{id}.{id}.AzureImageBuilderTask@1");
        assert!(page.contains(&name), "{name}");
    }
    assert!(!page.contains("<publisher>") && !page.contains("<!--"));
}

fn is_script(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|own| own == "js")
}

/// Who installs can compare: the package, and each program and script that an agent runs.
#[test]
#[ignore = "needs a package: build/vsix"]
fn the_checksums_are_those_of_the_package() {
    let sum = |bytes: &[u8]| {
        let digest = digest(&SHA256, bytes);
        digest
            .as_ref()
            .iter()
            .fold(String::new(), |mut text, byte| {
                write!(text, "{byte:02x}").unwrap();
                text
            })
    };
    let sums = fs::read_to_string(format!("{}.sha256", package())).unwrap();
    let file = Path::new(&package()).file_name().unwrap().to_owned();
    let parts = parts();
    let run = parts
        .keys()
        .filter(|name| name.starts_with("task/bin/") || is_script(name));
    let mut expected = format!(
        "{}  {}\n",
        sum(&fs::read(package()).unwrap()),
        file.display()
    );
    for name in run {
        writeln!(expected, "{}  {name}", sum(&parts[name])).unwrap();
    }
    assert_eq!(sums, expected);
}

fn number(bytes: &[u8], at: usize, size: usize) -> usize {
    bytes[at..at + size]
        .iter()
        .rev()
        .fold(0, |sum, byte| sum * 256 + usize::from(*byte))
}

/// What the header of a program says: for which platform it is, and whether it wants a loader of the system.
fn header(program: &[u8]) -> (String, bool) {
    match &program[..4] {
        b"\x7fELF" => {
            let processor = match number(program, 18, 2) {
                62 => "x64",
                183 => "arm64",
                other => panic!("processor {other}"),
            };
            let (table, size, count) = (
                number(program, 32, 8),
                number(program, 54, 2),
                number(program, 56, 2),
            );
            // PT_INTERP
            let loader = (0..count).any(|index| number(program, table + index * size, 4) == 3);
            (format!("linux-{processor}"), loader)
        }
        [b'M', b'Z', ..] => {
            let at = number(program, 0x3c, 4);
            assert_eq!(&program[at..at + 4], b"PE\0\0");
            let processor = match number(program, at + 4, 2) {
                0x8664 => "x64",
                0xaa64 => "arm64",
                other => panic!("processor {other:x}"),
            };
            (format!("win32-{processor}"), true)
        }
        [0xcf, 0xfa, 0xed, 0xfe] => {
            let processor = match number(program, 4, 4) {
                0x0100_0007 => "x64",
                0x0100_000c => "arm64",
                other => panic!("processor {other:x}"),
            };
            (format!("darwin-{processor}"), true)
        }
        other => panic!("{other:x?} is no program"),
    }
}

#[test]
#[ignore = "needs a package: build/vsix"]
fn each_program_is_for_the_platform_of_its_folder() {
    let programs: Vec<_> = parts()
        .into_iter()
        .filter(|(name, _)| name.starts_with("task/bin/"))
        .collect();
    assert!(!programs.is_empty());
    for (name, program) in programs {
        let (platform, loader) = header(&program);
        assert_eq!(name.split('/').nth(2), Some(platform.as_str()), "{name}");
        assert!(
            !(platform.starts_with("linux") && loader),
            "{name} needs libraries of the agent's machine"
        );
    }
}

/// A path would tell where a program was built, and make it differ from the same one built elsewhere.
#[test]
#[ignore = "needs a package: build/vsix"]
fn no_program_names_a_folder_of_the_machine_that_built_it() {
    let root = env!("CARGO_MANIFEST_DIR");
    for (name, program) in parts() {
        for place in [root, "/registry/src/", "/rustlib/src/"] {
            let found = program
                .windows(place.len())
                .position(|bytes| bytes == place.as_bytes());
            let around = found.map(|at| {
                String::from_utf8_lossy(
                    &program[at.saturating_sub(40)..program.len().min(at + 100)],
                )
            });
            assert_eq!(around, None, "{name} holds {place}");
        }
    }
}
