//! A subscriber's record, from memory or from the registry.
//!
//! Records, and the answer "no such key", are kept for a while, so that neither a busy caller nor
//! a made-up one drives traffic to the registry; any number of callers that wait for the same key
//! share one question. A failed question is never kept. After a bad signature the caller may ask
//! for one [`Registry::refresh`], because keys rotate. While the registry cannot be asked, a
//! record may be used for longer than otherwise, and then says so. Nothing outlives the process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use moka::future::Cache;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::Url;

use super::ask::{Asker, Budget};
use super::kept::{self, Kept, MAX_ENTRIES, fresh};
use super::subscriber::{self, Pin, Subscriber};
use super::{Error, Outage, Settings};
use crate::domain::ids::{KeyId, SubscriberId};
use crate::protocol::registry::{Question, Role};

/// The longest a record may be believed, whatever the settings say: a revoked key is refused
/// after at most this time.
const MAX_TTL: Duration = Duration::from_secs(600);
/// The longest a record may be used past that, while the registry cannot be asked.
const MAX_STALE: Duration = Duration::from_secs(3_600);
/// How long a name is known after the registry was last asked for it.
const KNOWN_FOR: Duration = Duration::from_secs(86_400);
/// How far apart two forced questions for one key are.
const REFRESH_EVERY: Duration = Duration::from_secs(30);
/// How many callers wait for the registry at once, of either budget: those who do hold a place
/// that others, who need no registry, could use.
const WAITING: usize = 100;

/// One key of one subscriber, in the role it is asked for as. The id is as written, not as
/// compared: a caller that spells somebody's id in its own way gets its own entry and cannot
/// spoil the other's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// The party.
    pub subscriber: SubscriberId,
    /// The key.
    pub key_id: KeyId,
    /// What it is to be.
    pub role: Role,
}

type Record = Result<Arc<Subscriber>, Error>;

/// One network's registry, with what it said lately.
pub struct Registry {
    asker: Arc<Asker>,
    cache_ttl: Duration,
    negative_ttl: Duration,
    stale: Duration,
    pins: Vec<Pin>,
    strangers_waiting: Semaphore,
    known_waiting: Semaphore,
    records: Cache<Asked, Kept<Record>>,
    /// The last good record of each key, for as long as it may be used in an outage.
    vouched: Cache<Asked, Kept<Arc<Subscriber>>>,
    refreshes: Cache<Asked, Kept<()>>,
    addresses: Cache<SubscriberId, Kept<Arc<Vec<Url>>>>,
    /// Names that had a record lately, whose questions come before those of strangers.
    known: Cache<Asked, ()>,
    /// How often anything was purged: an answer to a question that was asked before is not kept.
    purges: AtomicU64,
}

impl Registry {
    /// A registry to be asked through `client`, which [`super::client`] builds.
    #[must_use]
    pub fn new(settings: Settings, client: reqwest::Client) -> Self {
        Self {
            asker: Arc::new(Asker::new(&settings, client)),
            cache_ttl: settings.cache_ttl.min(MAX_TTL),
            negative_ttl: settings.negative_ttl.min(MAX_TTL),
            stale: settings.stale.min(MAX_STALE),
            pins: settings.pins,
            strangers_waiting: Semaphore::new(WAITING),
            known_waiting: Semaphore::new(WAITING),
            records: kept::cache(),
            vouched: kept::cache(),
            refreshes: kept::cache(),
            addresses: kept::cache(),
            known: Cache::builder()
                .max_capacity(MAX_ENTRIES)
                .time_to_idle(KNOWN_FOR)
                .build(),
            purges: AtomicU64::new(0),
        }
    }

    /// The record of this key of this subscriber, as the registry has it.
    ///
    /// # Errors
    /// When there is no such key, when it must not be used at `now`, or when nothing is kept and
    /// the registry cannot be asked.
    pub async fn subscriber(&self, asked: &Asked, now: DateTime<Utc>) -> Record {
        let record = match fresh(&self.records, asked, now).await {
            Some(record) => record?,
            None => match self.shared_ask(asked, now).await {
                Err(Error::Unavailable(outage)) => self.in_outage(asked, outage, now).await?,
                answer => answer?,
            },
        };
        record.in_force(now).map_err(Error::NotUsable)?;
        Ok(record)
    }

    /// The record as the registry has it now, for use after a signature did not verify with the
    /// kept one. Asks at most once per key in 30 seconds; in between, and when the registry
    /// cannot be asked, this is [`Registry::subscriber`].
    ///
    /// # Errors
    /// As [`Registry::subscriber`].
    pub async fn refresh(&self, asked: &Asked, now: DateTime<Utc>) -> Record {
        if fresh(&self.refreshes, asked, now).await.is_none() {
            let _waiting = self.wait(Budget::Known).map_err(Error::Unavailable)?;
            let asked_again = async {
                if let Ok(kept) = self.ask(asked, now).await {
                    self.records.insert(asked.clone(), kept).await;
                }
                Kept::for_a(REFRESH_EVERY, (), now)
            };
            self.refreshes.get_with_by_ref(asked, asked_again).await;
        }
        self.subscriber(asked, now).await
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
        if let Some(urls) = fresh(&self.addresses, id, now).await {
            return Ok(urls);
        }
        let asked = self
            .addresses
            .try_get_with_by_ref(id, self.ask_all(id, now));
        asked
            .await
            .map(|kept| kept.what)
            .map_err(|error| Error::clone(&error))
    }

