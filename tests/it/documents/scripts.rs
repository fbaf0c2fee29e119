//! The scripts of samples and pages can be read by those who run them. They are not run: they change machines and clouds.

use std::io::Write;
use std::process::{Command, Stdio};

use tree_sitter::{Node, Parser};

use super::files::{pages, samples};

/// What `sh -n` has against a script.
fn shell_error(script: &str) -> Option<String> {
    let mut shell = Command::new("sh")
        .arg("-n")
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    shell
        .stdin
        .take()
        .unwrap()
        .write_all(script.as_bytes())
        .unwrap();
    let output = shell.wait_with_output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The first place that is no PowerShell.
pub(crate) fn powershell_error(script: &str) -> Option<String> {
    let mut parser = Parser::new();
    let language = tree_sitter_powershell::LANGUAGE.into();
    parser.set_language(&language).unwrap();
    let tree = parser.parse(script, None).unwrap();
    let node = first_error(tree.root_node())?;
    let line = script
        .lines()
        .nth(node.start_position().row)
        .unwrap_or_default();
    Some(format!("line {}: {line}", node.start_position().row + 1))
}

fn first_error(node: Node<'_>) -> Option<Node<'_>> {
    if node.is_error() || node.is_missing() {
        return Some(node);
    }
    let mut cursor = node.walk();
    let children: Vec<_> = node.children(&mut cursor).collect();
    children.into_iter().find_map(first_error)
}

#[test]
fn errors_are_found() {
    assert_eq!(shell_error("if true; then echo; fi"), None);
    assert!(shell_error("if true; then echo").is_some());
    assert_eq!(powershell_error("if ($a) { Get-Item -Path $b }"), None);
    assert!(powershell_error("foreach ($a in $b { Get-Item }").is_some());
    assert!(powershell_error("Write-Host \"no end").is_some());
}

#[test]
fn shell_scripts_can_be_read() {
    for script in samples(&["sh"]) {
        assert_eq!(shell_error(&script.text), None, "{}", script.path);
    }
    for page in pages() {
        for block in page.blocks(&["sh", "bash"]) {
            assert_eq!(shell_error(block), None, "{}\n{block}", page.path);
        }
    }
}

#[test]
fn powershell_scripts_can_be_read() {
    for script in samples(&["ps1"]) {
        assert_eq!(powershell_error(&script.text), None, "{}", script.path);
    }
    for page in pages() {
        for block in page.blocks(&["powershell"]) {
            assert_eq!(powershell_error(block), None, "{}\n{block}", page.path);
        }
    }
}

/// PowerShell 5.1, which is what a Windows image has, knows no `&&`, no `?:`, no `??`, and reads a file without a mark as ANSI.
#[test]
fn scripts_for_windows_images_are_plain_ascii() {
    let scripts = samples(&["ps1"]);
    assert!(scripts.len() >= 5);
    for script in scripts {
        assert!(script.text.is_ascii(), "{}", script.path);
        for newer in [" && ", " || ", " ?? ", " ? "] {
            assert!(!script.text.contains(newer), "{}: {newer}", script.path);
        }
    }
}
