//! A subscriber's record, from memory or from the registry.
//!
//! Records, and the answer "no such key", are kept for a while, so that neither a busy caller nor
//! a made-up one drives traffic to the registry; any number of callers that wait for the same key
//! share one question. A failed question is never kept. After a bad signature the caller may ask
//! for one [`Registry::refresh`], because keys rotate. Nothing outlives the process.

use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use moka::Expiry;
use moka::future::Cache;
use moka::ops::compute::Op;
use url::Url;

use super::ask::{Asker, Budget};
use super::subscriber::{self, Subscriber};
use super::{Error, Settings};
use crate::domain::ids::{KeyId, SubscriberId};

/// The most records kept.
const MAX_ENTRIES: u64 = 10_000;
/// The longest a record may be believed, whatever the settings say: a revoked key is refused
/// after at most this time.
const MAX_TTL: Duration = Duration::from_secs(600);
/// How long a name is known after the registry was last asked for it.
const KNOWN_FOR: Duration = Duration::from_secs(86_400);
/// How far apart two forced questions for one key are.
const REFRESH_EVERY: Duration = Duration::from_secs(30);

/// The id as written, not as compared: a caller that spells somebody's id in its own way gets
/// its own entry and cannot spoil the other's.
type Name = (SubscriberId, KeyId);

/// One network's registry, with what it said lately.
pub struct Registry {
    asker: Asker,
    cache_ttl: Duration,
    negative_ttl: Duration,
    records: Cache<Name, Kept<Result<Arc<Subscriber>, Error>>>,
    refreshes: Cache<Name, Kept<()>>,
    addresses: Cache<SubscriberId, Kept<Arc<Vec<Url>>>>,
    /// Names that had a record lately, whose questions come before those of strangers.
    known: Cache<Name, ()>,
}

/// Something learnt. It goes stale by the `now` that callers hand in, and is dropped after the
/// same time by the cache's own steady clock: a wall clock set back cannot keep it alive.
#[derive(Clone)]
struct Kept<T> {
    what: T,
    stale_at: DateTime<Utc>,
    lifetime: Duration,
}

