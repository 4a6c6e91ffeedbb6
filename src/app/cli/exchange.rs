//! A cancel with its answer and its callback, as a BAP sees them, for people and for scripts.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::mock::bap::{BapHandle, Received, Reply};
use crate::mock::cancel_message::CancelMessage;

/// How much of an `on_cancel` is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// All of it.
    Whole,
    /// What a cancellation changes.
    Changes,
}

/// A cancel, its answer and its callback, with the times between them.
pub(super) struct Exchange {
    url: Url,
    sent_at: DateTime<Utc>,
    request: Value,
    reply: Reply,
    reply_after: Duration,
    callback: Option<Received>,
    callback_after: Duration,
}

impl Exchange {
    /// Signs and sends the message, and waits for its callback if it was acknowledged.
    pub(super) async fn run(
        bap: &BapHandle,
        to: &Url,
        message: &CancelMessage,
        wait: Duration,
    ) -> anyhow::Result<Self> {
        let request = message.to_json();
        let url = Url::parse(&format!("{}/cancel", to.as_str().trim_end_matches('/')))?;
        let (sent_at, sent) = (Utc::now(), Instant::now());
        let reply = bap
            .sign_and_post(&url, request.to_string())
            .await
            .with_context(|| format!("no answer from {url} (is the server running?)"))?;
        let reply_after = sent.elapsed();
        let callback = match acknowledged(&reply) {
            true => bap.received(&message.message, wait).await,
            false => None,
        };
        let callback_after = sent.elapsed();
        Ok(Self {
            url,
            sent_at,
            request,
            reply,
            reply_after,
            callback,
            callback_after,
        })
    }

    /// Succeeds when the request was acknowledged and its callback verified.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if !acknowledged(&self.reply) {
            let reply = self.reply.json();
            let why = reply["error"]["message"]
                .as_str()
                .unwrap_or("without a reason");
            bail!("refused with {}: {why}", self.reply.status);
        }
        match &self.callback {
            None => bail!("acknowledged, but no on_cancel came in time"),
            Some(Received {
                verdict: Err(why), ..
            }) => {
                bail!("the on_cancel's signature does not hold: {why}")
            }
            Some(_) => Ok(()),
        }
    }

    /// All of it as one document.
    pub(super) fn to_json(&self) -> Value {
        let callback = self.callback.as_ref().map(|callback| {
            json!({
                "after_ms": millis(self.callback_after),
                "verified": callback.verdict.is_ok(),
                "verdict": callback.verdict.as_ref().err(),
                "body": callback.json(),
            })
        });
        json!({
            "url": self.url.as_str(),
            "request": self.request,
            "answer": {"status": self.reply.status, "after_ms": millis(self.reply_after),
                "body": self.reply.json()},
            "on_cancel": callback,
        })
    }

    /// All of it for people.
    pub(super) fn print(&self, shown: Shown) {
        let time = self.sent_at.format("%H:%M:%S%.3f");
        println!("{time}   signed request to {}", self.url);
        println!("{}", indented(&self.request));
        let answer = self.reply.json();
        let meaning = match acknowledged(&self.reply) {
            true => "ACK: request, decision and callback are on disk".to_owned(),
            false => format!("refused\n{}", indented(&answer)),
        };
        println!(
            "+{:>7.1} ms   {} {meaning}",
            millis(self.reply_after),
            self.reply.status
        );
        let Some(callback) = &self.callback else {
            return;
        };
        let verdict = match &callback.verdict {
            Ok(()) => "its signature is verified with the registry's key".to_owned(),
            Err(why) => format!("ITS SIGNATURE DOES NOT HOLD: {why}"),
        };
        println!(
            "+{:>7.1} ms   on_cancel received; {verdict}",
            millis(self.callback_after)
        );
        let body = callback.json();
        match shown {
            Shown::Whole => println!("{}", indented(&body)),
            Shown::Changes => println!("{}", indented(&changes(&body))),
        }
        println!("decision     {}", decision(&body));
    }
}

/// What a cancellation changes in an order, without the rest.
fn changes(body: &Value) -> Value {
    let order = &body["message"]["order"];
    if order.is_null() {
        return body.clone();
    }
    let members = [
        "id",
        "state",
        "status",
        "quote",
        "cancellation",
        "updated_at",
    ];
    let there = members
        .into_iter()
        .filter(|member| !order[*member].is_null());
    there
        .map(|member| (member.to_owned(), order[member].clone()))
        .collect()
}

/// The outcome in a line.
fn decision(body: &Value) -> String {
    if let Some(why) = body["error"]["message"].as_str() {
        return format!(
            "not cancelled: {why} ({})",
            body["error"]["code"].as_str().unwrap_or("-")
        );
    }
    let order = &body["message"]["order"];
    let state = order["status"]
        .as_str()
        .or(order["state"].as_str())
        .unwrap_or("-");
    let charged = |line: &&Value| line["title"] == "CANCELLATION_CHARGES";
    let lines = order["quote"]["breakup"].as_array();
    let fee = lines
        .and_then(|lines| lines.iter().find(charged))
        .map(|line| &line["price"]);
    match fee {
        Some(fee) => format!(
            "{state}, fee {} {}",
            fee["value"].as_str().unwrap_or("-"),
            fee["currency"].as_str().unwrap_or("-"),
        ),
        // The provider looks into it first, and the outcome tells the price.
        None if state.contains("INITIATED") => format!("{state}, not priced yet"),
        None => format!("{state}, free of charge"),
    }
}

fn indented(value: &Value) -> String {
    format!("    {}", format!("{value:#}").replace('\n', "\n    "))
}

fn acknowledged(reply: &Reply) -> bool {
    reply.status == 200 && reply.json()["message"]["ack"]["status"] == "ACK"
}

fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
