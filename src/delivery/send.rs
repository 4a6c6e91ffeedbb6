//! One attempt on the wire: sign now, POST, read the answer.
//!
//! The last step of the tour: `on_cancel` leaves here. The body was fixed when the callback was
//! committed; only the signature is fresh (and the timestamp, where the network wants it). One
//! deadline covers connecting, TLS, headers and body, and a bounded part of the answer is read.
//! Redirects are not followed, proxies of the environment not used, compressed bodies not
//! unpacked, and nothing is repeated here: [`worker`](super::worker) decides about that.

mod heard;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use reqwest::dns::Resolve;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, RETRY_AFTER};
use reqwest::{Client, RequestBuilder, Response, redirect, retry};
use tokio::time::{Instant, timeout_at};

use self::heard::{header, read_body, redirected, unsent};
use super::Settings;
use super::guard::{self, Guarded, Reach};
use super::provider::Endpoint;
use super::restamp::restamp;
use super::verdict::{self, Answer, End, Verdict};
use crate::crypto::signature::{Header, Signer};
use crate::crypto::webhook;
use crate::networks::Network;
use crate::store::{Callback, Signed};

/// How we introduce ourselves.
const USER_AGENT: &str = concat!("beckn-bpp/", env!("CARGO_PKG_VERSION"));

/// Where a webhook's signature is.
static SIGNATURE: HeaderName = HeaderName::from_static(webhook::HEADER);

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(15);

/// Why nothing can be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The HTTP client does not start, for want of root certificates say.
    #[error("the HTTP client for callbacks cannot start")]
    Client(#[from] reqwest::Error),
}

/// What came of an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The result.
    pub verdict: Verdict,
    /// The HTTP status, when there was one.
    pub status: Option<u16>,
    /// The answer's beginning or the complaint, safe to print.
    pub detail: String,
    /// What it was signed with, unless nothing was sent.
    pub signed: Option<Signed>,
}

impl Sent {
    /// An attempt that got no answer.
    #[must_use]
    pub fn unanswered(verdict: Verdict, complaint: &str) -> Self {
        Self {
            verdict,
            status: None,
            detail: verdict::printable(complaint),
            signed: None,
        }
    }
}

/// Posts callbacks, through one of two HTTP clients that are built once.
pub struct Sender {
    guarded: Client,
    open: Client,
    clock: fn() -> DateTime<Utc>,
    timeout: Duration,
    answer_bytes: usize,
}

impl Sender {
    /// A sender that resolves names with `resolver` and signs with the time of `clock`.
    ///
    /// # Errors
    /// When an HTTP client cannot be built.
    pub fn new(
        settings: &Settings,
        clock: fn() -> DateTime<Utc>,
        resolver: Arc<dyn Resolve>,
    ) -> Result<Self, Error> {
        let guarded: Arc<dyn Resolve> = Arc::new(Guarded(Arc::clone(&resolver)));
        Ok(Self {
            guarded: client(settings, guarded)?,
            open: client(settings, resolver)?,
            clock,
            timeout: settings.timeout,
            answer_bytes: settings.answer_bytes,
        })
    }

    /// Signs these bytes for that network and posts them, once.
    pub async fn send(&self, network: &Network, url: &str, body: &Bytes) -> Sent {
        let deadline = Instant::now() + self.timeout;
        let now = (self.clock)();
        let (request, signed) = match self.request(network, url, body, now) {
            Ok(request) => request,
            Err(blocked) => return Sent::unanswered(Verdict::BlockedUrl, &blocked.to_string()),
        };
        let sent = match timeout_at(deadline, request.send()).await {
            Err(_) => Sent::unanswered(Verdict::Timeout, "no answer within the deadline"),
            Ok(Err(error)) => unsent(error),
            Ok(Ok(response)) => {
                let passing = network.profile().tried_again_after;
                self.read(response, (deadline, now), passing).await
            }
        };
        let signed = Some(signed);
        Sent { signed, ..sent }
    }

    /// Posts the news of a cancellation to a partner, once.
    pub async fn send_webhook(&self, key: Option<&webhook::Key>, url: &str, body: &Bytes) -> Sent {
        let now = (self.clock)();
        let signed = |key: &webhook::Key| (SIGNATURE.clone(), key.sign(body, now.timestamp()));
        self.tell(url, key.map(signed), body, now).await
    }

    /// Posts an event to the provider's system, once.
    pub async fn send_event(&self, endpoint: &Endpoint, to: &Callback, body: &Bytes) -> Sent {
        let now = (self.clock)();
        let headers = endpoint.headers(to.message.as_str(), body, now);
        // Wherever it was when the event was written: it is where it is now.
        self.tell(endpoint.url.as_str(), headers, body, now).await
    }

