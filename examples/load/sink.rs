//! The BAP's receiving side: reads which message a callback answers and notes it in the ledger.
//!
//! Lean, because it shares the machine with what is measured: one actix worker, a borrowed look
//! at two members of the body, a digest, and a signature verified now and then. It says ACK to
//! whatever comes.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use actix_web::dev::ServerHandle;
use actix_web::web::{Bytes, Data, PayloadConfig};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use beckn_bpp::crypto::digest::blake2b_512;
use beckn_bpp::crypto::keys::VerifyingKey;
use beckn_bpp::crypto::signature::Header;

use crate::arguments::Plan;
use crate::callback::Callback;
use crate::ledger::Ledger;
use crate::message::{order_of, order_prefix};

const ACK: &str = r#"{"message":{"ack":{"status":"ACK"}}}"#;
/// The largest callback taken.
const BODY_BYTES: usize = 1024 * 1024;

struct Sink {
    ledger: Arc<Ledger>,
    key: VerifyingKey,
    message_prefix: String,
    order_prefix: String,
    orders: u64,
    verify_every: u64,
}

/// Starts receiving on these listeners.
pub fn start(
    listeners: Vec<TcpListener>,
    plan: &Plan,
    ledger: &Arc<Ledger>,
) -> anyhow::Result<ServerHandle> {
    let sink = Data::new(Sink {
        ledger: Arc::clone(ledger),
        key: VerifyingKey::parse(plan.bpp_public_key.trim_ascii())?,
        message_prefix: format!("{}-0000-4000-8000-", plan.run),
        order_prefix: order_prefix(&plan.run),
        orders: plan.orders,
        verify_every: plan.verify_every,
    });
    let mut server = HttpServer::new(move || {
        App::new()
            .app_data(sink.clone())
            .app_data(PayloadConfig::new(BODY_BYTES))
            .route("/on_cancel", web::post().to(on_cancel))
    })
    .workers(1)
    .disable_signals();
    for listener in listeners {
        server = server.listen(listener)?;
    }
    let server = server.run();
    let handle = server.handle();
    tokio::spawn(server);
    Ok(handle)
}

async fn on_cancel(sink: Data<Sink>, request: HttpRequest, body: Bytes) -> HttpResponse {
    sink.take(&request, &body);
    HttpResponse::Ok()
        .content_type("application/json")
        .body(ACK)
}

impl Sink {
    fn take(&self, request: &HttpRequest, body: &[u8]) {
        let callback = Callback::read(body);
        let number = callback
            .as_ref()
            .and_then(|callback| self.number(callback.message_id()));
        let slot = number.and_then(|number| self.ledger.slot(number));
        let (Some(callback), Some(number), Some(slot)) = (callback, number, slot) else {
            self.ledger.foreign.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let order = callback.order_id();
        let right = order.is_some_and(|order| self.is_order_of(number, order));
        let digest = blake2b_512(body);
        let digest = u64::from_be_bytes(digest.first_chunk().copied().unwrap_or_default());
        self.ledger.answered(slot, digest, right);
        if number.is_multiple_of(self.verify_every) {
            self.verify(request, body);
        }
    }

    fn number(&self, message: &str) -> Option<u64> {
        let number = message.strip_prefix(&self.message_prefix)?;
        u64::from_str_radix(number, 16).ok()
    }

    fn is_order_of(&self, number: u64, id: &str) -> bool {
        let order = id.strip_prefix(&self.order_prefix);
        let order = order.and_then(|order| order.parse().ok());
        order == Some(order_of(number, self.orders))
    }

    fn verify(&self, request: &HttpRequest, body: &[u8]) {
        let header = request.headers().get("authorization");
        let header = header.and_then(|value| value.to_str().ok());
        let header = header.and_then(|text| Header::parse(text).ok());
        let holds = header.is_some_and(|header| header.verify(body, &self.key).is_ok());
        let counter = match holds {
            true => &self.ledger.verified,
            false => &self.ledger.forged,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
