//! The life of an open store: opening, handing jobs to the committer, closing.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::{self, JoinHandle};

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

use super::SledStore;
use super::committer::{Committer, JOBS_WAITING, Job, Reply};
use super::live::Live;
use super::open;
use super::space::Space;
use super::tables::Tables;
use crate::store::{Error, MinFree};

impl SledStore {
    /// Opens the directory at `path`, and makes it if need be, with so many bytes of page
    /// cache; `now` is written into a new store as the time it was made.
    ///
    /// # Errors
    /// When another process holds it, a newer release wrote it, or it cannot be read.
    pub fn open(path: &Path, cache_bytes: u64, now: DateTime<Utc>) -> Result<Self, Error> {
        let opened = open::open(path, cache_bytes, now)?;
        let data_file = opened.data_file.try_clone()?;
        Self::start(opened, Box::new(move || data_file.sync_data()))
    }

    /// The same, and accepts nothing new while its disk has less room than this.
    ///
    /// # Errors
    /// As [`SledStore::open`], or when the file system does not say how much room it has.
    pub fn open_watched(
        path: &Path,
        cache_bytes: u64,
        min_free: MinFree,
        now: DateTime<Utc>,
    ) -> Result<Self, Error> {
        let mut store = Self::open(path, cache_bytes, now)?;
        store.space = Some(Space::watch(path, min_free)?);
        Ok(store)
    }

    pub(super) fn start(
        opened: open::Opened,
        sync: Box<dyn FnMut() -> std::io::Result<()> + Send>,
    ) -> Result<Self, Error> {
        let live = Arc::new(Live::new(opened.schedule, opened.numbers.event));
        let tables = Arc::new(opened.tables);
        let committer = Committer {
            tables: Arc::clone(&tables),
            live: Arc::clone(&live),
            numbers: opened.numbers,
            sync,
            tip: opened.tip,
            path: opened.path,
        };
        let (queue, jobs) = mpsc::channel(JOBS_WAITING);
        let thread = thread::Builder::new().name("store-committer".to_owned());
        let thread = thread.spawn(move || committer.run(jobs))?;
        Ok(Self {
            live,
            tables: RwLock::new(Some(tables)),
            queue: RwLock::new(Some(queue)),
            committer: Mutex::new(Some(thread)),
            space: None,
        })
    }

    /// Returns the reason once a write has failed, else never. The process should end then:
    /// only a restart, which reads back what the disk has, can go on.
    pub async fn stopped(&self) -> String {
        self.live.stopped().await
    }

    pub(super) fn tables(&self) -> Result<Arc<Tables>, Error> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || Error::Stopped("it was closed".to_owned());
        tables.clone().ok_or_else(closed)
    }

    /// Queues a job and waits for its answer.
    pub(super) async fn write<T>(&self, job: impl FnOnce(Reply<T>) -> Job) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(job(reply))?;
        match answer.await {
            Ok(answer) => answer,
            Err(_) => Err(self.live.end_reason().await),
        }
    }

    pub(super) fn enqueue(&self, job: Job) -> Result<(), Error> {
        if let Some(ended) = self.live.ended() {
            return Err(ended);
        }
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let closed = || Error::Stopped("it was closed".to_owned());
        let queue = queue.as_ref().ok_or_else(closed)?;
        queue.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => Error::Busy,
            mpsc::error::TrySendError::Closed(_) => closed(),
        })
    }

    /// Runs a listing where it may take its time.
    pub(super) async fn list<T: Send + 'static>(
        &self,
        list: impl FnOnce(&Tables) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let tables = self.tables()?;
        let listed = tokio::task::spawn_blocking(move || list(&tables)).await;
        listed.map_err(|error| Error::Io(std::io::Error::other(error)))?
    }

    pub(super) fn end(&self) -> Option<JoinHandle<()>> {
        drop(
            self.queue
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        drop(
            self.tables
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let mut committer = self
            .committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        committer.take()
    }
}

impl Drop for SledStore {
    fn drop(&mut self) {
        if let Some(committer) = self.end() {
            // It answers for its own panics.
            let _ = committer.join();
        }
    }
}
