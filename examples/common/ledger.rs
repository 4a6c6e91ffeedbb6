//! What happened to each message: sent, acknowledged, answered, and with which bytes.
//!
//! One slot a message, written by the clients and by the BAP without a lock. Times are
//! nanoseconds since the run began, so that both sides use one clock; zero means "not yet".

#![allow(dead_code, reason = "each program uses a part of it")]

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Instant;

const RELAXED: Ordering = Ordering::Relaxed;

/// One message.
#[derive(Default)]
pub struct Slot {
    /// When its ACK was read.
    pub acked: AtomicU64,
    /// When its first callback had come in.
    pub answered: AtomicU64,
    /// The beginning of the digest of that callback.
    pub digest: AtomicU64,
    /// How many callbacks came.
    pub callbacks: AtomicU32,
    /// In which life of the server the latest came.
    pub life: AtomicU32,
    /// How many came again although the server had not been stopped meanwhile.
    pub repeated_in_life: AtomicU32,
    /// A callback came with other bytes than the first.
    pub altered: AtomicBool,
    /// A callback was about another order, or about none.
    pub misdirected: AtomicBool,
}

/// All messages of a run.
pub struct Ledger {
    began: Instant,
    slots: Vec<Slot>,
    /// How often the server was started.
    lives: AtomicU32,
    /// ACKs so far, for the progress line.
    pub acks: AtomicU64,
    /// Messages answered so far.
    pub answers: AtomicU64,
    /// Callbacks that belong to no message of this run.
    pub foreign: AtomicU64,
    /// Signatures verified.
    pub verified: AtomicU64,
    /// Signatures that do not hold.
    pub forged: AtomicU64,
}

impl Ledger {
    /// An empty ledger for so many messages; the clock starts.
    pub fn new(count: u64) -> Self {
        Self {
            began: Instant::now(),
            slots: (0..count).map(|_| Slot::default()).collect(),
            lives: AtomicU32::new(0),
            acks: AtomicU64::new(0),
            answers: AtomicU64::new(0),
            foreign: AtomicU64::new(0),
            verified: AtomicU64::new(0),
            forged: AtomicU64::new(0),
        }
    }

    /// Nanoseconds since the run began, never zero.
    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// The same for another time.
    pub fn at(&self, instant: Instant) -> u64 {
        let elapsed = instant.saturating_duration_since(self.began);
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).max(1)
    }

    /// The slot of a message.
    pub fn slot(&self, number: u64) -> Option<&Slot> {
        self.slots.get(usize::try_from(number).ok()?)
    }

    /// All slots, in the order of the messages.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// Notes an ACK; the first of a message counts.
    pub fn acked(&self, number: u64) {
        self.acks.fetch_add(1, RELAXED);
        if let Some(slot) = self.slot(number) {
            let _ = slot.acked.compare_exchange(0, self.now(), RELAXED, RELAXED);
        }
    }

    /// The server is about to be started, again or for the first time.
    pub fn new_life(&self) {
        self.lives.fetch_add(1, RELAXED);
    }

    /// Notes a callback.
    pub fn answered(&self, slot: &Slot, digest: u64, right_order: bool) {
        let life = self.lives.load(RELAXED);
        if slot.life.swap(life, RELAXED) == life && slot.callbacks.load(RELAXED) > 0 {
            slot.repeated_in_life.fetch_add(1, RELAXED);
        }
        if slot.callbacks.fetch_add(1, RELAXED) == 0 {
            slot.digest.store(digest, RELAXED);
            slot.answered.store(self.now(), RELAXED);
            self.answers.fetch_add(1, RELAXED);
        } else if slot.digest.load(RELAXED) != digest {
            slot.altered.store(true, RELAXED);
        }
        if !right_order {
            slot.misdirected.store(true, RELAXED);
        }
    }

    /// Acknowledged messages without a callback.
    pub fn unanswered(&self) -> usize {
        let waits = |slot: &&Slot| slot.acked.load(RELAXED) > 0 && slot.answered.load(RELAXED) == 0;
        self.slots.iter().filter(waits).count()
    }
}
