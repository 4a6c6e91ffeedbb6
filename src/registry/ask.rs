//! One question to the registry over HTTP, bounded in number, time and size.
//!
//! Called by `lookup` when nothing fresh is kept. It tells apart "the registry has no such row"
//! from "the registry did not answer": the second says nothing about the subscriber and must
//! never look like the first. While the registry is failing, nobody waits for it: a probe goes on
//! by itself, and whoever asked is told after a moment. It keeps no answers.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::{Response, StatusCode, header};
use url::Url;

use super::breaker::{Breaker, Turn};
use super::{Outage, Settings};
use crate::crypto::signature::Signer;
use crate::protocol::registry::{self as rows, Question, Row, rows_for};

/// How much of an answer is read.
const ANSWER_BYTES: usize = 1024 * 1024;

/// How long a caller waits for a registry that has failed several times in a row.
const PROBE_WAIT: Duration = Duration::from_millis(80);

/// An HTTP client for registries: no redirects, no proxy from the environment.
///
/// # Errors
/// When the TLS set-up fails.
pub fn client(timeout: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(timeout)
        .build()
}

pub(super) struct Asker {
    settings: Settings,
    lookup_url: Url,
    client: reqwest::Client,
    strangers: DefaultDirectRateLimiter,
    known: DefaultDirectRateLimiter,
    breaker: Breaker,
}

/// Whose questions a question is counted among.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Budget {
    /// Of names that anybody may have made up.
    Strangers,
    /// Of names that the registry has vouched for before: strangers cannot use it up, so they
    /// cannot shut out those who belong here.
    Known,
}

impl Asker {
    pub(super) fn new(settings: &Settings, client: reqwest::Client) -> Self {
        // At least one: a registry that may never be asked is a mistake in the configuration.
        let per_second = NonZeroU32::new(settings.lookups_per_second).unwrap_or(NonZeroU32::MIN);
        Self {
            lookup_url: below(
                settings.lookup_url.as_ref().unwrap_or(&settings.url),
                settings.form.path(),
            ),
            settings: settings.clone(),
            client,
            strangers: RateLimiter::direct(Quota::per_second(per_second)),
            known: RateLimiter::direct(Quota::per_second(per_second)),
            breaker: Breaker::default(),
        }
    }

    /// The registry's rows for this key of this subscriber, or for all its keys; none is an
    /// answer too.
    pub(super) async fn rows(
        self: &Arc<Self>,
        question: Question,
        budget: Budget,
        now: DateTime<Utc>,
    ) -> Result<Vec<Row>, Outage> {
        let answer = match self.breaker.turn(now) {
            Turn::Rest => Err(Outage::Resting),
            Turn::Ask => self.ask(&question, budget, now).await,
            Turn::Probe => self.probe(question, budget, now).await,
        };
        metrics::counter!("bpp_registry_lookups_total", "result" => result(&answer)).increment(1);
        answer
    }

    /// Whether it is failing and given rest.
    pub(super) fn is_resting(&self) -> bool {
        self.breaker.is_open()
    }

    /// Asks in the background, to the end, whoever waits for it.
    async fn probe(
        self: &Arc<Self>,
        question: Question,
        budget: Budget,
        now: DateTime<Utc>,
    ) -> Result<Vec<Row>, Outage> {
        let asker = Arc::clone(self);
        let probe = tokio::spawn(async move { asker.ask(&question, budget, now).await });
        match tokio::time::timeout(PROBE_WAIT, probe).await {
            Ok(Ok(answer)) => answer,
            _ => Err(Outage::Resting),
        }
    }

    async fn ask(
        &self,
        question: &Question,
        budget: Budget,
        now: DateTime<Utc>,
    ) -> Result<Vec<Row>, Outage> {
        let limiter = match budget {
            Budget::Strangers => &self.strangers,
            Budget::Known => &self.known,
        };
        let mut rows = Vec::new();
        for body in self.settings.form.bodies(question, &self.settings.scope) {
            if limiter.check().is_err() {
                return Err(Outage::TooManyLookups);
            }
            let answer = self.post(body.to_string(), question, now).await;
            self.breaker.ended(!answer.as_ref().is_err_and(is_down));
            rows.extend(answer?);
        }
        Ok(rows)
    }

    async fn post(
        &self,
        body: String,
        question: &Question,
        now: DateTime<Utc>,
    ) -> Result<Vec<Row>, Outage> {
        let mut request = self
            .client
            .post(self.lookup_url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .timeout(self.settings.timeout);
        if let Some(keys) = &self.settings.signer {
            let signer = Signer {
                scheme: self.settings.form.scheme(),
                ..Signer::clone(&keys.active())
            };
            let authorization = signer.authorization(body.as_bytes(), now.timestamp());
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let response = request.body(body).send().await.map_err(transport)?;
        match response.status() {
            // Some registries say "none" this way, the others with an empty list.
            StatusCode::NOT_FOUND => Ok(Vec::new()),
            status if status.is_success() => {
                let answer = bounded(response).await?;
                Ok(rows_for(&answer, self.settings.form, question)?)
            }
            status => Err(Outage::Status(status.as_u16())),
        }
    }
}

/// The word for the metric.
fn result(answer: &Result<Vec<Row>, Outage>) -> &'static str {
    match answer {
        Ok(rows) if rows.is_empty() => "none",
        Ok(_) => "found",
        Err(Outage::TooManyLookups | Outage::TooManyWaiting) => "limited",
        Err(Outage::Resting) => "resting",
        Err(_) => "failed",
    }
}

/// Whether the registry itself failed. A refusal of one question does not count: else a stranger
/// could shut out everybody with ids that the registry dislikes.
fn is_down(outage: &Outage) -> bool {
    match outage {
        Outage::Status(status) => *status == 429 || *status >= 500,
        Outage::Answer(answer) => *answer == rows::Error::NotJson,
        Outage::Transport(_) | Outage::TooLong { .. } => true,
        Outage::TooManyLookups | Outage::TooManyWaiting | Outage::Resting => false,
    }
}

/// Reads the answer as it comes and stops at the limit, whatever its headers announce.
pub(super) async fn bounded(mut response: Response) -> Result<Bytes, Outage> {
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(transport)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(Outage::TooLong {
                limit: ANSWER_BYTES,
            });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

pub(super) fn transport(error: reqwest::Error) -> Outage {
    // The URL may hold credentials; the operator knows which registry it is.
    Outage::Transport(Arc::new(error.without_url()))
}

/// A path of plain segments below a URL.
pub(super) fn below(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lookup_is_added_below_the_base_url() {
        for (base, expected) in [
            ("https://r.example", "https://r.example/lookup"),
            ("https://r.example/", "https://r.example/lookup"),
            ("https://r.example/ondc/", "https://r.example/ondc/lookup"),
            ("https://r.example/a/b", "https://r.example/a/b/lookup"),
        ] {
            let base = Url::parse(base).expect("a URL");
            assert_eq!(below(&base, "lookup").as_str(), expected);
        }
        let base = Url::parse("https://r.example/ondc/").expect("a URL");
        let deeper = below(&base, "v2.0/lookup");
        assert_eq!(deeper.as_str(), "https://r.example/ondc/v2.0/lookup");
    }
}
