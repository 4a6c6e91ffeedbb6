//! The one thread that writes: it takes what waits, writes it, syncs once, then answers all.
//!
//! sled's `flush` hands the data to the operating system and no further (it calls
//! `sync_file_range`, never `fsync`), so the committer follows it with `fdatasync` on a
//! descriptor of its own, opened once and kept, because the kernel tells each descriptor of
//! a failed write only once. After a failed write, flush or sync nothing is known of the
//! pages in memory: it is never tried again. The store stops, every job that waits or comes
//! later is told so, and only a restart, which reads back what the disk has, goes on.
//! `flush_async` is never used: it can hang when many wait on it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::sync::{mpsc, oneshot};

use super::draft::{Draft, Effect, Numbers};
use super::erase::{self, Blank, Blanked, Marked};
use super::live::{Live, Phase};
use super::prune::{self, Due};
use super::tables::Tables;
use super::tip::Tip;
use super::{audit, commit, redrive, settle, space};
use crate::domain::ids::{OrderKey, SubscriberId};
use crate::store::{AuditEntry, Commit, Committed, Error, Pruned, Settlement};

/// At most so many jobs wait; one more is refused at once.
pub(super) const JOBS_WAITING: usize = 4_096;
/// At most so many jobs share a sync.
pub(super) const JOBS_PER_SYNC: usize = 256;
/// At most so many jobs share a sled batch. While a batch is applied nobody can read, so
/// this is kept to a few milliseconds' work; but each batch makes sled write its log buffer
/// out twice, and each such write wakes all of sled's threads.
const JOBS_PER_BATCH: usize = 128;

/// How long settlements wait for a commit to go with. Nobody waits for theirs, so it is better
/// that they share the sync of the next commit than that the commit waits for a sync of theirs.
const SETTLEMENTS_WAIT: Duration = Duration::from_millis(5);
/// The steps of that wait.
const STEP: Duration = Duration::from_millis(1);

/// Where the answer goes.
pub(super) type Reply<T> = oneshot::Sender<Result<T, Error>>;

/// Something to be written.
pub(super) enum Job {
    /// See [`crate::store::Store::commit`].
    Commit(Box<Commit>, Reply<Committed>),
    /// See [`crate::store::Store::settle`].
    Settle(Box<Settlement>, Reply<()>),
    /// See [`crate::store::Store::redrive`].
    Redrive(Box<redrive::Asked>, Reply<redrive::Redriven>),
    /// See [`crate::store::Store::note`].
    Note(Box<AuditEntry>, Reply<()>),
    /// See [`crate::store::Store::hold`].
    Hold(Option<SubscriberId>, Reply<()>),
    /// See [`crate::store::Store::release`].
    Release(Option<SubscriberId>, Reply<()>),
    /// The first part of [`crate::store::Store::erase`].
    MarkErased(OrderKey, DateTime<Utc>, Reply<Marked>),
    /// A piece of the rest of it.
    Blank(Blank, Reply<Blanked>),
    /// See [`crate::store::Store::prune`].
    Prune(Due, DateTime<Utc>, Reply<Pruned>),
}

/// An answer that is known, kept until it is durable.
type Answer = Box<dyn FnOnce() + Send>;

/// See the module's text.
pub(super) struct Committer {
    /// The records.
    pub tables: Arc<Tables>,
    /// What is shared with the readers.
    pub live: Arc<Live>,
    /// The last numbers given out.
    pub numbers: Numbers,
    /// Puts on stable storage what was flushed.
    pub sync: Box<dyn FnMut() -> std::io::Result<()> + Send>,
    /// Remembers how far that went.
    pub tip: Tip,
    /// The store's directory.
    pub path: PathBuf,
}

impl Committer {
    /// Works until the queue is closed and empty, or a write fails.
    pub(super) fn run(mut self, mut queue: mpsc::Receiver<Job>) {
        let _end = EndOfThread(Arc::clone(&self.live));
        while let Some(first) = queue.blocking_recv() {
            let mut jobs = gather(&mut queue, first);
            // The answers are out here so that, whatever happens to the group, none of those
            // who wait is let go before the phase tells them why.
            let mut answers = Vec::with_capacity(jobs.len());
            let group = AssertUnwindSafe(|| self.write_group(&mut jobs, &mut answers));
            match catch_unwind(group) {
                Ok(Ok(())) => answers.into_iter().for_each(|answer: Answer| answer()),
                Ok(Err(error)) => return self.fail(&error),
                Err(_) => return self.stop("the committer panicked"),
            }
        }
        if let Err(error) = self.sync() {
            return self.fail(&error);
        }
        self.live.end(Phase::Closed);
    }

    fn fail(&self, error: &Error) {
        match space::is_full(error) {
            true => self.stop(&space::after_failed_write(&self.path, error)),
            false => self.stop(&error.to_string()),
        }
    }

