//! Values of any length, kept in small pieces.
//!
//! sled 0.34 moves a whole page into a file of its own once the page, rewritten, passes
//! 128 KiB, and it splits pages by the count of their entries (up to about twenty), not by
//! their size. Such a blob file is never synced, so a value in it would not be durable. With
//! pieces of 4 KiB no page grows that far, however long the value. The first piece lies
//! under the key itself, behind the count of the others; those lie under [`keys::piece`]. Here they
//! are read; [`pack`](super::pack) makes them.
//!
//! Records are JSON, and so is most of what is kept beside them. Longer values are compressed
//! with LZ4: sled writes whole pages anew when they split, are consolidated or move, about five
//! bytes for each that is kept, so a byte saved here is saved five times.

use bytes::Bytes;
use serde::de::DeserializeOwned;
use sled::IVec;

use super::keys;
use crate::store::Error;

/// The longest piece.
pub(super) const PIECE_BYTES: usize = 4_096;

/// The count of further pieces before the first one.
pub(super) const COUNT_BYTES: usize = 2;

/// The length of a value before what LZ4 made of it.
pub(super) const LENGTH_BYTES: usize = 4;

/// Set in the count of pieces when the value is compressed; so a value has fewer than half of
/// the pieces that the count could name.
pub(super) const COMPRESSED: u16 = 0x8000;

/// LZ4 makes nothing longer than this many times its compressed length: what says otherwise is
/// damaged, and must not make us take that much memory.
const MOST_EXPANSION: usize = 256;

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

/// The first entry of a value, taken apart.
struct First<'a> {
    /// How many further pieces there are.
    more: u16,
    compressed: bool,
    bytes: &'a [u8],
}

fn first<'a>(key: &[u8], entry: &'a [u8]) -> Result<First<'a>, Error> {
    let (count, bytes) = entry
        .split_first_chunk()
        .ok_or_else(|| corrupt(key, None))?;
    let count = u16::from_be_bytes(*count);
    Ok(First {
        more: count & !COMPRESSED,
        compressed: count & COMPRESSED != 0,
        bytes,
    })
}

/// How many further pieces the value that begins with this entry has.
pub(super) fn further_pieces(key: &[u8], entry: &[u8]) -> Result<u16, Error> {
    Ok(first(key, entry)?.more)
}

/// Reads the value under a key.
pub(super) fn read(source: &impl Source, key: &[u8]) -> Result<Option<Bytes>, Error> {
    let entry = source.get(key)?;
    entry.map(|entry| finish(source, key, &entry)).transpose()
}

/// Reads the rest of a value whose first entry is at hand.
pub(super) fn finish(source: &impl Source, key: &[u8], entry: &[u8]) -> Result<Bytes, Error> {
    let first = first(key, entry)?;
    if first.more == 0 {
        return expand(key, first.compressed, first.bytes);
    }
    let mut value = first.bytes.to_vec();
    for number in 0..first.more {
        let piece = source.get(&keys::piece(key, number))?;
        value.extend_from_slice(&piece.ok_or_else(|| corrupt(key, None))?);
    }
    match first.compressed {
        true => expand(key, true, &value),
        false => Ok(value.into()),
    }
}

/// The value itself, from its joined pieces.
fn expand(key: &[u8], compressed: bool, kept: &[u8]) -> Result<Bytes, Error> {
    if !compressed {
        return Ok(Bytes::copy_from_slice(kept));
    }
    let fault = |error| corrupt(key, Some(Box::new(error)));
    let (length, block) = lz4_flex::block::uncompressed_size(kept).map_err(fault)?;
    if length > block.len().saturating_mul(MOST_EXPANSION) {
        return Err(corrupt(key, None));
    }
    let value = lz4_flex::block::decompress(block, length).map_err(fault)?;
    Ok(value.into())
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::store::sled::pack;

    impl Source for HashMap<Vec<u8>, IVec> {
        fn get(&self, key: &[u8]) -> Result<Option<IVec>, Error> {
            Ok(HashMap::get(self, key).cloned())
        }
    }

    fn kept(value: &[u8]) -> HashMap<Vec<u8>, IVec> {
        let (entry, pieces) = pack::bytes(value).expect("not too long");
        let mut source = HashMap::from([(b"k".to_vec(), entry)]);
        for (number, piece) in (0..).zip(pieces) {
            source.insert(keys::piece(b"k", number), piece);
        }
        source
    }

    proptest! {
        #[test]
        fn what_was_cut_is_read_whole(
            word in proptest::collection::vec(any::<u8>(), 0..64),
            times in 0_usize..400,
        ) {
            let value = word.repeat(times);
            let read = read(&kept(&value), b"k").expect("readable").expect("there");
            prop_assert_eq!(&read[..], &value[..]);
        }

        #[test]
        fn a_damaged_value_is_an_error_or_another_value_and_never_a_panic(
            at in 0_usize..200, byte in any::<u8>(),
        ) {
            let mut source = kept(&b"{\"state\":\"Confirmed\"}".repeat(100));
            let mut entry = source[&b"k"[..]].to_vec();
            let at = at % entry.len();
            entry[at] = byte;
            source.insert(b"k".to_vec(), entry.into());
            let _ = read(&source, b"k");
        }
    }

    #[test]
    fn a_length_that_no_compression_reaches_is_refused_without_taking_the_memory() {
        let mut entry = COMPRESSED.to_be_bytes().to_vec();
        entry.extend(u32::MAX.to_le_bytes());
        entry.extend([0; 8]);
        let source = HashMap::from([(b"k".to_vec(), IVec::from(entry))]);
        assert!(matches!(read(&source, b"k"), Err(Error::Corrupt { .. })));
    }
}
