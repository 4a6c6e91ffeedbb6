//! The callback: a fixed `on_cancel` of 2.7 KB with the ids of the request spliced in, signed
//! and posted once over kept connections. What the other side answers is read and not judged.

use actix_web::web::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use tokio::sync::Semaphore;

use crate::proof::{OurKey, between};

/// The body, cut where the ids go: message id first, then order id.
const TEMPLATE: &str = include_str!("on_cancel.json");
const MESSAGE: &str = "@MESSAGE@";
const ORDER: &str = "@ORDER@";

/// Callbacks under way at once.
const IN_FLIGHT: usize = 64;

/// Posts callbacks to one URL.
pub struct Callbacks {
    url: String,
    key: OurKey,
    client: reqwest::Client,
    in_flight: Semaphore,
}

/// The callback for a request; `None` when the request names no message or no order.
pub fn answering(request: &[u8]) -> Option<Bytes> {
    let request = std::str::from_utf8(request).ok()?;
    let message = between(request, "\"message_id\":\"", "\"")?;
    let order = between(request, "\"order_id\":\"", "\"")?;
    let (head, rest) = TEMPLATE.trim_ascii_end().split_once(MESSAGE)?;
    let (middle, tail) = rest.split_once(ORDER)?;
    Some([head, message, middle, order, tail].concat().into())
}

impl Callbacks {
    /// A sender to this URL, with the developer BPP's key.
    pub fn to(url: String) -> anyhow::Result<Self> {
        // The first to install a provider wins; another is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Ok(Self {
            url,
            key: OurKey::parse(include_str!("../../keys/bpp.signing"))?,
            client: reqwest::Client::builder()
                .no_proxy()
                .pool_max_idle_per_host(IN_FLIGHT)
                .build()?,
            in_flight: Semaphore::new(IN_FLIGHT),
        })
    }

    /// Signs and posts a callback.
    pub async fn post(&self, body: Bytes) {
        let Ok(_place) = self.in_flight.acquire().await else {
            return;
        };
        let now = chrono::Utc::now().timestamp();
        let authorization = self.key.authorization(&body, now);
        let request = self.client.post(&self.url);
        let request = request.header(CONTENT_TYPE, "application/json");
        let request = request.header(AUTHORIZATION, authorization);
        let posted = async { request.body(body).send().await?.bytes().await };
        if let Err(error) = posted.await {
            eprintln!("a callback was not taken: {error}");
        }
    }
}
