//! Reading one section: every key is asked for by name, what is left over is unknown.
//!
//! Third step of loading. A [`Section`] hands out typed settings and writes faults and what it
//! handed out into the shared [`Report`], so that reading goes on after a fault.

mod below;
mod lists;

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use zeroize::Zeroizing;

use super::fault::{Fault, Place, Problem};
use super::mask;
use super::report::{Report, Shown};
use super::similar;
use super::tree::{Node, Table, Value};
use super::values::Setting;
use super::variables;

/// A table that is being read.
pub struct Section<'r> {
    report: &'r Report,
    key: String,
    place: Place,
    left: Table,
    known: Vec<&'static str>,
    /// Where each key that was read stands, and its value as written.
    read: BTreeMap<&'static str, (Place, String)>,
}

impl<'r> Section<'r> {
    /// The whole configuration.
    pub fn root(report: &'r Report, table: Table, place: Place) -> Self {
        Self::new(report, String::new(), place, table)
    }

    /// What somebody else than the operator wrote: it stands nowhere in a file.
    pub fn at(report: &'r Report, key: &str, left: Table) -> Self {
        Self::new(report, key.to_owned(), Place::Default, left)
    }

    fn new(report: &'r Report, key: String, place: Place, left: Table) -> Self {
        Self {
            report,
            key,
            place,
            left,
            known: Vec::new(),
            read: BTreeMap::new(),
        }
    }

    /// A setting that has no default; its absence is a fault.
    pub fn required<T: Setting>(&mut self, name: &'static str) -> Option<T> {
        if self.left.contains_key(name) {
            return self.given(name);
        }
        self.known.push(name);
        let expected = match T::parse("") {
            Err(Problem::Invalid(expected)) => expected,
            _ => "a value".to_owned(),
        };
        self.missing(name, expected);
        None
    }

    /// A setting that may be absent.
    pub fn optional<T: Setting>(&mut self, name: &'static str) -> Option<T> {
        if self.left.contains_key(name) {
            return self.given(name);
        }
        self.known.push(name);
        self.show(name, Json::Null, Place::Default);
        None
    }

    /// A setting with a default; the default also stands in for a faulty value.
    pub fn or<T: Setting>(&mut self, name: &'static str, default: T) -> T {
        if self.left.contains_key(name) {
            return self.given(name).unwrap_or(default);
        }
        self.known.push(name);
        self.show(name, default.shown(), Place::Default);
        default
    }

    /// A secret with the variable it is in: it may not stand in the file, and is never shown.
    pub fn secret(&mut self, name: &'static str) -> Option<(String, Zeroizing<String>)> {
        let taken = self.take(name);
        // Nobody is led to write a secret into the file by "did you mean".
        self.known.pop();
        let Some(node) = taken else {
            self.show(name, Json::Null, Place::Default);
            return None;
        };
        self.read
            .insert(name, (node.place.clone(), mask::MASK.to_owned()));
        self.show(name, json!(mask::MASK), node.place.clone());
        match (node.value, node.place) {
            (Value::Untyped(text), Place::Variable(variable)) => {
                Some((variable.to_string(), Zeroizing::new(text.trim().to_owned())))
            }
            _ => {
                let variable = variables::name_of(&self.key_of(name));
                let rule = format!(
                    "a secret does not stand in this file: name a file in {name}_file, or set {variable}"
                );
                self.fault(name, Problem::Conflict(rule));
                None
            }
        }
    }

    /// Whether something is written under this name; ask before reading it.
    pub fn has(&mut self, name: &'static str) -> bool {
        let has = self.left.contains_key(name);
        if !has {
            self.known.push(name);
        }
        has
    }

    /// Names that a later release will know: honest about it when they are used.
    pub fn later(&mut self, names: &[&str]) {
        for name in names {
            if let Some(node) = self.left.remove(*name) {
                self.push(self.key_of(name), node.place, None, Problem::NotAvailable);
            }
        }
    }

