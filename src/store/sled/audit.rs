//! The audit entries: written before what they tell of is done, and read in their order.
//!
//! They belong to no order and survive all of them; only their age makes them go (`prune`).

use super::draft::Draft;
use super::keys;
use super::tables::Tables;
use crate::store::{AuditEntry, Error};

/// Writes an entry under the next number.
pub(super) fn note(draft: &mut Draft<'_>, entry: AuditEntry) -> Result<(), Error> {
    let numbers = draft.numbers();
    numbers.audit += 1;
    let sequence = numbers.audit;
    draft.insert_record(keys::audit(sequence), &AuditEntry { sequence, ..entry })
}

/// Reads entries after one number, in order.
pub(super) fn after(tables: &Tables, after: u64, limit: usize) -> Result<Vec<AuditEntry>, Error> {
    tables
        .entries_after(vec![keys::AUDIT], Some(keys::audit(after)))
        .filter_map(|entry| tables.decode(entry).transpose())
        .take(limit)
        .collect()
}
