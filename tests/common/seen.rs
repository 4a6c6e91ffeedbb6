//! What the server says it has: orders, sessions, callbacks and events, read through the admin
//! API, so that the audit sees what a provider would see.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::Value;

use super::surroundings::Admin;

/// How many sessions are asked for at once.
const TOGETHER: usize = 16;

/// What the server keeps of a request and of its callback.
#[derive(Debug, Default)]
pub struct Session {
    /// Message id to digest of the body and number of the callback.
    pub requests: Vec<(String, String, u64)>,
    /// Message id to number.
    pub callbacks: Vec<(String, u64)>,
}

/// All that the admin API tells.
pub struct Seen {
    pub orders: BTreeMap<String, Value>,
    pub sessions: BTreeMap<String, Session>,
    pub callbacks: BTreeMap<u64, Value>,
    pub events: Vec<Value>,
}

/// Reads everything.
pub async fn look(admin: &Admin) -> anyhow::Result<Seen> {
    let orders = admin.all("orders", "").await?;
    let sessions = orders.iter().map(|order| {
        let id = text(&order["placed_by"]["transaction_id"]);
        async move { anyhow::Ok((id.clone(), session(&admin.timeline(&id).await?))) }
    });
    let sessions = futures_util::stream::iter(sessions);
    let sessions = sessions.buffer_unordered(TOGETHER).try_collect().await?;
    let callbacks = admin.all("callbacks", "").await?.into_iter();
    let with_id = |callback: Value| (callback["id"].as_u64().unwrap_or(0), callback);
    Ok(Seen {
        sessions,
        callbacks: callbacks.map(with_id).collect(),
        events: admin.all("events", "").await?,
        orders: orders
            .into_iter()
            .map(|order| (text(&order["id"]), order))
            .collect(),
    })
}

fn session(timeline: &[Value]) -> Session {
    let mut session = Session::default();
    for entry in timeline {
        let (message, callback) = (text(&entry["message_id"]), entry["callback"].as_u64());
        match entry["what"].as_str() {
            Some("request acknowledged") => {
                let digest = text(&entry["body_digest"]);
                session
                    .requests
                    .push((message, digest, callback.unwrap_or(0)));
            }
            Some("callback decided") => {
                session.callbacks.push((message, callback.unwrap_or(0)));
            }
            _ => {}
        }
    }
    session
}

/// A text of a row, empty where there is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
