//! Hands the orders over to the admin API, newline-delimited, in chunks.

use std::time::{Duration, Instant};

use anyhow::bail;
use url::Url;

use crate::message::Messages;

/// Orders in one request: about half a megabyte.
const CHUNK: u64 = 200;

/// How long handing them over took.
#[derive(Debug, Clone, Copy)]
pub struct Intake {
    /// How many.
    pub orders: u64,
    /// How long.
    pub time: Duration,
}

/// Hands over all orders of the run.
pub async fn hand_over(
    (admin, token): &(Url, String),
    messages: &Messages,
    orders: u64,
) -> anyhow::Result<Intake> {
    // The first to install a provider wins; another is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = admin.join("/orders")?;
    let began = Instant::now();
    let mut from = 0;
    while from < orders {
        let upto = orders.min(from + CHUNK);
        let lines: Vec<String> = (from..upto).map(|number| messages.order(number)).collect();
        let request = client.post(url.clone()).bearer_auth(token);
        let answer = request.body(lines.join("\n")).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        let taken = text.matches(r#""result":"created""#).count() as u64
            + text.matches(r#""result":"unchanged""#).count() as u64;
        if !status.is_success() || taken != upto - from {
            let first = text.lines().find(|line| line.contains("refused"));
            bail!(
                "orders were not taken in: {status} {}",
                first.unwrap_or(&text)
            );
        }
        from = upto;
    }
    let time = began.elapsed();
    Ok(Intake { orders, time })
}
