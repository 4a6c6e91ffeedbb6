//! The section `[store]`: where orders, requests, callbacks and events are kept.
//!
//! Gathers `store::Settings`. A relative path begins at the configuration file's directory.

use std::path::PathBuf;

use super::Surroundings;
use super::section::Section;
use super::values::{Size, Word, invalid};
use crate::store::{MinFree, Settings};

/// The kinds of store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sled,
}

impl Word for Kind {
    const WORDS: &'static [(&'static str, Self)] = &[("sled", Kind::Sled)];
    const LATER: &'static [&'static str] = &["postgres"];
}

/// Reads the section out of `root`.
pub fn read(root: &mut Section<'_>, around: &Surroundings) -> Settings {
    let mut section = root.section("store");
    // With one kind there is nothing to choose yet; another word is a fault.
    section.or("kind", Kind::Sled);
    section.later(&["url"]);
    let path: PathBuf = section.or("path", "data".into());
    let cache = section.or("cache_size", Size(20_000_000));
    let min_free = min_free(&mut section);
    section.finish();
    Settings::Sled {
        path: around.directory.join(path),
        cache_bytes: cache.0,
        min_free,
    }
}

fn min_free(section: &mut Section<'_>) -> MinFree {
    let bytes = section.or("min_free", Size(512_000_000)).0;
    let percent = section.or("min_free_percent", 5);
    if percent > 100 {
        section.fault("min_free_percent", invalid("a share from 0 to 100"));
    }
    MinFree { bytes, percent }
}
