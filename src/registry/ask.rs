//! One question to the registry over HTTP, bounded in number, time and size.
//!
//! Called by `lookup` when nothing fresh is kept. It tells apart "the registry has no such row"
//! from "the registry did not answer": the second says nothing about the subscriber and must
//! never look like the first. It keeps no answers.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use chrono::{DateTime, Utc};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use reqwest::{Response, StatusCode, header};
use url::Url;

use super::breaker::Breaker;
use super::{Outage, Settings};
use crate::domain::ids::{KeyId, SubscriberId};
use crate::protocol::registry::{self as rows, Lookup, Row, rows_for};

/// How much of an answer is read.
const ANSWER_BYTES: usize = 1024 * 1024;

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
    lookup_url: Url,
    timeout: Duration,
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
            lookup_url: below(&settings.url, "lookup"),
            timeout: settings.timeout,
            client,
            strangers: RateLimiter::direct(Quota::per_second(per_second)),
            known: RateLimiter::direct(Quota::per_second(per_second)),
            breaker: Breaker::default(),
        }
    }

    /// The registry's rows for this key of this subscriber, or for all its keys; none is an
    /// answer too.
    pub(super) async fn rows(
        &self,
        id: &SubscriberId,
        key_id: Option<&KeyId>,
        budget: Budget,
        now: DateTime<Utc>,
    ) -> Result<Vec<Row>, Outage> {
        if !self.breaker.admits(now) {
            return Err(Outage::Resting);
        }
        let limiter = match budget {
            Budget::Strangers => &self.strangers,
            Budget::Known => &self.known,
        };
        if limiter.check().is_err() {
            return Err(Outage::TooManyLookups);
        }
        let answer = self.post(id, key_id).await;
        self.breaker.ended(!answer.as_ref().is_err_and(is_down));
        answer
    }

    async fn post(&self, id: &SubscriberId, key_id: Option<&KeyId>) -> Result<Vec<Row>, Outage> {
        let question =
            serde_json::to_vec(&Lookup::of(id, key_id)).expect("a struct of texts has a JSON form");
        let response = self
            .client
            .post(self.lookup_url.clone())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .timeout(self.timeout)
            .body(question)
            .send()
            .await
            .map_err(transport)?;
        match response.status() {
            // Some registries say "none" this way, the others with an empty list.
            StatusCode::NOT_FOUND => Ok(Vec::new()),
            status if status.is_success() => Ok(rows_for(&bounded(response).await?, id, key_id)?),
            status => Err(Outage::Status(status.as_u16())),
        }
    }
}

/// Whether the registry itself failed. A refusal of one question does not count: else a stranger
/// could shut out everybody with ids that the registry dislikes.
fn is_down(outage: &Outage) -> bool {
    match outage {
        Outage::Status(status) => *status == 429 || *status >= 500,
        Outage::Answer(answer) => *answer == rows::Error::NotJson,
        Outage::Transport(_) | Outage::TooLong { .. } => true,
        Outage::TooManyLookups | Outage::Resting => false,
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

pub(super) fn below(base: &Url, segment: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().push(segment);
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
    }
}
