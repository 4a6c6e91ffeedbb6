//! What was learnt, kept for a while.
//!
//! An entry goes stale by the `now` that callers hand in, and is dropped after the same time by
//! the cache's own steady clock: a wall clock set back cannot keep it alive.

use std::hash::Hash;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use moka::Expiry;
use moka::future::Cache;
use moka::ops::compute::Op;

/// The most entries of one kind.
pub(super) const MAX_ENTRIES: u64 = 10_000;

/// Something learnt.
#[derive(Clone)]
pub(super) struct Kept<T> {
    pub(super) what: T,
    stale_at: DateTime<Utc>,
    lifetime: Duration,
}

impl<T> Kept<T> {
    pub(super) fn for_a(lifetime: Duration, what: T, now: DateTime<Utc>) -> Self {
        // A lifetime that does not fit is far beyond every bound that callers keep to.
        let stale_at = now + TimeDelta::from_std(lifetime).unwrap_or(TimeDelta::zero());
        Self {
            what,
            stale_at,
            lifetime,
        }
    }
}

struct ByLifetime;

impl<K, T> Expiry<K, Kept<T>> for ByLifetime {
    fn expire_after_create(&self, _: &K, kept: &Kept<T>, _: Instant) -> Option<Duration> {
        Some(kept.lifetime)
    }

    fn expire_after_update(
        &self,
        _: &K,
        kept: &Kept<T>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(kept.lifetime)
    }
}

pub(super) fn cache<K, T>() -> Cache<K, Kept<T>>
where
    K: Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(MAX_ENTRIES)
        .expire_after(ByLifetime)
        .build()
}

/// What is kept and fresh at `now`. What has gone stale is dropped: looking and dropping is one
/// step, so that nobody drops what another has just learnt.
pub(super) async fn fresh<K, T>(
    cache: &Cache<K, Kept<T>>,
    name: &K,
    now: DateTime<Utc>,
) -> Option<T>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    let stale = |kept: &Kept<T>| now >= kept.stale_at;
    let kept = cache.get(name).await?;
    if !stale(&kept) {
        return Some(kept.what);
    }
    let entry = cache.entry_by_ref(name);
    entry
        .and_compute_with(async |entry| match entry {
            Some(entry) if stale(entry.value()) => Op::Remove,
            _ => Op::Nop,
        })
        .await;
    None
}

/// Drops every entry whose name is meant.
pub(super) async fn forget<K, T>(cache: &Cache<K, T>, meant: impl Fn(&K) -> bool) -> Vec<K>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    let names = cache.iter().map(|(name, _)| K::clone(&name));
    let names: Vec<K> = names.filter(|name| meant(name)).collect();
    for name in &names {
        cache.invalidate(name).await;
    }
    names
}
