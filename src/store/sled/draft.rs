//! What the next batch will write, before it is written.
//!
//! A few jobs share one sled batch, because opening a batch costs more than a write. Each
//! job reads through the draft, so it sees the jobs before it; what it writes is set apart
//! until it is accepted, so a job that is refused leaves nothing behind. Beside the writes a
//! draft gathers the numbers given out and the [`Effect`]s on the schedule, which are held
//! back until the batch is on stable storage.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sled::{Batch, IVec, Tree};

use super::fresh::Fresh;
use super::keys::{self, Key};
use super::pack;
use super::schedule::Head;
use super::values::{self, Source};
use crate::store::{CallbackId, Error};

/// The last numbers given out. Kept beside the records, so that pruning the newest record
/// never makes its number come again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Numbers {
    /// Of a callback.
    pub callback: u64,
    /// Of an event.
    pub event: u64,
    /// Of a place in a waiting line; a redriven callback takes a new one, at the back.
    pub place: u64,
    /// Of an audit entry.
    #[serde(default)]
    pub audit: u64,
    /// Of a batch: see [`super::tip`].
    #[serde(default)]
    pub batch: u64,
}

/// A change to the schedule, made once the write it belongs to is durable.
#[derive(Debug)]
pub(super) enum Effect {
    /// A callback became the first of its order.
    Ready(Head),
    /// A callback that was just committed will be sent next.
    Fresh(Box<Fresh>),
    /// A waiting callback closed without being sent.
    Withdrawn(Head),
    /// An attempt ended.
    LeaseEnded(CallbackId),
    /// A subscriber is held: its id as compared, and as written. `None` is all.
    Held(Option<(String, String)>),
    /// A hold ended. `None` ends every one.
    Released(Option<String>),
    /// So many more callbacks are owed.
    Pending(i64),
    /// So many more callbacks are given up on.
    Dead(i64),
}

#[derive(Default)]
struct Layer {
    writes: BTreeMap<Key, Option<IVec>>,
    numbers: Numbers,
    effects: Vec<Effect>,
}

/// See the module's text.
pub(super) struct Draft<'a> {
    tree: &'a Tree,
    accepted: Layer,
    job: Layer,
}

impl Source for Draft<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, Error> {
        let layers = [&self.job.writes, &self.accepted.writes];
        match layers.iter().find_map(|writes| writes.get(key)) {
            Some(written) => Ok(written.clone()),
            None => Source::get(self.tree, key),
        }
    }
}

impl<'a> Draft<'a> {
    /// An empty draft that goes on from the given numbers.
    pub(super) fn new(tree: &'a Tree, numbers: Numbers) -> Self {
        let layer = || Layer {
            numbers,
            ..Layer::default()
        };
        Self {
            tree,
            accepted: layer(),
            job: layer(),
        }
    }

    /// Takes over what the present job wrote.
    pub(super) fn accept(&mut self) {
        // Not `append`, which would build the whole map anew for each job of a batch.
        let writes = std::mem::take(&mut self.job.writes);
        self.accepted.writes.extend(writes);
        self.accepted.effects.append(&mut self.job.effects);
        self.accepted.numbers = self.job.numbers;
    }

    /// Forgets what the present job wrote.
    pub(super) fn refuse(&mut self) {
        self.job.writes.clear();
        self.job.effects.clear();
        self.job.numbers = self.accepted.numbers;
    }

    /// Writes a value in the place of another; pieces that are left over are removed.
    pub(super) fn replace(&mut self, key: Key, value: &[u8]) -> Result<(), Error> {
        self.remove_pieces(&key)?;
        self.insert(key, value)
    }

    /// Writes a value under a key that has none: saves the look at the older one.
    pub(super) fn insert(&mut self, key: Key, value: &[u8]) -> Result<(), Error> {
        self.write(key, pack::bytes(value)?);
        Ok(())
    }

    fn write(&mut self, key: Key, (entry, pieces): pack::Entries) {
        for (number, piece) in (0..).zip(pieces) {
            let piece_key = keys::piece(&key, number);
            self.job.writes.insert(piece_key, Some(piece));
        }
        self.job.writes.insert(key, Some(entry));
    }

    /// Writes a record in the place of another.
    pub(super) fn replace_record(
        &mut self,
        key: Key,
        record: &impl Serialize,
    ) -> Result<(), Error> {
        self.replace_with(key, record, &[])
    }

