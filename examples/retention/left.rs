//! What is left: what is young must be there, and what is old must be gone.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::Range;
use std::path::Path;

use beckn_bpp::store::sled::{SledStore, check};
use beckn_bpp::store::{CallbackFilter, CallbackId, Store as _};

use super::records::{BODY_DIGEST, key, request_key};
use super::verdict::Verdict;

/// Rows of a listing that are read at once.
const PAGE: usize = 1_000;

/// Which orders there were, and of which there must still be what.
pub struct Expected {
    /// All that ever were.
    pub all: Range<u64>,
    /// Those with a request and a callback.
    pub evidence: Range<u64>,
    /// Those that are there themselves.
    pub orders: Range<u64>,
    /// How many events there are.
    pub events: u64,
}

/// How many of a kind are missing, and how many should be gone.
#[derive(Default)]
struct Off {
    missing: u64,
    left_over: u64,
}

impl Off {
    fn note(&mut self, is_there: bool, should_be: bool) {
        self.missing += u64::from(should_be && !is_there);
        self.left_over += u64::from(is_there && !should_be);
    }
}

/// Asks for each record.
pub async fn compare(
    store: &SledStore,
    expected: &Expected,
    when: impl Display,
    verdict: &mut Verdict,
) -> anyhow::Result<()> {
    let callbacks = callbacks(store).await?;
    let [mut orders, mut requests, mut calls] = [(); 3].map(|()| Off::default());
    for number in expected.all.clone() {
        let is_there = store.order(&key(number)).await?.is_some();
        orders.note(is_there, expected.orders.contains(&number));
        let is_there = store.request(&request_key(number)).await?.is_some();
        requests.note(is_there, expected.evidence.contains(&number));
        let count = callbacks.get(key(number).id.as_str()).copied().unwrap_or(0);
        calls.note(count == 1, expected.evidence.contains(&number));
    }
    let kinds = [
        ("orders", orders),
        ("requests", requests),
        ("callbacks", calls),
    ];
    for (kind, off) in kinds {
        verdict.none(format!("{when}: young {kind} missing"), off.missing);
        verdict.none(format!("{when}: old {kind} left"), off.left_over);
    }
    let events = events(store).await?;
    let off = events.abs_diff(expected.events);
    verdict.none(format!("{when}: events too many or too few"), off);
    Ok(())
}

/// How many callbacks each order has.
async fn callbacks(store: &SledStore) -> anyhow::Result<BTreeMap<String, u64>> {
    let mut of_order: BTreeMap<String, u64> = BTreeMap::new();
    let mut after = CallbackId(0);
    loop {
        let filter = CallbackFilter {
            state: None,
            subscriber: None,
            order: None,
            after: Some(after),
            limit: PAGE,
        };
        let page = store.callbacks(&filter).await?;
        for callback in &page {
            *of_order.entry(callback.order.id.to_string()).or_default() += 1;
        }
        match page.last() {
            Some(last) => after = last.id,
            None => return Ok(of_order),
        }
    }
}

async fn events(store: &SledStore) -> anyhow::Result<u64> {
    let (mut count, mut after) = (0, 0);
    loop {
        let page = store.events(after, PAGE).await?;
        count += page.len() as u64;
        match page.last() {
            Some(last) => after = last.sequence,
            None => return Ok(count),
        }
    }
}

/// Reads the files as `store check` does: every record, and whether each fits the others.
pub fn read_files(path: &Path, verdict: &mut Verdict) -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let report = check(path, scratch.path(), |_| BODY_DIGEST.repeat(88))?;
    for finding in report.findings.iter().take(5) {
        println!("store check: {finding}");
    }
    let found = report.findings.len() as u64 + report.more_findings;
    verdict.none("findings of store check", found);
    let counts = report
        .counts
        .iter()
        .map(|(kind, count)| format!("{count} {kind}"));
    verdict.figure("records left", counts.collect::<Vec<_>>().join(", "));
    Ok(())
}
