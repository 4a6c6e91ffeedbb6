//! Reads every record of a store, and says everything that does not fit.
//!
//! sled checks a page when it reads it, and can lose a damaged one without a word. So each
//! record is not only read but asked for from the others that tell of it: a request for its
//! callback, a callback for its body and its place in the line, an index entry for its callback,
//! an event for the one before it. Works on a [`copy`](super::copy); repairs nothing. The rules
//! for each kind of record are in [`rules`](super::rules).

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use sled::{Db, IVec, Tree};

use super::copy::Copy;
use super::draft::Numbers;
use super::migrate::migrate;
use super::open::{FORMAT, Format};
use super::tip::Tip;
use super::{keys, rules, values};
use crate::domain::told::told;
use crate::store::Error;

/// At most so many findings are kept in words; the others are counted.
const MOST_FINDINGS: usize = 10_000;

/// sled's page cache while it reads.
const CACHE_BYTES: u64 = 64 << 20;

/// How a body is digested, as the requests tell it.
pub type Digest = fn(&[u8]) -> String;

/// What a check found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many records there are of each kind.
    pub counts: BTreeMap<&'static str, u64>,
    /// What does not fit, a sentence each.
    pub findings: Vec<String>,
    /// How many more findings there were than are kept.
    pub more_findings: u64,
}

impl Report {
    /// Whether nothing was found.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Notes something that does not fit.
    pub(super) fn found(&mut self, finding: impl Into<String>) {
        match self.findings.len() < MOST_FINDINGS {
            true => self.findings.push(finding.into()),
            false => self.more_findings += 1,
        }
    }
}

/// Checks a store that no server has open, on a copy in `scratch`.
///
/// # Errors
/// When it cannot be looked at: there is none, a server has it, a newer release wrote it, or the
/// copy finds no room. What is wrong with the records is in the report.
pub fn check(store: &Path, scratch: &Path, digest: Digest) -> Result<Report, Error> {
    let copy = Copy::take(store, scratch)?;
    let mut report = Report::default();
    if let Some(db) = open(copy.path(), &mut report) {
        let numbers = check_frame(store, &db, &mut report)?;
        let mut reading = Reading {
            tree: &db,
            numbers,
            digest,
            last_of: BTreeMap::new(),
            report: &mut report,
        };
        rules::KINDS.iter().for_each(|kind| reading.scan(kind));
        reading.strange_kinds();
        rules::newest(&mut reading);
    }
    Ok(report)
}

/// Opens the copy; what keeps it from opening is a finding.
pub(super) fn open(copy: &Path, report: &mut Report) -> Option<Db> {
    let config = sled::Config::new().path(copy).cache_capacity(CACHE_BYTES);
    match guarded(|| Ok(config.open()?)) {
        Ok(db) => Some(db),
        Err(why) => {
            report.found(format!("sled cannot open the files: {why}"));
            None
        }
    }
}

/// The format, the tip, and the last numbers given out. What is behind the tip has lost its end.
///
/// # Errors
/// When a newer release wrote the store.
pub(super) fn check_frame(store: &Path, db: &Db, report: &mut Report) -> Result<Numbers, Error> {
    match guarded(|| values::record::<Format>(&**db, keys::FORMAT)) {
        Ok(Some(format)) if format.number > FORMAT => {
            return Err(Error::TooNew {
                found: format.number,
                known: FORMAT,
            });
        }
        // What is looked at is a copy: it may be brought up to date like the store itself would.
        Ok(Some(format)) => {
            if let Err(why) = guarded(|| migrate(db, format)) {
                report.found(why);
            }
        }
        Ok(None) if db.is_empty() => {}
        Ok(None) => report.found("the record of the format is missing"),
        Err(why) => report.found(why),
    }
    let numbers = guarded(|| values::record::<Numbers>(&**db, keys::NUMBERS));
    let numbers = numbers.map_err(|why| report.found(why));
    let numbers = numbers.ok().flatten().unwrap_or_default();
    if let Err(error) = Tip::check(store, numbers.batch) {
        report.found(finding(&error));
    }
    Ok(numbers)
}

/// Runs what reads; a panic of sled's is an answer like any other.
pub(super) fn guarded<T>(read: impl FnOnce() -> Result<T, Error>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(read)) {
        Ok(result) => result.map_err(|error| finding(&error)),
        Err(_) => Err("sled panicked over what it read".to_owned()),
    }
}

/// An error with its causes, without what every finding says.
fn finding(error: &Error) -> String {
    let text = told(error);
    let text = text.strip_prefix("the store is corrupt: ").unwrap_or(&text);
    text.to_owned()
}

/// A kind of record: the letter its keys begin with, its name, and its rule.
pub(super) struct Kind {
    /// See [`keys`].
    pub letter: u8,
    /// As the report counts it.
    pub name: &'static str,
    /// Looks at one record.
    pub rule: fn(&mut Reading<'_>, &[u8], &IVec) -> Result<(), Error>,
}

/// A check under way.
pub(super) struct Reading<'a> {
    /// The records.
    pub tree: &'a Tree,
    /// The last numbers given out.
    pub numbers: Numbers,
    /// How a body is digested.
    pub digest: Digest,
    /// The number looked at last, of the kinds that are numbered without gaps.
    pub last_of: BTreeMap<&'static str, u64>,
    /// What was found so far.
    pub report: &'a mut Report,
}

impl Reading<'_> {
    /// Looks at every record of a kind. Behind a page that cannot be read sled finds no more.
    fn scan(&mut self, kind: &Kind) {
        let mut entries = self.tree.scan_prefix([kind.letter]);
        let mut last = vec![kind.letter];
        loop {
            let entry = match guarded(|| Ok(entries.next().transpose()?)) {
                Ok(Some(entry)) => entry,
                Ok(None) => return,
                Err(why) => {
                    let last = last.escape_ascii();
                    let name = kind.name;
                    self.report
                        .found(format!("{name}: nothing can be read after {last}: {why}"));
                    return;
                }
            };
            *self.report.counts.entry(kind.name).or_default() += 1;
            let (key, entry) = entry;
            if let Err(why) = guarded(|| (kind.rule)(self, &key, &entry)) {
                self.report.found(format!("{}: {why}", kind.name));
            }
            last = key.to_vec();
        }
    }

    /// Keys that no release of this format has written.
    fn strange_kinds(&mut self) {
        let known = |letter: &u8| rules::KINDS.iter().any(|kind| kind.letter == *letter);
        for letter in (0..=u8::MAX).filter(|letter| !known(letter)) {
            let first =
                guarded(|| Ok(self.tree.scan_prefix([letter]).keys().next().transpose()?));
            if let Ok(Some(key)) = first {
                let key = key.escape_ascii();
                self.report.found(format!("{key}: a key of no known kind"));
            }
        }
    }
}