    /// Names that have a use in another section of this sort, but none in this one: whoever writes
    /// one is told why.
    pub fn no_use(&mut self, names: &[&str], why: &str) {
        for name in names {
            if let Some(node) = self.left.remove(*name) {
                let problem = Problem::Conflict(why.to_owned());
                self.push(self.key_of(name), node.place, None, problem);
            }
        }
    }

    /// Leaves out what others will read: it is known here, and not looked at.
    pub fn skip(&mut self, names: &[&'static str]) {
        for name in names {
            self.known.push(name);
            self.left.remove(*name);
        }
    }

    /// Reports a fault of a key that was read, or of the section when it was not.
    pub fn fault(&self, name: &'static str, problem: Problem) {
        let (place, value) = match self.read.get(name) {
            Some((place, value)) => (place.clone(), Some(value.clone())),
            None => (self.place.clone(), None),
        };
        self.push(self.key_of(name), place, value, problem);
    }

    /// Reports a fault of the section itself.
    pub fn fault_here(&self, problem: Problem) {
        self.push(self.key.clone(), self.place.clone(), None, problem);
    }

    /// Whether the key was written anywhere; ask after reading it.
    #[must_use]
    pub fn is_given(&self, name: &str) -> bool {
        self.read.contains_key(name)
    }

    /// Whether faults of the key or of what is below it were reported already.
    #[must_use]
    pub fn has_faults_below(&self, name: &str) -> bool {
        let key = self.key_of(name);
        let faults = self.report.faults.borrow();
        faults.iter().any(|fault| fault.key.starts_with(&key))
    }

    /// The section's dotted name.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Ends the reading: whatever nobody asked for is unknown.
    pub fn finish(self) {
        for (name, node) in &self.left {
            let suggestion = similar::closest(name, &self.known).map(str::to_owned);
            let known = self.known.iter().map(ToString::to_string).collect();
            let problem = Problem::Unknown { suggestion, known };
            self.push(self.key_of(name), node.place.clone(), None, problem);
        }
    }

    /// Reads a value that is there.
    fn given<T: Setting>(&mut self, name: &'static str) -> Option<T> {
        let node = self.take(name)?;
        let item = self.item(name, &node)?;
        self.show(name, T::shown(&item), node.place);
        Some(item)
    }

    fn item<T: Setting>(&self, name: &str, node: &Node) -> Option<T> {
        let fault = |problem| {
            let shown = mask::value(&node.value.shown());
            self.push(self.key_of(name), node.place.clone(), Some(shown), problem);
        };
        T::read(&node.value).map_err(fault).ok()
    }

    fn take(&mut self, name: &'static str) -> Option<Node> {
        self.known.push(name);
        let node = self.left.remove(name)?;
        let written = mask::value(&node.value.shown());
        self.read.insert(name, (node.place.clone(), written));
        Some(node)
    }

    /// Reports that a key has to be given.
    pub fn missing(&self, name: &'static str, expected: String) {
        // Tables of an array have no variables of their own.
        let key = self.key_of(name);
        let variable = (!key.contains('[')).then(|| variables::name_of(&key));
        self.fault(name, Problem::Missing { expected, variable });
    }

    fn key_of(&self, name: &str) -> String {
        let bare = |c: char| c.is_ascii_alphanumeric() || "-_[]".contains(c);
        let name = match name.chars().all(bare) && !name.is_empty() {
            true => name.to_owned(),
            false => json!(name).to_string(),
        };
        match self.key.as_str() {
            "" => name,
            key => format!("{key}.{name}"),
        }
    }

    fn show(&self, name: &str, value: Json, origin: Place) {
        let key = self.key_of(name);
        let shown = Shown { key, value, origin };
        self.report.shown.borrow_mut().push(shown);
    }

    fn push(&self, key: String, place: Place, value: Option<String>, problem: Problem) {
        let fault = Fault {
            key,
            place,
            value,
            problem,
        };
        self.report.faults.borrow_mut().push(fault);
    }
}
