//! What a store takes: of what is live, and of the disk.

use std::path::Path;
use std::sync::Arc;

use beckn_bpp::store::Store as _;
use beckn_bpp::store::sled::SledStore;

use super::records::{TOGETHER, cancel, day, hand_over};

/// Orders of the store that one of each is measured with.
const MEASURED: u64 = 1_000;
const CACHE_BYTES: u64 = 32 << 20;

/// Keys and values of one order, and of one evidence, in bytes.
pub struct Sizes {
    pub order: u64,
    pub evidence: u64,
}

/// Opens a store.
pub fn open(path: &Path) -> anyhow::Result<Arc<SledStore>> {
    Ok(Arc::new(SledStore::open(path, CACHE_BYTES, day(0))?))
}

/// What one order and one evidence take, by the store's own keys and values.
pub async fn measure() -> anyhow::Result<Sizes> {
    let directory = tempfile::tempdir()?;
    let store = open(directory.path())?;
    hand_over(&store, 0..MEASURED, day(0), TOGETHER).await?;
    store.close().await;
    drop(store);
    let orders = entries(directory.path())?;
    let store = open(directory.path())?;
    cancel(&store, 0..MEASURED, day(0)).await?;
    store.close().await;
    drop(store);
    let all = entries(directory.path())?;
    Ok(Sizes {
        order: orders / MEASURED,
        evidence: (all - orders) / MEASURED,
    })
}

fn entries(path: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in sled::open(path)?.iter() {
        let (key, value) = entry?;
        bytes += (key.len() + value.len()) as u64;
    }
    Ok(bytes)
}

/// What a directory takes.
pub fn disk(path: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        bytes += match entry.file_type()?.is_dir() {
            true => disk(&entry.path())?,
            // sled removes old snapshots by itself, perhaps just now.
            false => entry.metadata().map_or(0, |metadata| metadata.len()),
        };
    }
    Ok(bytes)
}

/// For people.
#[allow(clippy::cast_precision_loss, reason = "for people")]
pub fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
