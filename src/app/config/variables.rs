//! Environment variables laid over the file: `BECKN_BPP__SECTION__NAME__KEY`.
//!
//! Second step of loading. Names are compared without regard to case, and `_` also stands for
//! `-`, which shells do not allow in names. Whether the setting exists is for the sections to say.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::fault::{Fault, Place, Problem};
use super::tree::{Node, Table, Value};

/// What every variable of ours begins with.
pub const PREFIX: &str = "BECKN_BPP__";

/// The variable that sets the key with this dotted name.
#[must_use]
pub fn name_of(key: &str) -> String {
    let name = key.replace('.', "__").replace('-', "_");
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

/// Lays our variables over `table` and returns what is wrong with their names.
pub fn overlay(table: &mut Table, variables: impl Iterator<Item = (String, String)>) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen = BTreeMap::new();
    let variables: BTreeMap<_, _> = variables.collect();
    for (name, value) in variables {
        let Some(path) = path_of(&name) else { continue };
        let place = Place::Variable(Arc::from(name.as_str()));
        let outcome = match seen.insert(path.clone(), name.clone()) {
            Some(other) => {
                let other = other.escape_debug();
                Err(Problem::Conflict(format!("{other} sets the same key")))
            }
            None => set(table, &path, &place, value),
        };
        if let Err(problem) = outcome {
            faults.push(Fault {
                key: path.join(".").escape_debug().to_string(),
                place,
                value: None,
                problem,
            });
        }
    }
    faults
}

/// The parts of the key that a variable names; `None` when it is none of ours.
fn path_of(name: &str) -> Option<Vec<String>> {
    let (prefix, rest) = name.split_at_checked(PREFIX.len())?;
    let ours = prefix.eq_ignore_ascii_case(PREFIX);
    let parts = rest.split("__").map(str::to_ascii_lowercase);
    ours.then(|| parts.collect())
}

fn set(table: &mut Table, path: &[String], place: &Place, value: String) -> Result<(), Problem> {
    let Some((part, rest)) = path.split_first() else {
        return Ok(());
    };
    if part.is_empty() {
        let form = format!("a name of the form {PREFIX}SECTION__KEY or {PREFIX}SECTION__NAME__KEY");
        return Err(Problem::Invalid(form));
    }
    let key = existing(table, part)?.unwrap_or_else(|| part.clone());
    let place_of = || place.clone();
    if rest.is_empty() {
        let value = Value::Untyped(value);
        table.insert(
            key,
            Node {
                place: place_of(),
                value,
            },
        );
        return Ok(());
    }
    let inner = table.entry(key).or_insert_with(|| Node {
        place: place_of(),
        value: Value::Table(Table::new()),
    });
    match &mut inner.value {
        Value::Table(inner) => set(inner, rest, place, value),
        _ => Err(Problem::Conflict(format!(
            "`{}` is set as a value at {}, it has no keys of its own",
            part.escape_debug(),
            inner.place
        ))),
    }
}

/// The key already in the table that the variable's word means.
fn existing(table: &Table, part: &str) -> Result<Option<String>, Problem> {
    let plain = |key: &str| key.to_ascii_lowercase().replace('-', "_");
    let mut same = table.keys().filter(|key| plain(key) == plain(part));
    match (same.next(), same.next()) {
        (Some(one), Some(two)) => Err(Problem::Conflict(format!(
            "the name could mean `{}` or `{}`",
            one.escape_debug(),
            two.escape_debug()
        ))),
        (found, _) => Ok(found.cloned()),
    }
}
