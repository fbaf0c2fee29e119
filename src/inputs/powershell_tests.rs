//! Where statements begin and end.

use super::*;

/// The script with `!` before each line at which a statement can begin.
fn marked(script: &str) -> String {
    let mut scanner = Scanner::default();
    let lines = script.lines().map(|line| {
        let mark = if scanner.border().is_some() { "!" } else { "" };
        scanner.read(line);
        format!("{mark}{line}")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn check(marks: &str) {
    assert_eq!(marked(&marks.replace('!', "")), marks);
}

#[test]
fn statements_begin_outside_and_in_blocks() {
    check("!a\n!if ($x) {\n!  b\n!} else {\n!  c\n!}\n!d");
    check("!function F\n!{\n!  a\n!}\n!b");
    check("!$x = Get-Item a | ForEach-Object {\n!  a\n!}");
    check("!foreach ($a in @(\n  1\n)) {\n!  b\n!}");
    check("!try {\n! a\n!} catch {\n! b\n!} finally {\n c\n if (1) {\n  d\n }\n}\n!e");
}

#[test]
fn clauses_and_entries_are_no_statements() {
    check("!switch ($x)\n!{\n  default {\n!   a\n!  }\n}\n!b");
    check("!$y = switch ($x) {\n  a {\n!    b\n!  }\n}");
    check("!$t = @{\n  a = 1\n  b = {\n!   c\n!  }\n}\n!d");
    check("!$switch = 1\n!if ($switch) {\n!  a\n!}");
}

#[test]
fn blocks_of_another_kind_are_left_alone() {
    check("!enum Color {\n  Red\n}\n!class A {\n  [void] B() {\n    c\n  }\n}\n!d");
    check("!Start-Job {\n  a\n}\n!Invoke-Command -ScriptBlock {\n  b\n}\n!c");
}

#[test]
fn texts_and_comments_go_on() {
    check("!$a = 'one\ntwo'\n!b");
    check("!$a = \"one $(\"two\"\n) three\n\"\n!b");
    check("!$a = \"x `\" (\"\n!b");
    check("!$a = @'\n(\n ' '@\n'@\n!b");
    check("!$a = @\"\n\"\n\"@ + 'x'\n!b");
    check("!<# (\nmore #>\n!a # (\n!b#(\nc)\n!d");
    check("!Write-Host \u{201c}a 'b\u{201d}\n!c");
    check("!$a = \"a\"\"b\"\n!c ${x'y}\n!d");
    check("!cmd --% /c \"\n!b");
}

#[test]
fn a_line_that_leaves_a_block_is_not_back() {
    let mut scanner = Scanner::default();
    scanner.read("if ($x) {");
    let border = scanner.border().unwrap();
    scanner.read("  a");
    assert!(scanner.is_back_at(border));
    scanner.read("  b } else { c");
    assert!(!scanner.is_back_at(border));
}

#[test]
fn what_does_not_fit_is_lost() {
    check("!a )\nb\nc");
    check("!a }\nb");
}
#[test]
fn a_text_without_end_is_found() {
    let find = |script: &str| {
        let mut scanner = Scanner::default();
        script.lines().for_each(|line| scanner.read(line));
        scanner.text_without_end()
    };
    assert_eq!(find("a\n& 'c:\\x\nb"), Some(2));
    assert_eq!(find("a 'b'\n@\"\n'\n\"@"), None);
    assert_eq!(find("a 'b'\n$x = @'\n"), Some(2));
    assert_eq!(find("# don't\nWrite-Host a"), None);
}
