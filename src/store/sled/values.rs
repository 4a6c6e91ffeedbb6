//! Values of any length, kept in small pieces.
//!
//! sled 0.34 moves a whole page into a file of its own once the page, rewritten, passes
//! 128 KiB, and it splits pages by the count of their entries (up to about twenty), not by
//! their size. Such a blob file is never synced, so a value in it would not be durable. With
//! pieces of 4 KiB no page grows that far, however long the value. The first piece lies
//! under the key itself, behind the count of the others; those lie under [`keys::piece`].
//! Records are JSON.

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sled::IVec;

use super::keys;
use crate::store::Error;

/// The longest piece.
const PIECE_BYTES: usize = 4_096;

/// Anything that can be asked for a key: the tree, or a draft on top of it.
pub(super) trait Source {
    /// The entry under a key.
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, Error>;
}

impl Source for sled::Tree {
    fn get(&self, key: &[u8]) -> Result<Option<IVec>, Error> {
        Ok(sled::Tree::get(self, key)?)
    }
}

/// The complaint about a record that cannot be right.
pub(super) fn corrupt(
    key: &[u8],
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    let what = format!("the record under the key {}", key.escape_ascii());
    Error::Corrupt { what, source }
}

/// How many further pieces the value that begins with this entry has, and its own bytes.
pub(super) fn begin<'a>(key: &[u8], entry: &'a [u8]) -> Result<(u16, &'a [u8]), Error> {
    let (count, bytes) = entry
        .split_first_chunk()
        .ok_or_else(|| corrupt(key, None))?;
    Ok((u16::from_be_bytes(*count), bytes))
}

/// Reads the value under a key.
pub(super) fn read(source: &impl Source, key: &[u8]) -> Result<Option<Bytes>, Error> {
    let entry = source.get(key)?;
    entry.map(|entry| finish(source, key, &entry)).transpose()
}

/// Reads the rest of a value whose first entry is at hand.
pub(super) fn finish(source: &impl Source, key: &[u8], entry: &[u8]) -> Result<Bytes, Error> {
    let (more, first) = begin(key, entry)?;
    let mut value = first.to_vec();
    for number in 0..more {
        let piece = source.get(&keys::piece(key, number))?;
        value.extend_from_slice(&piece.ok_or_else(|| corrupt(key, None))?);
    }
    Ok(Bytes::from(value))
}

/// Reads the record under a key.
pub(super) fn record<T: DeserializeOwned>(
    source: &impl Source,
    key: &[u8],
) -> Result<Option<T>, Error> {
    let value = read(source, key)?;
    value.map(|value| decode(key, &value)).transpose()
}

/// Reads a record from its bytes.
pub(super) fn decode<T: DeserializeOwned>(key: &[u8], value: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(value).map_err(|error| corrupt(key, Some(Box::new(error))))
}

/// Writes a record as bytes.
pub(super) fn encode(record: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(record).map_err(|error| Error::Io(error.into()))
}

/// Writes a record with raw bytes behind it, as one value.
pub(super) fn encode_with(record: &impl Serialize, bytes: &[u8]) -> Result<Vec<u8>, Error> {
    let mut value = encode(record)?;
    value.extend_from_slice(bytes);
    Ok(value)
}

/// Reads a record from its bytes, and the raw bytes behind it: JSON says itself where it ends.
pub(super) fn decode_with<T: DeserializeOwned>(
    key: &[u8],
    value: &Bytes,
) -> Result<(T, Bytes), Error> {
    let mut records = serde_json::Deserializer::from_slice(value).into_iter();
    match records.next() {
        Some(Ok(record)) => Ok((record, value.slice(records.byte_offset()..))),
        Some(Err(error)) => Err(corrupt(key, Some(Box::new(error)))),
        None => Err(corrupt(key, None)),
    }
}

/// Cuts a value into its entries: the first, then the further pieces in their order.
pub(super) fn cut(value: &[u8]) -> Result<(IVec, Vec<IVec>), Error> {
    let (first, rest) = value.split_at(value.len().min(PIECE_BYTES));
    let pieces: Vec<IVec> = rest.chunks(PIECE_BYTES).map(IVec::from).collect();
    let count = u16::try_from(pieces.len()).map_err(|_| {
        let text = format!("a value of {} bytes is too long to be kept", value.len());
        Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidInput, text))
    })?;
    let entry = [&count.to_be_bytes()[..], first].concat();
    Ok((IVec::from(entry), pieces))
}