    /// Writes a record with raw bytes behind it in the place of another.
    pub(super) fn replace_with(
        &mut self,
        key: Key,
        record: &impl Serialize,
        bytes: &[u8],
    ) -> Result<(), Error> {
        self.remove_pieces(&key)?;
        self.insert_with(key, record, bytes)
    }

    /// Writes a record under a key that has none.
    pub(super) fn insert_record(&mut self, key: Key, record: &impl Serialize) -> Result<(), Error> {
        self.insert_with(key, record, &[])
    }

    /// Writes a record with raw bytes behind it under a key that has none.
    pub(super) fn insert_with(
        &mut self,
        key: Key,
        record: &impl Serialize,
        bytes: &[u8],
    ) -> Result<(), Error> {
        self.write(key, pack::record(record, bytes)?);
        Ok(())
    }

    /// Removes a value.
    pub(super) fn remove(&mut self, key: Key) -> Result<(), Error> {
        self.remove_pieces(&key)?;
        self.job.writes.insert(key, None);
        Ok(())
    }

    fn remove_pieces(&mut self, key: &[u8]) -> Result<(), Error> {
        let Some(entry) = self.get(key)? else {
            return Ok(());
        };
        for number in 0..values::further_pieces(key, &entry)? {
            self.job.writes.insert(keys::piece(key, number), None);
        }
        Ok(())
    }

    /// The numbers, to take the next one.
    pub(super) fn numbers(&mut self) -> &mut Numbers {
        &mut self.job.numbers
    }

    /// Notes an effect of the present job.
    pub(super) fn effect(&mut self, effect: Effect) {
        self.job.effects.push(effect);
    }

    /// The first entry whose key has the prefix.
    pub(super) fn first(&self, prefix: &[u8]) -> Result<Option<(Key, IVec)>, Error> {
        let drafted = self.drafted(prefix);
        for stored in self.tree.scan_prefix(prefix) {
            let (key, entry) = stored?;
            if !drafted.contains_key(&key[..]) {
                let stored = (key.to_vec(), entry);
                let drafted = live(drafted).next();
                return Ok(Some(match drafted {
                    Some(drafted) if drafted.0 < stored.0 => drafted,
                    _ => stored,
                }));
            }
        }
        Ok(live(drafted).next())
    }

    /// Every entry whose key has the prefix.
    pub(super) fn all(&self, prefix: &[u8]) -> Result<Vec<(Key, IVec)>, Error> {
        let mut entries = BTreeMap::new();
        for stored in self.tree.scan_prefix(prefix) {
            let (key, entry) = stored?;
            entries.insert(key.to_vec(), Some(entry));
        }
        entries.append(&mut self.drafted(prefix));
        Ok(live(entries).collect())
    }

    fn drafted(&self, prefix: &[u8]) -> BTreeMap<Key, Option<IVec>> {
        let layers = [&self.accepted.writes, &self.job.writes];
        let entries = layers.into_iter().flat_map(|writes| {
            let from = writes.range(prefix.to_vec()..);
            from.take_while(|(key, _)| key.starts_with(prefix))
        });
        entries
            .map(|(key, entry)| (key.clone(), entry.clone()))
            .collect()
    }

    /// The keys that accepted jobs wrote or removed.
    pub(super) fn written(&self) -> impl Iterator<Item = &Key> {
        self.accepted.writes.keys()
    }

    /// The batch to apply, and what is left to do when it is durable.
    pub(super) fn finish(mut self) -> Result<(Batch, Numbers, Vec<Effect>), Error> {
        self.refuse();
        if !self.accepted.writes.is_empty() {
            self.job.numbers.batch += 1;
            let numbers = self.job.numbers;
            self.replace_record(keys::NUMBERS.to_vec(), &numbers)?;
            self.accept();
        }
        let mut batch = Batch::default();
        for (key, entry) in self.accepted.writes {
            match entry {
                Some(entry) => batch.insert(key, entry),
                None => batch.remove(key),
            }
        }
        Ok((batch, self.accepted.numbers, self.accepted.effects))
    }
}

fn live(entries: BTreeMap<Key, Option<IVec>>) -> impl Iterator<Item = (Key, IVec)> {
    entries
        .into_iter()
        .filter_map(|(key, entry)| Some((key, entry?)))
}
