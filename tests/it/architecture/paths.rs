//! The paths in the code of a file, each from the root of the crate.

use std::collections::BTreeSet;
use std::str::FromStr as _;

use proc_macro2::{TokenStream, TokenTree};

/// The names of a path: `arm`, `auth`, `Token` for `crate::arm::auth::Token`.
pub(super) type Path = Vec<String>;

/// A path that a file names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    /// From the root of the crate. The last name is `*` for everything in a module.
    pub(super) path: Path,
    /// The name that it has in the file from then on: of an import alone, and not of everything in a module.
    pub(super) imported_as: Option<String>,
    /// Whether others take it from this file: `pub use`, with any visibility.
    pub(super) is_re_export: bool,
}

/// Every path of the crate in `code`, which is that of the module `module`. Paths begin with `crate`, the crate's own name, `super`, `self` or the
/// name of one of the module's `children`; others lead out of the crate, or to a name that was imported.
pub(super) fn paths(code: &str, module: &[String], children: &[&str]) -> BTreeSet<Named> {
    let tokens = TokenStream::from_str(code).unwrap();
    let mut found = BTreeSet::new();
    let mut add = |names: &[String], imported_as: Option<String>, is_re_export: bool| {
        if let Some(path) = from_the_root(names, module, children) {
            found.insert(Named {
                path,
                imported_as,
                is_re_export,
            });
        }
    };
    walk(&tokens.into_iter().collect::<Vec<_>>(), &mut add);
    found
}

fn from_the_root(names: &[String], module: &[String], children: &[&str]) -> Option<Path> {
    let supers = names.iter().take_while(|name| *name == "super").count();
    let (start, rest) = match names.first()?.as_str() {
        "crate" | "image_builder" => (&module[..0], &names[1..]),
        "self" => (module, &names[1..]),
        "super" => (&module[..module.len() - supers], &names[supers..]),
        child if children.contains(&child) => (module, names),
        _ => return None,
    };
    Some(start.iter().chain(rest).cloned().collect())
}

fn walk(tokens: &[TokenTree], add: &mut impl FnMut(&[String], Option<String>, bool)) {
    let mut at = 0;
    while at < tokens.len() {
        match &tokens[at] {
            TokenTree::Ident(word) if *word == "use" && !is(tokens, at + 1, '<') => {
                let before = at.checked_sub(1).map(|before| &tokens[before]);
                // `pub use`, `pub(crate) use`.
                let is_re_export = before.is_some_and(is_pub)
                    || (at > 1
                        && is_pub(&tokens[at - 2])
                        && matches!(before, Some(TokenTree::Group(_))));
                let length = tokens[at..]
                    .iter()
                    .position(
                        |token| matches!(token, TokenTree::Punct(end) if end.as_char() == ';'),
                    )
                    .unwrap();
                use_tree(&[], &tokens[at + 1..at + length], &mut |path, name| {
                    add(path, name, is_re_export);
                });
                at += length;
            }
            TokenTree::Ident(word) => {
                let mut names = vec![word.to_string()];
                while is(tokens, at + 1, ':') && is(tokens, at + 2, ':') {
                    let Some(TokenTree::Ident(word)) = tokens.get(at + 3) else {
                        break;
                    };
                    names.push(word.to_string());
                    at += 3;
                }
                if names.len() > 1 {
                    add(&names, None, false);
                }
                at += 1;
            }
            // `pub(in crate::a)` names who sees the item.
            TokenTree::Group(_) if at > 0 && is_pub(&tokens[at - 1]) => at += 1,
            TokenTree::Group(group) => {
                walk(&group.stream().into_iter().collect::<Vec<_>>(), add);
                at += 1;
            }
            TokenTree::Punct(_) | TokenTree::Literal(_) => at += 1,
        }
    }
}

fn is_pub(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Ident(word) if *word == "pub")
}

fn is(tokens: &[TokenTree], at: usize, expected: char) -> bool {
    matches!(tokens.get(at), Some(TokenTree::Punct(found)) if found.as_char() == expected)
}

/// What follows `use`: `a::{b as c, d::{self, e}}` is `a::b` under the name `c`, `a::d` and `a::d::e`.
fn use_tree(start: &[String], tree: &[TokenTree], add: &mut impl FnMut(&[String], Option<String>)) {
    let is_comma =
        |token: &TokenTree| matches!(token, TokenTree::Punct(found) if found.as_char() == ',');
    for branch in tree.split(is_comma) {
        let mut path = start.to_vec();
        let mut renamed = None;
        let mut tokens = branch.iter();
        let mut is_leaf = !branch.is_empty();
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(word) if *word == "as" => {
                    renamed = tokens.next().map(ToString::to_string);
                }
                TokenTree::Ident(word) if *word == "self" && !path.is_empty() => {}
                TokenTree::Ident(word) => path.push(word.to_string()),
                TokenTree::Punct(star) if star.as_char() == '*' => path.push("*".to_owned()),
                TokenTree::Group(group) => {
                    use_tree(&path, &group.stream().into_iter().collect::<Vec<_>>(), add);
                    is_leaf = false;
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
        if is_leaf {
            let last = path.last().filter(|name| *name != "*");
            let name = renamed.or_else(|| last.cloned());
            add(&path, name);
        }
    }
}

#[test]
fn every_way_to_write_a_path_is_read() {
    let check = |code: &str, module: &str, expected: &[&str]| {
        let module: Path = module.split("::").map(ToOwned::to_owned).collect();
        let found = paths(code, &module, &["child"]);
        let found: Vec<_> = found.iter().map(|named| named.path.join("::")).collect();
        assert_eq!(found, expected, "{code}");
    };
    check("use crate::arm::Arm;", "a", &["arm::Arm"]);
    check("use crate::{run, arm::Arm};", "a", &["arm::Arm", "run"]);
    check(
        "use crate::{\n    arm::{Arm, auth::{self, Token as T}},\n    run::*,\n};\nuse x::y;",
        "a",
        &["arm::Arm", "arm::auth", "arm::auth::Token", "run::*"],
    );
    check("fn f() -> crate::error::Error {}", "a", &["error::Error"]);
    check("use image_builder::job;", "a", &["job"]);
    check("use super::x;", "a::b", &["a::x"]);
    check("use super::super::run::x;", "a::b", &["run::x"]);
    check(
        "fn f() { super::x::g(&[self::y()]) }",
        "a::b",
        &["a::b::y", "a::x::g"],
    );
    check(
        "fn f() { child::g(); other::h(); a.child }",
        "a",
        &["a::child::g"],
    );
    check("pub(in crate::b) fn f() {}", "a", &[]);
    check("use child::X;\nuse std::io;", "a::b", &["a::b::child::X"]);
    check("const A: &str = \"crate::b\"; // crate::c\n", "a", &[]);
    check(
        "fn f() -> impl A + use<'_> { crate::b::c() }",
        "a",
        &["b::c"],
    );
}

#[test]
fn a_name_that_others_take_from_a_file_is_known() {
    let check = |code: &str, imported_as: &str, is_re_export: bool| {
        let found = paths(code, &["a".to_owned()], &["child"]);
        let found = found.first().unwrap();
        let expected = Some(imported_as.to_owned());
        assert_eq!(
            (&found.imported_as, found.is_re_export),
            (&expected, is_re_export),
            "{code}"
        );
    };
    check("use child::X;", "X", false);
    check("pub use child::X as Y;", "Y", true);
    check("pub(crate) use child::{self};", "child", true);
    check("#[allow(x)]\nuse child::X;", "X", false);
}
