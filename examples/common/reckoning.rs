//! The reckoning at the end: was every ACK kept?
//!
//! Kept means: at least one callback for each acknowledged message, all its callbacks the same
//! bytes, about its order, and every signature looked at in force. Messages without an ACK are
//! no debt, whether a callback came for them or not.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::sync::atomic::Ordering;

use super::ledger::{Ledger, Slot};

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Reckoning {
    /// Messages acknowledged.
    pub accepted: u64,
    /// Those with a callback.
    pub delivered: u64,
    /// Those without.
    pub lost: u64,
    /// Messages with callbacks that differ.
    pub altered: u64,
    /// Messages with a callback about another order, or about none.
    pub misdirected: u64,
    /// Callbacks beyond the first of a message.
    pub repeated: u64,
    /// Those of them that came although the server had not been stopped meanwhile.
    pub repeated_in_life: u64,
    /// Messages without an ACK that got a callback.
    pub unacknowledged: u64,
    /// Callbacks that answer no message of this run.
    pub foreign: u64,
    /// Signatures verified.
    pub verified: u64,
    /// Signatures that do not hold.
    pub forged: u64,
    /// When the last message was first answered, on the ledger's clock.
    pub last_answer: u64,
    /// From ACK to first callback, in nanoseconds; zero where the callback was first.
    pub delay: Vec<u64>,
}

impl Reckoning {
    /// Whether every ACK was kept.
    pub fn kept(&self) -> bool {
        [self.lost, self.altered, self.misdirected, self.forged] == [0; 4]
    }
}

/// Reckons up the ledger.
pub fn of(ledger: &Ledger) -> Reckoning {
    let mut found = Reckoning {
        foreign: ledger.foreign.load(Ordering::Relaxed),
        verified: ledger.verified.load(Ordering::Relaxed),
        forged: ledger.forged.load(Ordering::Relaxed),
        ..Reckoning::default()
    };
    for slot in ledger.slots() {
        found.add(slot);
    }
    found
}

impl Reckoning {
    fn add(&mut self, slot: &Slot) {
        let acked = slot.acked.load(Ordering::Relaxed);
        let answered = slot.answered.load(Ordering::Relaxed);
        let callbacks = slot.callbacks.load(Ordering::Relaxed);
        let flag = |flag: &std::sync::atomic::AtomicBool| u64::from(flag.load(Ordering::Relaxed));
        self.altered += flag(&slot.altered);
        self.misdirected += flag(&slot.misdirected);
        self.repeated += u64::from(callbacks.saturating_sub(1));
        self.repeated_in_life += u64::from(slot.repeated_in_life.load(Ordering::Relaxed));
        self.last_answer = self.last_answer.max(answered);
        match (acked > 0, answered > 0) {
            (true, true) => {
                self.accepted += 1;
                self.delivered += 1;
                self.delay.push(answered.saturating_sub(acked));
            }
            (true, false) => {
                self.accepted += 1;
                self.lost += 1;
            }
            (false, true) => self.unacknowledged += 1,
            (false, false) => {}
        }
    }
}
