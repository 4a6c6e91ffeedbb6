//! A BAP that keeps what it gets, and answers well or badly as the seed decides.
//!
//! What it does to a callback depends on the seed, the message id and how often that message
//! came before, and not on when it came.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use actix_web::http::header::AUTHORIZATION;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use beckn_bpp::crypto::keys::VerifyingKey;
use beckn_bpp::crypto::signature::{Header, Signer};
use bytes::Bytes;
use chrono::Utc;
use futures_util::stream;
use serde_json::json;
use url::Url;

use crate::outside::books::Callback;
use crate::outside::orders::Bap;
use crate::outside::surroundings::{BPP, listener};
use crate::random::Random;

/// Longer than the server waits for an answer.
const HANG: Duration = Duration::from_secs(4);

/// What the BAPs know together.
pub struct Inbox {
    seed: u64,
    key: VerifyingKey,
    faulty: AtomicBool,
    not_understood: AtomicU64,
    received: Mutex<Received>,
}

#[derive(Default)]
struct Received {
    callbacks: Vec<Callback>,
    times: HashMap<String, u64>,
    acknowledged: HashSet<String>,
    of_bap: [usize; 2],
}

enum Answer {
    Ack,
    Nack,
    Fail,
    Hang,
    HangUp,
}

impl Inbox {
    /// An empty inbox; faults are on.
    pub fn new(seed: u64) -> anyhow::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            seed,
            key: VerifyingKey::parse(include_str!("../../keys/bpp.public").trim())?,
            faulty: AtomicBool::new(true),
            not_understood: AtomicU64::new(0),
            received: Mutex::default(),
        }))
    }

    /// From now on every callback is answered well.
    pub fn heal(&self) {
        self.faulty.store(false, Ordering::SeqCst);
    }

    /// Everything that came in, and how much of it was no callback.
    pub fn all(&self) -> (Vec<Callback>, u64) {
        let not_understood = self.not_understood.load(Ordering::SeqCst);
        (self.received().callbacks.clone(), not_understood)
    }

    /// Whether a callback to this message was acknowledged.
    pub fn has_acknowledged(&self, message: &str) -> bool {
        self.received().acknowledged.contains(message)
    }

    /// How many callbacks have come to each BAP.
    pub fn arrivals(&self) -> [usize; 2] {
        self.received().of_bap
    }

    fn received(&self) -> MutexGuard<'_, Received> {
        self.received.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verify(&self, request: &HttpRequest, body: &[u8]) -> Result<(), String> {
        let header = request.headers().get(AUTHORIZATION);
        let header = header.and_then(|value| value.to_str().ok());
        let header = Header::parse(header.ok_or("no Authorization")?).map_err(|e| e.to_string())?;
        if header.subscriber_id != BPP {
            return Err(format!("it is signed by {}", header.subscriber_id));
        }
        let checked = header.check_window(Utc::now().timestamp(), 3_600);
        checked.map_err(|error| error.to_string())?;
        header.verify(body, &self.key).map_err(|e| e.to_string())
    }

    fn keep(&self, mut callback: Callback) -> Answer {
        let mut received = self.received();
        let times = received.times.entry(callback.message.clone()).or_default();
        *times += 1;
        let answer = match self.faulty.load(Ordering::SeqCst) {
            true => fault(self.seed, &callback.message, *times),
            false => Answer::Ack,
        };
        callback.was_acknowledged = matches!(answer, Answer::Ack);
        if callback.was_acknowledged {
            received.acknowledged.insert(callback.message.clone());
        }
        received.of_bap[callback.bap] += 1;
        received.callbacks.push(callback);
        answer
    }
}

/// 20 % fail, 5 % hang, 5 % hang up; of those that come for the first time, 3 % are refused.
fn fault(seed: u64, message: &str, times: u64) -> Answer {
    let message = message.bytes().fold(0, |hash: u64, byte| {
        hash.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    match Random::of(&[seed, message, times]).within(0..100) {
        0..20 => Answer::Fail,
        20..25 => Answer::Hang,
        25..30 => Answer::HangUp,
        30..33 if times == 1 => Answer::Nack,
        _ => Answer::Ack,
    }
}

/// Starts a BAP that puts what it gets into the inbox, as the one with this index.
pub fn start(index: usize, signer: &Signer, inbox: &Arc<Inbox>) -> anyhow::Result<(Bap, Url)> {
    let listener = listener()?;
    let url = Url::parse(&format!("http://{}/beckn", listener.local_addr()?))?;
    let served = web::Data::from(Arc::clone(inbox));
    let server = HttpServer::new(move || {
        let answer = move |inbox, request, body| on_cancel(index, inbox, request, body);
        App::new()
            .app_data(served.clone())
            .route("/beckn/on_cancel", web::post().to(answer))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    tokio::spawn(server);
    let bap = Bap {
        id: signer.subscriber_id.clone(),
        uri: url.to_string(),
    };
    Ok((bap, url))
}

async fn on_cancel(
    index: usize,
    inbox: web::Data<Inbox>,
    request: HttpRequest,
    body: Bytes,
) -> HttpResponse {
    let verdict = inbox.verify(&request, &body);
    let Some(callback) = Callback::read(index, &body, verdict) else {
        inbox.not_understood.fetch_add(1, Ordering::SeqCst);
        return HttpResponse::BadRequest().finish();
    };
    match inbox.keep(callback) {
        Answer::Ack => HttpResponse::Ok().json(json!({"message": {"ack": {"status": "ACK"}}})),
        Answer::Nack => HttpResponse::Ok().json(json!({"message": {"ack": {"status": "NACK"}}})),
        Answer::Fail => HttpResponse::InternalServerError().finish(),
        Answer::Hang => {
            tokio::time::sleep(HANG).await;
            HttpResponse::GatewayTimeout().finish()
        }
        Answer::HangUp => {
            let cut = stream::iter([Err::<Bytes, _>(std::io::Error::other("hung up on purpose"))]);
            HttpResponse::Ok().streaming(cut)
        }
    }
}
