//! A registry in memory: lookups in three forms over a list of rows, `POST /subscribe` adds one.
//!
//! It answers as each form's specification says (the question is a filter over the rows, a list
//! comes back) unless a test switches its [`Behaviour`]. It lists only who has passed its
//! handshake, or was put in by hand.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::{App, HttpServer, web};
use bytes::Bytes;
use serde_json::{Value, json};
use url::Url;

use super::{Error, Running, url_of};
use crate::crypto::signature::Signer;

pub mod handshake;
mod lookup;

/// How the registry answers lookups.
#[derive(Debug, Clone, Default)]
pub enum Behaviour {
    /// The rows that agree with the question.
    #[default]
    Filtered,
    /// All rows, as a registry does that knows none of the filters.
    Unfiltered,
    /// The rows that agree, in an object's `message`.
    Wrapped,
    /// The first row that agrees, alone.
    Single,
    /// The rows that agree, after this time.
    Slow(Duration),
    /// This status, with an empty JSON object.
    Status(u16),
    /// Status 200 with these bytes.
    Body(Bytes),
}

/// A running registry.
pub struct RegistryHandle {
    /// Its base URL, without `/lookup`.
    pub url: Url,
    /// Its rows; change them at any time.
    pub rows: Arc<Mutex<Vec<Value>>>,
    state: web::Data<State>,
    running: Running,
}

struct State {
    rows: Arc<Mutex<Vec<Value>>>,
    behaviour: Mutex<Behaviour>,
    asked: AtomicU64,
    hosts: Mutex<BTreeMap<String, Url>>,
}

impl RegistryHandle {
    /// How many lookups came in.
    #[must_use]
    pub fn asked(&self) -> u64 {
        self.state.asked.load(Ordering::SeqCst)
    }

    /// Changes how questions are answered from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *lock(&self.state.behaviour) = behaviour;
    }

    /// Replaces all rows.
    pub fn set_rows(&self, rows: Vec<Value>) {
        *lock(&self.rows) = rows;
    }

    /// Adds rows to those there are.
    pub fn add_rows(&self, rows: impl IntoIterator<Item = Value>) {
        lock(&self.rows).extend(rows);
    }

    /// Where `https://{subscriber_id}` leads to, for ONDC's form of subscribing.
    pub fn find_host_at(&self, subscriber_id: &str, url: Url) {
        lock(&self.state.hosts).insert(subscriber_id.to_owned(), url);
    }

    /// Stops answering and gives up the port.
    pub async fn stop(self) {
        self.running.stop().await;
    }
}

/// The row that a registry keeps of a subscriber: `role` is `BAP`, `BPP` or `BG`.
#[must_use]
pub fn row(signer: &Signer, role: &str, url: &Url) -> Value {
    json!({
        "subscriber_id": signer.subscriber_id,
        "key_id": signer.key_id,
        "type": role,
        "url": url.as_str(),
        "signing_public_key": signer.key.verifying_key().to_base64(),
        "status": "SUBSCRIBED",
    })
}

/// Starts a registry on the listener with these rows.
///
/// # Errors
/// When the listener cannot be served.
pub fn start(listener: TcpListener, rows: Vec<Value>) -> Result<RegistryHandle, Error> {
    let url = url_of(&listener, "/")?;
    let rows = Arc::new(Mutex::new(rows));
    let state = web::Data::new(State {
        rows: Arc::clone(&rows),
        behaviour: Mutex::default(),
        asked: AtomicU64::new(0),
        hosts: Mutex::default(),
    });
    let served = state.clone();
    let server = HttpServer::new(move || {
        App::new()
            .app_data(served.clone())
            .configure(lookup::routes)
            .route("/subscribe", web::post().to(handshake::subscribe))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    Ok(RegistryHandle {
        url,
        rows,
        state,
        running: Running::spawn(server),
    })
}

impl State {
    fn count_question(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a test that panicked left behind is still a list of rows.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
