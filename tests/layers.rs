//! The layers hold: imports point strictly down, and time, files and sockets stay at the edge.
//!
//! Reads `src/` as text. Test modules are left out. A new top module must be given a number
//! here; a new reader of the clock below the doors must be named here with its reason.

#[path = "common/tokens.rs"]
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tokens::{paths, tokens, without_tests};

/// The layer of each top module, and the only ones it may import where that is not simply
/// every lower one.
const LAYERS: [(&str, u8, Option<&[&str]>); 15] = [
    ("domain", 0, None),
    ("crypto", 1, Some(&[])),
    ("protocol", 2, None),
    ("store", 3, Some(&["domain", "protocol"])),
    ("registry", 3, None),
    ("networks", 4, None),
    (
        "engine",
        5,
        Some(&["domain", "protocol", "store", "registry", "networks"]),
    ),
    ("delivery", 5, None),
    ("hook", 6, None),
    ("overdue", 6, None),
    ("http", 6, None),
    ("mock", 6, Some(&["domain", "crypto", "protocol"])),
    ("app", 7, None),
    ("lib", 7, None),
    ("main", 8, None),
];

/// From this layer on the clock is read; below, `now` is an argument.
const EDGE: u8 = 6;

/// Up to this layer nothing does I/O.
const PURE: u8 = 2;

/// Who reads a clock below the edge, always the monotonic one.
const CLOCK_READERS: [(&str, &str); 3] = [
    (
        "delivery/attempt.rs",
        "measures how long an attempt took, for people",
    ),
    (
        "delivery/send.rs",
        "one deadline over all of an attempt's waiting",
    ),
    (
        "delivery/steady.rs",
        "is the worker's clock: due times must not run backwards",
    ),
];

const CLOCKS: [&str; 4] = ["Utc", "Local", "Instant", "SystemTime"];

/// Source files by their path below `src/`.
type Files = BTreeMap<String, String>;

fn source() -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Files::new();
    let mut open = vec![root.clone()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let name = path.strip_prefix(&root).expect("below src").display();
                let text = std::fs::read_to_string(&path).expect("text");
                files.insert(name.to_string(), text);
            }
        }
    }
    files
}

/// Everything that breaks a rule, in words.
fn violations(files: &Files) -> Vec<String> {
    let cut: BTreeMap<&str, _> = files
        .iter()
        .map(|(name, text)| (name.as_str(), without_tests(&tokens(text))))
        .collect();
    let tests: BTreeSet<String> = cut
        .iter()
        .flat_map(|(name, (_, tests))| tests.iter().map(|test| file_of(name, test)))
        .collect();
    let looked_at = cut.iter().filter(|(name, _)| !tests.contains(**name));
    looked_at
        .flat_map(|(name, (tokens, _))| check(name, tokens))
        .collect()
}

/// Where the module that a file declares is.
fn file_of(declared_in: &str, (module, path): &(String, Option<String>)) -> String {
    let stem = declared_in.trim_end_matches(".rs");
    let (directory, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    let own = matches!(name, "mod" | "lib" | "main");
    match path {
        Some(path) => format!("{directory}/{path}"),
        None if own => format!("{directory}/{module}.rs"),
        None => format!("{stem}/{module}.rs"),
    }
}

fn check(name: &str, tokens: &[String]) -> Vec<String> {
    let top = top_of(name);
    let Some((_, layer, _)) = LAYERS.iter().find(|(known, ..)| *known == top) else {
        return vec![format!("{name}: {top} has no layer")];
    };
    let mut wrong = Vec::new();
    for path in paths(tokens) {
        let shown = path.join("::");
        if let Some(imported) = imported(name, &path).filter(|i| !may_import(top, i)) {
            wrong.push(format!(
                "{name}: {top} must not import {imported} ({shown})"
            ));
        }
        if reads_clock(&path) && *layer < EDGE && !is_clock_reader(name) {
            wrong.push(format!("{name}: reads the clock ({shown})"));
        }
        if path.last().is_some_and(|last| last == "*") {
            wrong.push(format!("{name}: imports everything ({shown})"));
        }
        if *layer <= PURE && path[0] == "std" && matches!(path[1].as_str(), "fs" | "net") {
            wrong.push(format!("{name}: does I/O ({shown})"));
        }
    }
    let io = |word: &&String| {
        matches!(word.as_str(), "tokio" | "sled" | "reqwest") || word.starts_with("actix")
    };
    if let Some(word) = tokens.iter().find(io).filter(|_| *layer <= PURE) {
        wrong.push(format!("{name}: does I/O ({word})"));
    }
    if tokens.iter().any(|word| word == "unsafe") {
        wrong.push(format!("{name}: is unsafe"));
    }
    wrong
}

fn top_of(name: &str) -> &str {
    name.split('/')
        .next()
        .unwrap_or(name)
        .trim_end_matches(".rs")
}

/// The top module that a path leads to, when it is one of ours.
fn imported<'a>(name: &str, path: &'a [String]) -> Option<&'a str> {
    let supers = path.iter().take_while(|part| *part == "super").count();
    let at = match path[0].as_str() {
        "crate" | "beckn_bpp" => 1,
        "super" if supers >= depth(name) => supers,
        _ => return None,
    };
    path.get(at).map(String::as_str)
}

/// How many modules a file is below the root.
fn depth(name: &str) -> usize {
    let parts: Vec<&str> = name.trim_end_matches(".rs").split('/').collect();
    match parts.last() {
        Some(&"mod" | &"lib" | &"main") => parts.len() - 1,
        _ => parts.len(),
    }
}

