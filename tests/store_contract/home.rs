//! Where a store lives, so that a test can open it again.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use beckn_bpp::store::Store;
use beckn_bpp::store::sled::SledStore;
use tempfile::TempDir;

use crate::records::at;

/// Where a store lives, so that a test can open it again.
#[async_trait]
pub trait Home: Send + Sync {
    /// Opens the store.
    async fn open(&self) -> Arc<dyn Store>;
}

pub struct SledHome(TempDir);

impl SledHome {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

#[async_trait]
impl Home for SledHome {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(SledStore::open(self.path(), 16 << 20, at(0)).expect("opens"))
    }
}