    /// Forgets what is kept of a subscriber, however its id was spelled: of one of its keys, or
    /// of all of them and its addresses. Says which keys were known.
    pub async fn purge(&self, id: &SubscriberId, key_id: Option<&KeyId>) -> Vec<Asked> {
        // First, so that no answer that is under way is kept after it.
        self.purges.fetch_add(1, Ordering::SeqCst);
        let meant =
            |asked: &Asked| asked.subscriber.is(id) && key_id.is_none_or(|k| *k == asked.key_id);
        kept::forget(&self.refreshes, meant).await;
        kept::forget(&self.vouched, meant).await;
        kept::forget(&self.known, meant).await;
        if key_id.is_none() {
            kept::forget(&self.addresses, |named| named.is(id)).await;
        }
        kept::forget(&self.records, meant).await
    }

    /// Whether the registry has failed several times in a row and is left alone for a moment.
    #[must_use]
    pub fn is_resting(&self) -> bool {
        self.asker.is_resting()
    }

    /// One question for all who wait for the same key.
    async fn shared_ask(&self, asked: &Asked, now: DateTime<Utc>) -> Record {
        let budget = self.budget(asked).await;
        let _waiting = self.wait(budget).map_err(Error::Unavailable)?;
        let answer = self
            .records
            .try_get_with_by_ref(asked, self.ask(asked, now));
        answer.await.map_err(|error| Error::clone(&error))?.what
    }

    fn wait(&self, budget: Budget) -> Result<SemaphorePermit<'_>, Outage> {
        let room = match budget {
            Budget::Strangers => &self.strangers_waiting,
            Budget::Known => &self.known_waiting,
        };
        room.try_acquire().map_err(|_| Outage::TooManyWaiting)
    }

    /// The last good record, where it may still be used; else why there is none.
    async fn in_outage(&self, asked: &Asked, outage: Outage, now: DateTime<Utc>) -> Record {
        let vouched = fresh(&self.vouched, asked, now).await;
        match vouched.filter(|record| record.in_force(now).is_ok()) {
            Some(record) => {
                metrics::counter!("bpp_registry_stale_keys_used_total").increment(1);
                Ok(Arc::new(Subscriber {
                    is_stale: true,
                    ..Subscriber::clone(&record)
                }))
            }
            None => Err(Error::Unavailable(outage)),
        }
    }

    async fn budget(&self, asked: &Asked) -> Budget {
        match self.known.get(asked).await {
            Some(()) => Budget::Known,
            None => Budget::Strangers,
        }
    }

    async fn ask(&self, asked: &Asked, now: DateTime<Utc>) -> Result<Kept<Record>, Error> {
        let purges = self.purges.load(Ordering::SeqCst);
        let question = Question {
            subscriber: asked.subscriber.clone(),
            key_id: Some(asked.key_id.clone()),
            role: asked.role,
        };
        let budget = self.budget(asked).await;
        let rows = self.asker.rows(question, budget, now).await;
        let rows = rows.map_err(Error::Unavailable)?;
        let name = (&asked.subscriber, &asked.key_id);
        let record = subscriber::from_rows(&rows, name, &self.pins, now).map(Arc::new);
        let is_purged = self.purges.load(Ordering::SeqCst) != purges;
        self.remember(asked, record.as_ref().ok().filter(|_| !is_purged), now)
            .await;
        let lifetime = match &record {
            _ if is_purged => Duration::ZERO,
            Ok(record) => self.cache_ttl.min(left_of(record, now)),
            Err(_) => self.negative_ttl,
        };
        Ok(Kept::for_a(lifetime, record, now))
    }

    /// What an outage may need, and what it must not: a key that was revoked since.
    async fn remember(&self, asked: &Asked, record: Option<&Arc<Subscriber>>, now: DateTime<Utc>) {
        let Some(record) = record else {
            self.vouched.invalidate(asked).await;
            return;
        };
        self.known.insert(asked.clone(), ()).await;
        if !self.stale.is_zero() {
            let longest = self.cache_ttl + self.stale;
            let kept = Kept::for_a(longest, Arc::clone(record), now);
            self.vouched.insert(asked.clone(), kept).await;
        }
    }

    async fn ask_all(
        &self,
        id: &SubscriberId,
        now: DateTime<Utc>,
    ) -> Result<Kept<Arc<Vec<Url>>>, Error> {
        let purges = self.purges.load(Ordering::SeqCst);
        let question = Question {
            subscriber: id.clone(),
            key_id: None,
            role: Role::Buyer,
        };
        // The provider's own order names the subscriber, so it is no stranger.
        let rows = self.asker.rows(question, Budget::Known, now).await;
        let urls = subscriber::urls_of(&rows.map_err(Error::Unavailable)?, id, now);
        let lifetime = match urls.is_empty() {
            _ if self.purges.load(Ordering::SeqCst) != purges => Duration::ZERO,
            true => self.negative_ttl,
            false => self.cache_ttl,
        };
        Ok(Kept::for_a(lifetime, Arc::new(urls), now))
    }
}

fn left_of(record: &Subscriber, now: DateTime<Utc>) -> Duration {
    let left = record.valid_until.map(|until| until - now);
    left.map_or(Duration::MAX, |left| left.to_std().unwrap_or_default())
}
