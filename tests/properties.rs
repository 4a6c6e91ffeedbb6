//! What must hold for every input, tried on the seeds of the fuzz targets and on what lies near
//! them: a short form of `scripts/fuzz.sh` with the very same properties, seeds and dictionaries.
//!
//! An input that breaks one is printed shrunk. Put it into `fuzz/seeds/TARGET/` under a name that
//! says what it is, mend the code, and write a test that says so in `tests/regressions.rs`.

#[path = "../fuzz/properties/mod.rs"]
mod properties;

use std::any::Any;
use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// Inputs tried on each property; more with `PROPTEST_CASES`.
const CASES: u32 = 500;

fn fuzz(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz")
        .join(name)
}

/// The names in a directory, without their extensions.
fn names(directory: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(fuzz(directory)).expect("a directory");
    let name = |entry: fs::DirEntry| {
        let path = entry.path();
        path.file_stem()
            .expect("a name")
            .to_string_lossy()
            .into_owned()
    };
    entries
        .map(|entry| name(entry.expect("an entry")))
        .collect()
}

fn seeds(target: &str) -> Vec<Vec<u8>> {
    let entries = fs::read_dir(fuzz("seeds").join(target)).expect("a directory");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    let read = |path: PathBuf| fs::read(path).expect("readable");
    paths.into_iter().map(read).collect()
}

/// The dictionary of a target: its own, or that of all targets with the same first word.
fn dictionary(target: &str) -> Vec<Vec<u8>> {
    let family = target.split('_').next().unwrap_or(target);
    let path = |name: &str| fuzz("dictionaries").join(format!("{name}.dict"));
    let text = fs::read_to_string(path(target)).or_else(|_| fs::read_to_string(path(family)));
    let text = text.unwrap_or_else(|error| panic!("no dictionary for {target}: {error}"));
    let words = text.lines().filter(|line| line.starts_with('"'));
    words
        .map(|word| unescaped(word).unwrap_or_else(|| panic!("{target}: {word}")))
        .collect()
}

/// A word as libFuzzer writes it: in quotes, with `\\`, `\"` and `\xAB`.
fn unescaped(word: &str) -> Option<Vec<u8>> {
    let mut rest = word.strip_prefix('"')?.strip_suffix('"')?.as_bytes();
    let mut bytes = Vec::new();
    while let [byte, after @ ..] = rest {
        (bytes, rest) = match (byte, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).ok()?;
                (
                    [bytes, vec![u8::from_str_radix(digits, 16).ok()?]].concat(),
                    after,
                )
            }
            (b'\\', [escaped @ (b'\\' | b'"'), after @ ..]) => {
                ([bytes, vec![*escaped]].concat(), after)
            }
            (b'\\' | b'"', _) => return None,
            _ => ([bytes, vec![*byte]].concat(), after),
        };
    }
    Some(bytes)
}

/// One change of an input.
#[derive(Debug, Clone)]
enum Edit {
    Flip(Index, u8),
    Insert(Index, Index),
    Remove(Index, usize),
    Repeat(Index, usize, usize),
    Splice(Index, Index, Index),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        1 => (at(), 1..=255_u8).prop_map(|(at, by)| Edit::Flip(at, by)),
        4 => (at(), at()).prop_map(|(at, word)| Edit::Insert(at, word)),
        2 => (at(), 1..16_usize).prop_map(|(at, count)| Edit::Remove(at, count)),
        1 => (at(), 1..32_usize, 1..80_usize)
            .prop_map(|(at, count, times)| Edit::Repeat(at, count, times)),
        1 => (at(), at(), at()).prop_map(|(at, seed, from)| Edit::Splice(at, seed, from)),
    ]
}

fn edited(mut bytes: Vec<u8>, edit: &Edit, seeds: &[Vec<u8>], words: &[Vec<u8>]) -> Vec<u8> {
    let length = bytes.len();
    let place = |at: &Index| at.index(length + 1);
    match edit {
        Edit::Flip(at, by) => {
            if let Some(byte) = bytes.get_mut(place(at)) {
                *byte ^= by;
            }
        }
        Edit::Insert(at, word) => {
            let at = place(at);
            bytes.splice(at..at, word.get(words).iter().copied());
        }
        Edit::Remove(at, count) => {
            let at = place(at);
            bytes.drain(at..(at + count).min(length));
        }
        Edit::Repeat(at, count, times) => {
            let at = place(at);
            let part = bytes[at..(at + count).min(length)].repeat(*times);
            bytes.splice(at..at, part);
        }
        Edit::Splice(at, seed, from) => {
            let seed = seed.get(seeds);
            bytes.truncate(place(at));
            bytes.extend_from_slice(&seed[from.index(seed.len() + 1)..]);
        }
    }
    bytes
}

/// What a broken property said.
fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words")
}

/// Tries a property on its seeds and on inputs near them; gives what broke it, shrunk.
fn broken(target: &str) -> Option<String> {
    let (seeds, words) = (seeds(target), dictionary(target));
    let tried = |bytes: &[u8]| {
        let run = catch_unwind(AssertUnwindSafe(|| properties::run(target, bytes)));
        run.map_err(|panic| {
            let shown = bytes.escape_ascii();
            TestCaseError::fail(format!("{target} on \"{shown}\": {}", said(&*panic)))
        })
    };
    let fault = seeds.iter().find_map(|seed| tried(seed).err());
    if let Some(fault) = fault {
        return Some(fault.to_string());
    }
    let config = Config {
        cases: CASES.max(Config::default().cases),
        failure_persistence: None,
        ..Config::default()
    };
    let input = (any::<Index>(), prop::collection::vec(edit(), 0..6));
    let outcome = TestRunner::new(config).run(&input, |(seed, edits)| {
        let bytes = edits.iter().fold(seed.get(&seeds).clone(), |bytes, edit| {
            edited(bytes, edit, &seeds, &words)
        });
        tried(&bytes)
    });
    outcome.err().map(|fault| fault.to_string())
}

#[test]
fn every_property_holds_for_its_seeds_and_for_what_lies_near_them() {
    let faults: Vec<String> = std::thread::scope(|scope| {
        let tries: Vec<_> = properties::TARGETS
            .iter()
            .map(|(target, _)| scope.spawn(|| broken(target)))
            .collect();
        let done = tries.into_iter().map(|one| one.join().expect("a verdict"));
        done.flatten().collect()
    });
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_property_has_a_binary_seeds_and_a_dictionary() {
    let targets = properties::TARGETS
        .iter()
        .map(|(name, _)| (*name).to_owned());
    let targets: BTreeSet<String> = targets.collect();
    assert_eq!(names("fuzz_targets"), targets);
    assert_eq!(names("seeds"), targets);
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).expect("readable");
    for target in &targets {
        let binary = fuzz("fuzz_targets").join(format!("{target}.rs"));
        let text = fs::read_to_string(binary).expect("readable");
        assert!(
            text.contains(&format!("properties::run(\"{target}\", data)")),
            "{target}"
        );
        assert!(
            manifest.contains(&format!("name = \"{target}\"")),
            "{target}"
        );
        assert!(
            !seeds(target).is_empty() && !dictionary(target).is_empty(),
            "{target}"
        );
    }
}

#[test]
fn a_dictionary_word_is_read_as_libfuzzer_reads_it() {
    assert_eq!(
        unescaped(r#""a\"\\\x0a\xFF""#).as_deref(),
        Some(&b"a\"\\\n\xFF"[..])
    );
    for bad in [r#""a"b""#, r#""\n""#, r#""\x1""#, "a"] {
        assert_eq!(unescaped(bad), None, "{bad}");
    }
}
