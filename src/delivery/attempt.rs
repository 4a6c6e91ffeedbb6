//! One attempt from lease to settlement: send, decide what follows, record it.
//!
//! Runs as a task of its own, so that a slow host holds up nobody else. It ends with the lease
//! settled or with the store's refusal to settle, which ends the worker: a panic while sending
//! is caught here and is one failed attempt. What is recorded is how it went, never the body.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use futures_util::FutureExt;
use serde_json::Value;

use super::Settings;
use super::audit;
use super::breaker::Breaker;
use super::schedule::{self, Run};
use super::send::{Sender, Sent};
use super::steady::later;
use super::verdict::{self, Health, Verdict};
use crate::networks::{Network, Networks, callback_url};
use crate::store::{
    self, Attempt, Callback, CallbackKind, Claimed, NewCallback, Settlement, Store,
};

/// How long to wait before asking a store again that had no room for a settlement.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

/// How much of a word of a receiver's error is logged.
const WORD_CHARS: usize = 100;

/// What every attempt needs.
pub(super) struct Shared {
    pub(super) store: Arc<dyn Store>,
    pub(super) networks: Arc<Networks>,
    pub(super) settings: Settings,
    pub(super) sender: Sender,
    breaker: Mutex<Breaker>,
}

impl Shared {
    pub(super) fn new(
        store: Arc<dyn Store>,
        networks: Arc<Networks>,
        settings: Settings,
        sender: Sender,
    ) -> Self {
        let breaker = Breaker::new(settings.breaker_failures, settings.breaker_open);
        Self {
            store,
            networks,
            settings,
            sender,
            breaker: Mutex::new(breaker),
        }
    }

    pub(super) fn breaker(&self) -> MutexGuard<'_, Breaker> {
        // Every change of the breaker is a whole one, so a panic elsewhere left it usable.
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, lane: &str, health: Health, at: DateTime<Utc>) {
        if health == Health::Ill {
            tracing::debug!(lane, "a host failed");
        }
        self.breaker().record(lane, health, at);
    }
}

/// Sends a claimed callback once and settles it.
pub(super) async fn run(
    shared: Arc<Shared>,
    claimed: Claimed,
    now: DateTime<Utc>,
) -> Result<(), store::Error> {
    let started = Instant::now();
    let sent = AssertUnwindSafe(send(&shared, &claimed, now))
        .catch_unwind()
        .await;
    let sent = sent.unwrap_or_else(|_| Sent::unanswered(Verdict::Panic, "our own code failed"));
    let took = started.elapsed();
    let ended_at = later(now, took);
    let follow_ups = follow_ups(&shared, &claimed);
    let callback = claimed.callback;
    let next = next(&shared.settings, &callback, sent.verdict, ended_at);
    let attempt = Attempt {
        at: now,
        duration_ms: took.as_millis().try_into().unwrap_or(u64::MAX),
        outcome: outcome(sent.verdict, next).to_owned(),
        status: sent.status,
        detail: sent.detail,
        signed: sent.signed,
    };
    report(&callback, &attempt, next, ended_at);
    // Before the settlement, which lets the next callback of this host be claimed.
    shared.learn(&callback.lane, sent.verdict.health(), ended_at);
    let id = callback.id;
    settle(
        &*shared.store,
        Settlement {
            id,
            attempt,
            next,
            follow_ups,
        },
    )
    .await
}

/// What the first attempt at an outcome sets off: nothing else is looked at for the others. As
/// long as nobody knew its network, no attempt was made.
fn follow_ups(shared: &Shared, claimed: &Claimed) -> Vec<NewCallback> {
    let callback = &claimed.callback;
    let unknown = Verdict::UnknownNetwork.outcome();
    let mut attempts = callback.attempts.iter();
    let is_first =
        callback.kind == CallbackKind::Final && attempts.all(|past| past.outcome == unknown);
    let network = shared.networks.get(&callback.order.network);
    let network = network.filter(|_| is_first);
    let copy = network.and_then(|network| audit::copy(network, claimed));
    copy.into_iter().collect()
}

async fn send(shared: &Shared, claimed: &Claimed, now: DateTime<Utc>) -> Sent {
    let callback = &claimed.callback;
    if callback.kind == CallbackKind::Event {
        return send_event(shared, claimed).await;
    }
    let Some(network) = shared.networks.get(&callback.order.network) else {
        let complaint = format!("no network is called {}", callback.order.network);
        return Sent::unanswered(Verdict::UnknownNetwork, &complaint);
    };
    let sender = &shared.sender;
    if callback.kind == CallbackKind::Webhook {
        let client = &callback.subscriber;
        let Some(webhook) = network.webhook_of(client) else {
            // Its address may be another's by now, and there is no key to sign with.
            let complaint = format!("no partner {client} has a webhook_url on this network");
            return Sent::unanswered(Verdict::UnknownNetwork, &complaint);
        };
        let (key, url) = (webhook.key.as_ref(), &callback.url);
        return sender.send_webhook(key, url, &claimed.body).await;
    }
    if let Err(refused) = vouched(network, callback, now).await {
        return refused;
    }
    sender.send(network, &callback.url, &claimed.body).await
}