    fn stop(&self, why: &str) {
        tracing::error!(
            error = why,
            "A write failed: the store stops and writes nothing more."
        );
        self.live.end(Phase::Stopped(why.to_owned()));
    }

    fn write_group(&mut self, jobs: &mut Vec<Job>, answers: &mut Vec<Answer>) -> Result<(), Error> {
        let mut effects = Vec::new();
        while !jobs.is_empty() {
            let some = jobs.drain(..jobs.len().min(JOBS_PER_BATCH));
            self.write_batch(some, answers, &mut effects)?;
        }
        self.sync()?;
        self.tip.reach(self.numbers.batch)?;
        self.live.publish(effects, self.numbers.event);
        Ok(())
    }

    fn write_batch(
        &mut self,
        jobs: impl Iterator<Item = Job>,
        answers: &mut Vec<Answer>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Error> {
        let tables = Arc::clone(&self.tables);
        let mut draft = Draft::new(tables.tree(), self.numbers);
        for job in jobs {
            answers.push(self.perform(&mut draft, job)?);
        }
        self.live.will_write(draft.written());
        let (batch, numbers, batch_effects) = draft.finish()?;
        tables.apply(batch)?;
        self.numbers = numbers;
        effects.extend(batch_effects);
        Ok(())
    }

    fn perform(&self, draft: &mut Draft<'_>, job: Job) -> Result<Answer, Error> {
        let live = &self.live;
        match job {
            Job::Commit(commit, reply) => {
                let result = commit::commit(draft, live, *commit);
                conclude(draft, result, reply)
            }
            Job::Settle(settlement, reply) => {
                let result = settle::settle(draft, live, *settlement);
                conclude(draft, result, reply)
            }
            Job::Redrive(asked, reply) => {
                let result = redrive::redrive(draft, *asked);
                conclude(draft, result, reply)
            }
            Job::Note(entry, reply) => {
                let result = audit::note(draft, *entry);
                conclude(draft, result, reply)
            }
            Job::Hold(subscriber, reply) => {
                let result = settle::hold(draft, subscriber.as_ref());
                conclude(draft, result, reply)
            }
            Job::Release(subscriber, reply) => {
                let result = settle::release(draft, subscriber.as_ref());
                conclude(draft, result, reply)
            }
            Job::MarkErased(order, now, reply) => {
                let result = erase::mark(draft, &order, now);
                conclude(draft, result, reply)
            }
            Job::Blank(blank, reply) => {
                let result = erase::blank(draft, &blank);
                conclude(draft, result, reply)
            }
            Job::Prune(due, before, reply) => {
                let result = prune::prune(draft, due, before);
                conclude(draft, result, reply)
            }
        }
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.tables.flush()?;
        (self.sync)()?;
        Ok(())
    }
}

/// The next group: what came while the one before was written. A commit waits for no company: in
/// a busy server the company comes by itself.
fn gather(queue: &mut mpsc::Receiver<Job>, first: Job) -> Vec<Job> {
    let mut jobs = vec![first];
    take_what_waits(queue, &mut jobs);
    let mut waited = Duration::ZERO;
    while waited < SETTLEMENTS_WAIT && jobs.iter().all(is_settlement) {
        thread::sleep(STEP);
        waited += STEP;
        take_what_waits(queue, &mut jobs);
    }
    jobs
}

fn is_settlement(job: &Job) -> bool {
    matches!(job, Job::Settle(..))
}

fn take_what_waits(queue: &mut mpsc::Receiver<Job>, jobs: &mut Vec<Job>) {
    while jobs.len() < JOBS_PER_SYNC
        && let Ok(job) = queue.try_recv()
    {
        jobs.push(job);
    }
}

/// Ends the phase when the thread ends, however it does, so that nobody waits for nothing.
struct EndOfThread(Arc<Live>);

impl Drop for EndOfThread {
    fn drop(&mut self) {
        let why = "the committer ended".to_owned();
        self.0.end(Phase::Stopped(why));
    }
}

/// Takes over or forgets what the job wrote. A record that cannot be read fails its job
/// alone; when sled itself fails, everything stops.
fn conclude<T: Send + 'static>(
    draft: &mut Draft<'_>,
    result: Result<T, Error>,
    reply: Reply<T>,
) -> Result<Answer, Error> {
    match result {
        Err(error @ Error::Sled(_)) => {
            let text = error.to_string();
            let _ = reply.send(Err(Error::Stopped(text)));
            return Err(error);
        }
        Err(_) => draft.refuse(),
        Ok(_) => draft.accept(),
    }
    // Who asked may have gone; the work is done all the same.
    Ok(Box::new(move || drop(reply.send(result))))
}
