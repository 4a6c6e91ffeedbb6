//! Orders in any number, and the cancels for them: copies of the sample orders under ids of
//! their own, each in a session of its own.
//!
//! Even numbers are rides of 0.9.1 without a fee; odd ones are rides of 1.1.0 that cost 30
//! rupees to cancel. The sum paid differs from order to order. What a cancellation of
//! one must cost is worked out here by hand, and not by the code under proof.

#![allow(dead_code, reason = "each program uses a part of it")]

use beckn_bpp::mock::cancel_message::CancelMessage;
use beckn_bpp::mock::orders::{O1, Sample, TRIP_1};
use chrono::Utc;
use serde_json::{Value, json};

use super::surroundings::{BPP, BPP_URL};

/// An order by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Numbered(pub u64);

/// A BAP as contexts name it.
#[derive(Debug, Clone)]
pub struct Bap {
    pub id: String,
    pub uri: String,
}

/// The fee of an odd order, in paise.
const FEE: u64 = 3_000;

impl Numbered {
    fn sample(self) -> Sample {
        if self.has_fee() { O1 } else { TRIP_1 }
    }

    fn has_fee(self) -> bool {
        self.0 % 2 == 1
    }

    /// Which of the two BAPs placed it.
    pub fn bap(self) -> usize {
        usize::from(self.0 / 2 % 2 == 1)
    }

    /// What the customer has paid, in rupees; around the fee, so that refund and due occur.
    fn paid(self) -> u64 {
        self.0 % 61
    }

    /// The order's id.
    pub fn id(self) -> String {
        format!("order-{}", self.0)
    }

    /// The order with this id.
    pub fn of_id(id: &str) -> Option<Self> {
        Some(Self(id.strip_prefix("order-")?.parse().ok()?))
    }

    /// The session it was placed in.
    pub fn transaction(self) -> String {
        format!("session-{}", self.0)
    }

    /// Fee, refund and due of its cancellation, in paise.
    pub fn charge(self) -> [u64; 3] {
        let fee = if self.has_fee() { FEE } else { 0 };
        let paid = self.paid() * 100;
        [fee, paid.saturating_sub(fee), fee.saturating_sub(paid)]
    }

    /// The document that the provider hands over.
    pub fn document(self, bap: &Bap) -> anyhow::Result<Value> {
        let text = self
            .sample()
            .placed_by((&bap.id, &bap.uri), (BPP, BPP_URL))?;
        let mut document: Value = serde_json::from_str(&text)?;
        document["context"]["transaction_id"] = json!(self.transaction());
        let order = &mut document["message"]["order"];
        order["id"] = json!(self.id());
        let paid = json!({"amount": self.paid().to_string(), "currency": "INR"});
        let payment = json!({"status": "PAID", "params": paid});
        match self.has_fee() {
            true => order["payments"] = json!([payment]),
            false => order["payment"] = payment,
        }
        Ok(document)
    }

    /// A cancel of it by that BAP.
    pub fn cancel(self, bap: &Bap, message: &str) -> String {
        let sample = self.sample();
        let message = CancelMessage {
            version: sample.version.to_owned(),
            domain: sample.domain.to_owned(),
            bap_id: bap.id.clone(),
            bap_uri: bap.uri.clone(),
            bpp_id: BPP.to_owned(),
            bpp_uri: BPP_URL.to_owned(),
            transaction: self.transaction(),
            message: message.to_owned(),
            at: Utc::now(),
            order: self.id(),
            reason: Some("001".to_owned()),
            intent: None,
            note: None,
        };
        let mut message = message.to_json();
        // A replay much later must meet the request key, not the end of its life.
        if let Some(context) = message["context"].as_object_mut() {
            context.remove("ttl");
        }
        message.to_string()
    }
}
