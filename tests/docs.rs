//! What the documents point at is there: the links, and the files and modules that the README's
//! picture of the code names.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("text")
}

/// What is below a directory, directories among it.
fn below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found
}

fn documents() -> Vec<PathBuf> {
    let named = ["README.md", "SECURITY.md", "fuzz/README.md"];
    let mut documents: Vec<_> = named.map(|name| root().join(name)).into();
    documents.extend(below(&root().join("docs")));
    documents.retain(|path| path.extension().is_some_and(|end| end == "md"));
    documents
}

/// A heading as the end of a link writes it.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || "-_ ".contains(*c);
    let lower = heading.trim().to_lowercase();
    lower
        .chars()
        .filter(kept)
        .collect::<String>()
        .replace(' ', "-")
}

fn has_heading(document: &Path, wanted: &str) -> bool {
    let text = text(document);
    let mut headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    headings.any(|heading| anchor(heading.trim_start_matches('#')) == wanted)
}

#[test]
fn every_link_within_the_documents_leads_somewhere() {
    let link = Regex::new(r"\]\(([^)\s]+)\)").expect("a pattern");
    let block = Regex::new(r"(?s)```.*?```").expect("a pattern");
    let mut followed = 0;
    for document in documents() {
        let text = text(&document);
        let prose = block.replace_all(&text, "");
        for found in link.captures_iter(&prose) {
            let target = &found[1];
            if target.starts_with("http") {
                continue;
            }
            followed += 1;
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let from = document.parent().expect("a directory");
            let to = match path {
                "" => document.clone(),
                path => from.join(path),
            };
            let told = format!("{} in {}", target, document.display());
            assert!(to.exists(), "{told}");
            assert!(heading.is_empty() || has_heading(&to, heading), "{told}");
        }
    }
    assert!(followed > 20, "only {followed} links were found");
}

#[test]
fn the_picture_and_the_layers_in_the_readme_are_those_of_the_source() {
    let readme = text(&root().join("README.md"));
    let source = below(&root().join("src"));
    let (_, chapter) = readme.split_once("## How it works").expect("a chapter");
    let picture = chapter.split("```").nth(1).expect("a picture");
    let name = Regex::new(r"\b[a-z_]+\.rs\b").expect("a pattern");
    let named: Vec<_> = name.find_iter(picture).map(|name| name.as_str()).collect();
    assert!(named.contains(&"network.rs"), "{picture}");
    for name in named {
        let is_there = source.iter().any(|path| path.ends_with(name));
        assert!(is_there, "there is no {name}");
    }

    let (_, layers) = chapter.split_once("Layers, lowest first").expect("layers");
    let (_, layers) = layers.split_once("otherwise:").expect("a list");
    let layers = layers.split("\n\n").next().expect("a list");
    let word = Regex::new("`([a-z]+)`").expect("a pattern");
    let told: BTreeSet<_> = word
        .captures_iter(layers)
        .map(|w| w[1].to_owned())
        .collect();
    let top = source
        .iter()
        .filter(|path| path.parent() == Some(&root().join("src")));
    let mut modules: BTreeSet<_> = top
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    // They hold nothing but the others.
    modules.retain(|name| name != "lib" && name != "main");
    assert_eq!(told, modules);
}
