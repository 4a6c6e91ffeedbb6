//! How a value becomes entries: written as JSON, compressed where that helps, cut into pieces.
//!
//! The other direction is in [`values`](super::values). Some nine values are written for each
//! cancel, by one thread, so the buffers on the way are kept and used again: what is allocated is
//! the entries alone.

use std::cell::RefCell;

use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use serde::Serialize;
use sled::IVec;

use super::values::{COMPRESSED, COUNT_BYTES, LENGTH_BYTES, PIECE_BYTES};
use crate::store::Error;

/// Shorter values gain too little by compression.
const COMPRESS_FROM: usize = 512;

/// A buffer that a long value made longer than this is let go of.
const KEPT_BYTES: usize = 64 * 1024;

/// A value as it is kept: the entry under its key, and the further pieces in their order.
pub(super) type Entries = (IVec, Vec<IVec>);

struct Buffers {
    text: Vec<u8>,
    packed: Vec<u8>,
    table: CompressTable,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        text: Vec::new(),
        packed: Vec::new(),
        table: CompressTable::small(),
    });
}

/// The entries of a record with raw bytes behind it.
pub(super) fn record(record: &impl Serialize, bytes: &[u8]) -> Result<Entries, Error> {
    BUFFERS.with_borrow_mut(|buffers| {
        buffers.text.clear();
        serde_json::to_writer(&mut buffers.text, record).map_err(|e| Error::Io(e.into()))?;
        buffers.text.extend_from_slice(bytes);
        let Buffers {
            text,
            packed,
            table,
        } = buffers;
        let entries = cut(text, packed, table);
        buffers.let_go();
        entries
    })
}

/// The entries of a value.
pub(super) fn bytes(value: &[u8]) -> Result<Entries, Error> {
    BUFFERS.with_borrow_mut(|buffers| {
        let entries = cut(value, &mut buffers.packed, &mut buffers.table);
        buffers.let_go();
        entries
    })
}

impl Buffers {
    fn let_go(&mut self) {
        for buffer in [&mut self.text, &mut self.packed] {
            if buffer.capacity() > KEPT_BYTES {
                *buffer = Vec::new();
            }
        }
    }
}

fn cut(value: &[u8], packed: &mut Vec<u8>, table: &mut CompressTable) -> Result<Entries, Error> {
    let compressed = match value.len() {
        ..COMPRESS_FROM => None,
        _ => compress(value, packed, table),
    };
    let kept = compressed.unwrap_or_else(|| {
        packed.clear();
        packed.extend([0; COUNT_BYTES]);
        packed.extend_from_slice(value);
        packed.len()
    });
    let (first, rest) = packed[..kept].split_at_mut(kept.min(COUNT_BYTES + PIECE_BYTES));
    let pieces: Vec<IVec> = rest.chunks(PIECE_BYTES).map(IVec::from).collect();
    let count = u16::try_from(pieces.len()).ok();
    let count = count.filter(|count| *count < COMPRESSED).ok_or_else(|| {
        let text = format!("a value of {} bytes is too long to be kept", value.len());
        Error::Io(std::io::Error::new(std::io::ErrorKind::InvalidInput, text))
    })?;
    let flag = compressed.map_or(0, |_| COMPRESSED);
    first[..COUNT_BYTES].copy_from_slice(&(count | flag).to_be_bytes());
    Ok((IVec::from(&*first), pieces))
}

/// Puts a value's length and what LZ4 makes of it behind the room for the count; says where that
/// ends, if it made the value shorter.
fn compress(value: &[u8], packed: &mut Vec<u8>, table: &mut CompressTable) -> Option<usize> {
    const BLOCK: usize = COUNT_BYTES + LENGTH_BYTES;
    let length = u32::try_from(value.len()).ok()?;
    // It is not made shorter afterwards, which would cost filling it with zeros for every value.
    let room = BLOCK + get_maximum_output_size(value.len());
    if packed.len() < room {
        packed.resize(room, 0);
    }
    let bytes = compress_into_with_table(value, &mut packed[BLOCK..], table).ok()?;
    packed[COUNT_BYTES..BLOCK].copy_from_slice(&length.to_le_bytes());
    (LENGTH_BYTES + bytes < value.len()).then_some(BLOCK + bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_takes_less_room_and_noise_no_more_than_itself() {
        let text = "\"name\":\"a ride\",".repeat(200);
        let (entry, pieces) = bytes(text.as_bytes()).expect("short");
        assert!(pieces.is_empty() && entry.len() < text.len() / 4);
        let noise: Vec<u8> = (0_u32..3_000)
            .map(|i| ((i * i) >> 3) as u8 ^ (i >> 5) as u8)
            .collect();
        let (entry, _) = bytes(&noise).expect("short");
        assert!(entry.len() <= noise.len() + COUNT_BYTES);
    }

    #[test]
    fn a_value_leaves_nothing_behind_in_the_next_one() {
        let long = "{\"name\":\"a ride\"}".repeat(8_000);
        let alone = bytes(b"{\"state\":\"Confirmed\"}").expect("short");
        let (_, pieces) = bytes(long.as_bytes()).expect("short");
        assert_eq!(bytes(b"{\"state\":\"Confirmed\"}").expect("short"), alone);
        let again = bytes(long.as_bytes()).expect("short");
        assert_eq!(again.1, pieces);
    }
}