fn may_import(top: &str, other: &str) -> bool {
    let find = |name| LAYERS.iter().find(|(known, ..)| *known == name);
    match (find(top), find(other)) {
        _ if top == other => true,
        (Some((_, from, only)), Some((_, to, _))) => {
            to < from && only.is_none_or(|only| only.contains(&other))
        }
        _ => false,
    }
}

fn reads_clock(path: &[String]) -> bool {
    matches!(path, [.., clock, now] if now == "now" && CLOCKS.contains(&clock.as_str()))
}

fn is_clock_reader(name: &str) -> bool {
    CLOCK_READERS.iter().any(|(reader, _)| *reader == name)
}

#[test]
fn imports_point_down_and_only_the_edge_touches_the_world() {
    let wrong = violations(&source());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn whoever_may_read_the_clock_does() {
    let files = source();
    for (name, reason) in CLOCK_READERS {
        let read = paths(&tokens(&files[name]))
            .iter()
            .any(|path| reads_clock(path));
        assert!(read, "{name} no longer {reason}: take it off the list");
    }
}

#[test]
fn unsafe_code_is_forbidden_in_library_and_binary() {
    let files = source();
    for root in ["lib.rs", "main.rs"] {
        assert!(files[root].contains("#![forbid(unsafe_code)]"), "{root}");
    }
}

/// What is wrong with one file of one line.
fn judged(name: &str, text: &str) -> Vec<String> {
    violations(&Files::from([(name.to_owned(), text.to_owned())]))
}

#[test]
fn every_rule_can_be_broken() {
    for (name, text) in [
        ("domain/money.rs", "use crate::crypto::digest;"),
        ("crypto/keys.rs", "use crate::domain::ids::KeyId;"),
        ("store/mod.rs", "use crate::registry::Registry;"),
        ("store/mod.rs", "use crate::crypto::keys;"),
        ("registry/ask.rs", "use crate::store::Store;"),
        ("engine/mod.rs", "use crate::delivery::Settings;"),
        ("engine/mod.rs", "fn f() { crate::http::reply::ack() }"),
        ("engine/mod.rs", "use crate::{domain, app::config};"),
        ("engine/mod.rs", "use super::crypto;"),
        ("engine/cancel.rs", "use super::super::crypto::keys;"),
        ("mock/bap.rs", "use crate::store::Store;"),
        ("http/mod.rs", "use crate::mock;"),
        (
            "http/mod.rs",
            "fn f(x: &'a str) -> char { '\"' } use crate::app;",
        ),
        ("extra/mod.rs", ""),
        ("domain/order.rs", "fn f() { let now = Utc::now(); }"),
        ("engine/mod.rs", "fn f() { std::time::Instant::now(); }"),
        (
            "store/sled/mod.rs",
            "static CLOCK: fn() = chrono::Local::now;",
        ),
        ("delivery/guard.rs", "fn f() { SystemTime::now() }"),
        ("app/mod.rs", "fn f() { unsafe { g() } }"),
        ("http/mod.rs", "use crate::domain::{ids::*, order};"),
        ("domain/ids.rs", "use tokio::sync::mpsc;"),
        ("protocol/mod.rs", "use actix_web::web;"),
        ("crypto/keys.rs", "use std::{fmt, fs::File};"),
        ("protocol/mod.rs", "fn f(ip: std::net::IpAddr) {}"),
    ] {
        assert_eq!(judged(name, text).len(), 1, "{name}: {text}");
    }
}

#[test]
fn what_is_allowed_passes_and_tests_may_do_more() {
    for (name, text) in [
        (
            "engine/mod.rs",
            "use crate::domain; use crate::store::{self, Store};",
        ),
        (
            "engine/cancel.rs",
            "use super::Engine; use crate::networks::Network;",
        ),
        (
            "http/admin/mod.rs",
            "use crate::http::Doors; use super::super::domain;",
        ),
        (
            "domain/order.rs",
            "//! crate::http\n/* crate::app /* x */ */ const T: &str = \"crate::app\";",
        ),
        (
            "domain/order.rs",
            "const T: &str = r#\"\" use crate::app; \"#;",
        ),
        (
            "domain/order.rs",
            "#[cfg(test)] mod tests { use super::*; use crate::app; }",
        ),
        (
            "domain/order.rs",
            "#[cfg(test)] use crate::app::X; fn f(a: [u8; 2]) {}",
        ),
        ("delivery/steady.rs", "fn f() { Instant::now() }"),
        ("http/mod.rs", "fn f() { Utc::now() }"),
        ("lib.rs", "#![forbid(unsafe_code)] pub mod app;"),
    ] {
        assert_eq!(judged(name, text), Vec::<String>::new(), "{name}: {text}");
    }
}

#[test]
fn test_modules_in_files_of_their_own_are_left_out() {
    let bad = "use crate::app;".to_owned();
    for (declared_in, declaration, file) in [
        (
            "domain/mod.rs",
            "#[cfg(test)] mod tests;",
            "domain/tests.rs",
        ),
        (
            "domain/money.rs",
            "#[cfg(test)] mod tests;",
            "domain/money/tests.rs",
        ),
        (
            "domain/money.rs",
            "#[cfg(test)] #[path = \"odd.rs\"] mod tests;",
            "domain/odd.rs",
        ),
    ] {
        let both = |declaration: &str| {
            Files::from([
                (declared_in.to_owned(), declaration.to_owned()),
                (file.to_owned(), bad.clone()),
            ])
        };
        assert_eq!(
            violations(&both(declaration)),
            Vec::<String>::new(),
            "{file}"
        );
        assert_eq!(violations(&both("mod tests;")).len(), 1, "{file}");
    }
}