/// Orders on no network have events too.
async fn send_event(shared: &Shared, claimed: &Claimed) -> Sent {
    let callback = &claimed.callback;
    let Some(endpoint) = &shared.settings.events else {
        let complaint = "there is no events_url in the configuration";
        return Sent::unanswered(Verdict::UnknownNetwork, complaint);
    };
    shared
        .sender
        .send_event(endpoint, callback, &claimed.body)
        .await
}

/// We call back only an address that the registry vouches for, asked for or not.
async fn vouched(network: &Network, callback: &Callback, now: DateTime<Utc>) -> Result<(), Sent> {
    if callback.vouched {
        return Ok(());
    }
    let registered = network.registry.addresses(&callback.subscriber, now).await;
    let registered = registered
        .map_err(|error| Sent::unanswered(Verdict::RegistryUnavailable, &error.to_string()))?;
    let registered: Vec<_> = registered.iter().collect();
    let base = callback_url::base_of(&callback.url);
    match callback_url::check(network.settings.callback_rule, base, &registered) {
        Ok(_) => Ok(()),
        Err(error) => Err(Sent::unanswered(Verdict::NotVouched, &error.to_string())),
    }
}

fn next(
    settings: &Settings,
    callback: &Callback,
    verdict: Verdict,
    now: DateTime<Utc>,
) -> store::Next {
    match schedule::next(settings, &Run::of(callback), verdict, jitter()) {
        schedule::Next::Delivered => store::Next::Delivered,
        schedule::Next::After(wait) => store::Next::Retry(later(now, wait)),
        schedule::Next::Dead => store::Next::Dead,
    }
}

/// Evenly between -1 and 1. Nobody gains by guessing it, so it costs no system call.
fn jitter() -> f64 {
    fastrand::f64() * 2.0 - 1.0
}

/// A callback that is parked because it makes our code fail has a word of its own.
fn outcome(verdict: Verdict, next: store::Next) -> &'static str {
    match (verdict, next) {
        (Verdict::Panic, store::Next::Dead) => "poison",
        _ => verdict.outcome(),
    }
}

async fn settle(store: &dyn Store, settlement: Settlement) -> Result<(), store::Error> {
    loop {
        match store.settle(settlement.clone()).await {
            Err(store::Error::Busy) => tokio::time::sleep(BUSY_PAUSE).await,
            result => return result,
        }
    }
}

fn report(callback: &Callback, attempt: &Attempt, next: store::Next, ended_at: DateTime<Utc>) {
    let outcome = attempt.outcome.clone();
    metrics::counter!("bpp_callback_attempts_total", "outcome" => outcome).increment(1);
    let took = Duration::from_millis(attempt.duration_ms);
    metrics::histogram!("bpp_callback_duration_seconds").record(took.as_secs_f64());
    if next == store::Next::Delivered {
        let delay = (ended_at - callback.created_at)
            .to_std()
            .unwrap_or_default();
        metrics::histogram!("bpp_callback_delivery_delay_seconds").record(delay.as_secs_f64());
    }
    log(callback, attempt, next);
}

fn log(callback: &Callback, attempt: &Attempt, next: store::Next) {
    let (order, message) = (&callback.order.id, &callback.message);
    let (subscriber, outcome) = (&callback.subscriber, &attempt.outcome);
    let (transaction, [kind, code, path]) = (&callback.transaction, error_of(attempt));
    match next {
        store::Next::Delivered => tracing::info!(
            order.id = %order, message.id = %message, subscriber.id = %subscriber,
            duration_ms = attempt.duration_ms, "callback delivered"
        ),
        store::Next::Retry(at) => tracing::info!(
            order.id = %order, transaction.id = %transaction, message.id = %message,
            subscriber.id = %subscriber, outcome, status = attempt.status,
            error.kind = kind, error.code = code, error.path = path, next_at = %at,
            "callback not delivered, to be tried again"
        ),
        store::Next::Dead => tracing::warn!(
            order.id = %order, transaction.id = %transaction, message.id = %message,
            subscriber.id = %subscriber, outcome, status = attempt.status,
            error.kind = kind, error.code = code, error.path = path,
            "callback given up on; redrive it once the cause is mended"
        ),
    }
}

/// Type, code and path of a NACK's error. Its sentence may be about anybody: that is kept with the
/// attempt, and not logged.
fn error_of(attempt: &Attempt) -> [Option<String>; 3] {
    let is_nack = attempt.outcome == Verdict::Nack.outcome();
    let detail = is_nack.then_some(&attempt.detail);
    let error: Option<Value> = detail.and_then(|detail| serde_json::from_str(detail).ok());
    ["type", "code", "path"].map(|name| match error.as_ref()?.get(name)? {
        Value::String(text) => Some(verdict::printable(text).chars().take(WORD_CHARS).collect()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}
