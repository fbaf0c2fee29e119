//! Lines of all families, and what a terminal would make of them.

use super::*;

fn check(raw: &[u8], kind: Kind, text: &str) {
    let line = Line::read(raw);
    assert_eq!(
        (line.kind, line.text.as_str()),
        (kind, text),
        "{}",
        String::from_utf8_lossy(raw)
    );
}

#[test]
fn all_families_are_read_alike() {
    for raw in [
        "PACKER OUT ==> azure-arm: Deploying deployment template ...",
        "[864c0337] PACKER OUT ==> azure-arm: Deploying deployment template ...",
        "[0901] PACKER 2025/04/08 14:06:56 ui: ==> azure-arm: Deploying deployment template ...",
        "[0901] PACKER ==> azure-arm: Deploying deployment template ...",
        "==> azure-arm: Deploying deployment template ...",
    ] {
        let text = "Deploying deployment template ...";
        check(raw.as_bytes(), Kind::Announcement, text);
    }
    for raw in [
        "[864c0337] PACKER OUT     azure-arm: hello: you",
        "[0901] PACKER 2025/04/08 14:06:56 ui:     azure-arm: hello: you",
        "    azure-arm: hello: you",
        "hello: you",
    ] {
        check(raw.as_bytes(), Kind::Output, "hello: you");
    }
}

#[test]
fn lines_of_the_list_of_contents_are_for_this_program_alone() {
    for (raw, kind, text) in [
        (
            "[8] PACKER 2025/04/08 14:06:56 ui:     azure-arm: image-inventory begin 1 linux",
            Kind::Contents,
            "image-inventory begin 1 linux",
        ),
        (
            "[8] PACKER OUT     azure-arm: image-inventory 0001 H4sI/+==",
            Kind::Contents,
            "image-inventory 0001 H4sI/+==",
        ),
        (
            "    azure-arm: image-inventory end 0001 sha256=3b0c",
            Kind::Contents,
            "image-inventory end 0001 sha256=3b0c",
        ),
        (
            "    azure-arm: image-inventory failed gzip is missing",
            Kind::Output,
            "image-inventory failed gzip is missing",
        ),
        (
            "    azure-arm: image-inventory 1",
            Kind::Output,
            "image-inventory 1",
        ),
    ] {
        check(raw.as_bytes(), kind, text);
        let is_for_people = Line::read(raw.as_bytes()).is_for_people();
        assert_eq!(is_for_people, kind == Kind::Output, "{raw}");
    }
}

#[test]
fn what_machines_say_to_each_other_is_apart() {
    for (raw, kind, text) in [
        (
            "[8] PACKER ERR 2023/06/13 08:28:58 [INFO] (telemetry) Starting provisioner windows-restart",
            Kind::Starting,
            "windows-restart",
        ),
        (
            "[8] PACKER 2023/06/13 08:28:58 [INFO] (telemetry) ending shell",
            Kind::Ending,
            "shell",
        ),
        (
            "[8] PACKER ERR 2023/06/13 08:29:09 packer-provisioner-windows-restart plugin: Waiting for machine to reboot",
            Kind::Diagnostic,
            "Waiting for machine to reboot",
        ),
        (
            "PACKER ERR 2020/04/30 23:30:50 packer: 2020/04/30 23:30:50 Waiting for WinRM, up to timeout: 10m0s",
            Kind::Diagnostic,
            "Waiting for WinRM, up to timeout: 10m0s",
        ),
        (
            "[8] PACKER Done exporting Packer logs to Azure Storage.",
            Kind::Diagnostic,
            "Done exporting Packer logs to Azure Storage.",
        ),
        (
            "[8] PACKER 2025/04/08 14:07:23 ui error: Build 'azure-arm' errored after 3 minutes: x",
            Kind::Errored,
            "Build 'azure-arm' errored after 3 minutes: x",
        ),
        (
            "Build 'azure-arm' finished after 3 minutes 13 seconds.",
            Kind::Finished,
            "Build 'azure-arm' finished after 3 minutes 13 seconds.",
        ),
        (
            "[8] PACKER OUT     azure-arm: Uploading env vars to /tmp/x",
            Kind::Diagnostic,
            "Uploading env vars to /tmp/x",
        ),
    ] {
        check(raw.as_bytes(), kind, text);
    }
}

#[test]
fn progress_is_known_by_its_form() {
    for text in [
        "setup.exe 826 B / 826000 B  1.00%",
        "  12.3 MB / 45.0 MB",
        "  ██████▒▒▒▒  60%",
        " 57%",
    ] {
        assert_eq!(Line::read(text.as_bytes()).kind, Kind::Progress, "{text}");
    }
    for text in ["disk is full: 100%", "and / or", "1 / 2", "5 errors / 3 B"] {
        assert_eq!(Line::read(text.as_bytes()).kind, Kind::Output, "{text}");
    }
}

#[test]
fn a_terminal_would_show_the_same() {
    check(
        b"    azure-arm: \x1b[1;31mred\x1b[0m\r\n",
        Kind::Output,
        "red",
    );
    check(b"a\rb\rlast\r", Kind::Output, "last");
    check(
        b"bad \xff\xfe utf-8",
        Kind::Output,
        "bad \u{fffd}\u{fffd} utf-8",
    );
    check(b"\x1b]0;title\x07text\x08", Kind::Output, "text");
    check(b"", Kind::Output, "");
}

#[test]
fn times_are_utc_and_optional() {
    let time = Line::read(b"[8] PACKER 2025/04/08 14:06:56 ui: x").time;
    assert_eq!(time, Some(time::macros::datetime!(2025-04-08 14:06:56)));
    assert_eq!(Line::read(b"[8] PACKER OUT x").time, None);
    assert_eq!(
        Line::read(b"[8] PACKER 2025/99/08 14:06:56 ui: x").time,
        None
    );
}

#[test]
fn lines_do_not_depend_on_how_the_bytes_come() {
    let log = "one\r\ntwo\n\nünï\nlast";
    for size in 1..=log.len() {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in log.as_bytes().chunks(size) {
            lines.push(piece, |line| found.push(line.text));
        }
        lines.finish(|line| found.push(line.text));
        assert_eq!(found, ["one", "two", "", "ünï", "last"], "pieces of {size}");
    }
}

#[test]
fn a_line_without_end_does_not_fill_the_memory() {
    let (mut lines, mut found) = (Lines::default(), Vec::new());
    for _ in 0..100 {
        lines.push(&[b'x'; 4096], |line| found.push(line.text));
    }
    lines.push(b"\nnext\n", |line| found.push(line.text));
    let lengths: Vec<_> = found.iter().map(String::len).collect();
    assert_eq!(lengths, [LONGEST, 4]);
}