    /// Asks the provider, once; the bytes of a 200.
    ///
    /// # Errors
    /// Says why there is no answer.
    pub async fn ask(
        &self,
        endpoint: &Endpoint,
        id: &str,
        body: &Bytes,
    ) -> Result<Vec<u8>, String> {
        let deadline = Instant::now() + self.timeout;
        let headers = endpoint.headers(id, body, (self.clock)());
        let request = self.to_operator(endpoint.url.as_str(), headers, body);
        let mut response = match timeout_at(deadline, request.send()).await {
            Err(_) => return Err("no answer within the deadline".to_owned()),
            Ok(Err(error)) => return Err(unsent(error).detail),
            Ok(Ok(response)) => response,
        };
        if response.status().as_u16() != 200 {
            return Err(format!("HTTP {}", response.status().as_u16()));
        }
        match read_body(&mut response, self.answer_bytes, deadline).await {
            (body, End::Whole) => Ok(body),
            _ => Err("the answer is not whole".to_owned()),
        }
    }

    /// A request to an address that is the operator's word.
    fn to_operator(
        &self,
        url: &str,
        headers: impl IntoIterator<Item = (HeaderName, String)>,
        body: &Bytes,
    ) -> RequestBuilder {
        let request = self.open.post(url);
        let mut request = request.header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(body.clone())
    }

    /// Posts news to who has no protocol of acknowledgements: a 2xx is its word, whatever else it
    /// says.
    async fn tell(
        &self,
        url: &str,
        headers: impl IntoIterator<Item = (HeaderName, String)>,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Sent {
        let deadline = Instant::now() + self.timeout;
        let request = self.to_operator(url, headers, body);
        let sent = match timeout_at(deadline, request.send()).await {
            Err(_) => Sent::unanswered(Verdict::Timeout, "no answer within the deadline"),
            Ok(Err(error)) => unsent(error),
            Ok(Ok(response)) => self.read(response, (deadline, now), None).await,
        };
        let taken = sent
            .status
            .is_some_and(|status| (200..300).contains(&status));
        match taken {
            true => Sent {
                verdict: Verdict::Delivered,
                ..sent
            },
            false => sent,
        }
    }

    fn request(
        &self,
        network: &Network,
        url: &str,
        body: &Bytes,
        now: DateTime<Utc>,
    ) -> Result<(RequestBuilder, Signed), guard::Error> {
        let settings = &network.settings;
        // What the operator wrote may be anywhere; strangers' and registries' words may not.
        let audit = settings.audit.as_ref();
        let is_gateway = audit.is_some_and(|audit| audit.url.as_str() == url);
        let reach = Reach::of(settings.allow_http_callbacks || is_gateway);
        let url = guard::check(url, reach)?;
        let renewed = settings.restamp.then(|| restamp(body, now)).flatten();
        let restamped = renewed.is_some();
        let body = renewed.unwrap_or_else(|| body.clone());
        let signer = settings.signer.active();
        let header = signer.sign(&body, now.timestamp());
        let client = match reach {
            Reach::Public => &self.guarded,
            Reach::Anywhere => &self.open,
        };
        let request = client.post(url).header(CONTENT_TYPE, "application/json");
        let request = request.header(AUTHORIZATION, header.to_string());
        Ok((request.body(body), kept(&signer, &header, now, restamped)))
    }

    async fn read(
        &self,
        mut response: Response,
        (deadline, now): (Instant, DateTime<Utc>),
        passing: Option<&str>,
    ) -> Sent {
        let status = response.status().as_u16();
        if response.status().is_redirection() {
            return redirected(&response);
        }
        let retry_after = header(&response, RETRY_AFTER);
        let (body, end) = read_body(&mut response, self.answer_bytes, deadline).await;
        let answer = Answer {
            status,
            retry_after: verdict::retry_after(&retry_after, now),
            body,
            end,
        };
        let (verdict, detail) = verdict::judge(&answer, passing);
        Sent {
            verdict,
            status: Some(status),
            detail,
            signed: None,
        }
    }
}

/// What is remembered of a header: what the settings do not say at any later time.
fn kept(signer: &Signer, header: &Header, now: DateTime<Utc>, restamped: bool) -> Signed {
    Signed {
        key_id: header.key_id.clone(),
        public_key: Some(signer.key.verifying_key().to_base64()),
        at_ms: now.timestamp_millis(),
        lifetime_seconds: header.expires.saturating_sub(header.created),
        restamped,
        signature: STANDARD.encode(header.signature),
    }
}

fn client(settings: &Settings, resolver: Arc<dyn Resolve>) -> Result<Client, Error> {
    let builder = Client::builder()
        .user_agent(USER_AGENT)
        .dns_resolver(resolver)
        .redirect(redirect::Policy::none())
        .retry(retry::never())
        .no_proxy()
        .referer(false)
        .no_gzip()
        .no_brotli()
        .no_zstd()
        .no_deflate()
        .connect_timeout(settings.connect_timeout)
        .pool_max_idle_per_host(settings.in_flight_per_host)
        .pool_idle_timeout(IDLE);
    Ok(builder.build()?)
}