impl<T> Kept<T> {
    fn for_a(lifetime: Duration, what: T, now: DateTime<Utc>) -> Self {
        // A lifetime that does not fit is far beyond MAX_TTL, which callers keep to.
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

impl Registry {
    /// A registry to be asked through `client`, which [`super::client`] builds.
    #[must_use]
    pub fn new(settings: Settings, client: reqwest::Client) -> Self {
        Self {
            asker: Asker::new(&settings, client),
            cache_ttl: settings.cache_ttl.min(MAX_TTL),
            negative_ttl: settings.negative_ttl.min(MAX_TTL),
            records: cache(),
            refreshes: cache(),
            addresses: cache(),
            known: Cache::builder()
                .max_capacity(MAX_ENTRIES)
                .time_to_idle(KNOWN_FOR)
                .build(),
        }
    }

    /// The record of this key of this subscriber, as the registry has it.
    ///
    /// # Errors
    /// When there is no such key, when it must not be used at `now`, or when nothing is kept and
    /// the registry cannot be asked.
    pub async fn subscriber(
        &self,
        id: &SubscriberId,
        key_id: &KeyId,
        now: DateTime<Utc>,
    ) -> Result<Arc<Subscriber>, Error> {
        let name = (id.clone(), key_id.clone());
        drop_stale(&self.records, &name, now).await;
        let asked = self
            .records
            .try_get_with_by_ref(&name, self.ask(&name, now));
        let record = asked.await.map_err(|error| Error::clone(&error))?.what?;
        record.in_force(now).map_err(Error::NotUsable)?;
        Ok(record)
    }

    /// The record as the registry has it now, for use after a signature did not verify with the
    /// kept one. Asks at most once per key in 30 seconds; in between, and when the registry
    /// cannot be asked, this is [`Registry::subscriber`].
    ///
    /// # Errors
    /// As [`Registry::subscriber`].
    pub async fn refresh(
        &self,
        id: &SubscriberId,
        key_id: &KeyId,
        now: DateTime<Utc>,
    ) -> Result<Arc<Subscriber>, Error> {
        let name = (id.clone(), key_id.clone());
        drop_stale(&self.refreshes, &name, now).await;
        let asked_again = async {
            if let Ok(kept) = self.ask(&name, now).await {
                self.records.insert(name.clone(), kept).await;
            }
            Kept::for_a(REFRESH_EVERY, (), now)
        };
        self.refreshes.get_with_by_ref(&name, asked_again).await;
        self.subscriber(id, key_id, now).await
    }

    /// Every address the registry has for a subscriber, whatever its keys: for a callback that
    /// no signed request asked for.
    ///
    /// # Errors
    /// When nothing is kept and the registry cannot be asked.
    pub async fn addresses(
        &self,
        id: &SubscriberId,
        now: DateTime<Utc>,
    ) -> Result<Arc<Vec<Url>>, Error> {
        drop_stale(&self.addresses, id, now).await;
        let ask = async {
            // The provider's own order names the subscriber, so it is no stranger.
            let rows = self.asker.rows(id, None, Budget::Known, now).await;
            let urls = subscriber::urls_of(&rows.map_err(Error::Unavailable)?, id, now);
            let lifetime = match urls.is_empty() {
                true => self.negative_ttl,
                false => self.cache_ttl,
            };
            Ok(Kept::for_a(lifetime, Arc::new(urls), now))
        };
        let asked = self.addresses.try_get_with_by_ref(id, ask).await;
        asked
            .map(|kept| kept.what)
            .map_err(|error| Error::clone(&error))
    }

    /// Forgets what is kept of this key of this subscriber, however the id was spelled.
    pub async fn purge(&self, id: &SubscriberId, key_id: &KeyId) {
        let meant = |name: &Name| name.0.is(id) && name.1 == *key_id;
        let names = self.records.iter().map(|(name, _)| name);
        let names = names.chain(self.refreshes.iter().map(|(name, _)| name));
        for name in names.filter(|name| meant(name)).collect::<Vec<_>>() {
            self.records.invalidate(&*name).await;
            self.refreshes.invalidate(&*name).await;
        }
    }

    async fn ask(
        &self,
        name: &Name,
        now: DateTime<Utc>,
    ) -> Result<Kept<Result<Arc<Subscriber>, Error>>, Error> {
        let (id, key_id) = name;
        let budget = match self.known.get(name).await {
            Some(()) => Budget::Known,
            None => Budget::Strangers,
        };
        let rows = self.asker.rows(id, Some(key_id), budget, now).await;
        let rows = rows.map_err(Error::Unavailable)?;
        let record = subscriber::from_rows(&rows, id, key_id, now).map(Arc::new);
        if record.is_ok() {
            self.known.insert(name.clone(), ()).await;
        }
        let lifetime = match &record {
            Ok(record) => self.cache_ttl.min(left_of(record, now)),
            Err(_) => self.negative_ttl,
        };
        Ok(Kept::for_a(lifetime, record, now))
    }
}

fn cache<K, T>() -> Cache<K, Kept<T>>
where
    K: Hash + Eq + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    Cache::builder()
        .max_capacity(MAX_ENTRIES)
        .expire_after(ByLifetime)
        .build()
}

/// Looking and dropping is one step, so that nobody drops what another has just learnt.
async fn drop_stale<K, T>(cache: &Cache<K, Kept<T>>, name: &K, now: DateTime<Utc>)
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    T: Clone + Send + Sync + 'static,
{
    let stale = |kept: &Kept<T>| now >= kept.stale_at;
    if !cache.get(name).await.is_some_and(|kept| stale(&kept)) {
        return;
    }
    let entry = cache.entry_by_ref(name);
    entry
        .and_compute_with(async |entry| match entry {
            Some(entry) if stale(entry.value()) => Op::Remove,
            _ => Op::Nop,
        })
        .await;
}

fn left_of(record: &Subscriber, now: DateTime<Utc>) -> Duration {
    let left = record.valid_until.map(|until| until - now);
    left.map_or(Duration::MAX, |left| left.to_std().unwrap_or_default())
}
