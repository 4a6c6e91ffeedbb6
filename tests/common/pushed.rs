//! What came of pushing events: whether each was signed, and came after those before it.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

use beckn_bpp::mock::bap::Received;

/// What was pushed.
#[derive(Debug, Default)]
pub struct Pushed {
    /// The kinds of events of each order as they came, each told once.
    pub kinds: BTreeMap<String, Vec<String>>,
    /// The sequences of all events.
    pub sequences: BTreeSet<u64>,
    /// Pushes that are not signed, or that came after a later event of their order.
    pub faults: Vec<String>,
}

impl Pushed {
    pub fn read(pushes: &[Received]) -> Self {
        let mut last: BTreeMap<String, u64> = BTreeMap::new();
        let mut pushed = Self::default();
        for push in pushes {
            let event = push.json();
            let text = |member: &str| event[member].as_str().unwrap_or_default().to_owned();
            let (order, kind) = (text("order_id"), text("type"));
            let sequence = event["sequence"].as_u64().unwrap_or_default();
            if let Err(why) = &push.verdict {
                pushed
                    .faults
                    .push(format!("event {sequence} of {order}: {why}"));
            }
            let before = last.insert(order.clone(), sequence).unwrap_or_default();
            if before > sequence {
                let fault = format!("{order}: {sequence} was pushed after {before}");
                pushed.faults.push(fault);
            }
            if pushed.sequences.insert(sequence) {
                pushed.kinds.entry(order).or_default().push(kind);
            }
        }
        pushed
    }
}

/// The kinds of events of each order as they came; nothing may be wrong with any push.
pub fn in_order_of_each_order(pushes: &[Received]) -> BTreeMap<String, Vec<String>> {
    let pushed = Pushed::read(pushes);
    assert_eq!(pushed.faults, Vec::<String>::new());
    pushed.kinds
}
