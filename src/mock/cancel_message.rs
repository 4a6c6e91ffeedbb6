//! The `/cancel` a BAP or an EUA writes, in every dialect.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use uuid::Uuid;

use super::orders::Sample;
use crate::protocol::Dialect;
use crate::protocol::raw;
use crate::protocol::uhi::message::{CANCEL_REASON, CANCELLED_BY};

/// What a BAP asks. The members of the context are those the version requires.
#[derive(Debug, Clone)]
pub struct CancelMessage {
    /// `0.9.x`, `1.x` or, on UHI, `0.7.1`.
    pub version: String,
    /// The domain of the order.
    pub domain: String,
    /// The BAP.
    pub bap_id: String,
    /// Where it wants the callback.
    pub bap_uri: String,
    /// The provider platform.
    pub bpp_id: String,
    /// Where that is.
    pub bpp_uri: String,
    /// The session.
    pub transaction: String,
    /// This message.
    pub message: String,
    /// When it is made.
    pub at: DateTime<Utc>,
    /// The order.
    pub order: String,
    /// The reason code.
    pub reason: Option<String>,
    /// `SOFT_CANCEL` or `CONFIRM_CANCEL`.
    pub intent: Option<String>,
    /// A sentence for people.
    pub note: Option<String>,
}

impl CancelMessage {
    /// A new one for a sample, as placed by this BAP with this platform (id and address of each):
    /// made now, in the order's session, and with nothing that may be left out.
    ///
    /// # Errors
    /// Never for the samples.
    pub fn of(sample: Sample, bap: (&str, &str), bpp: (&str, &str)) -> Result<Self, raw::Error> {
        Ok(Self {
            version: sample.version.to_owned(),
            domain: sample.domain.to_owned(),
            bap_id: bap.0.to_owned(),
            bap_uri: bap.1.to_owned(),
            bpp_id: bpp.0.to_owned(),
            bpp_uri: bpp.1.to_owned(),
            transaction: sample.transaction()?,
            message: Uuid::new_v4().to_string(),
            at: Utc::now(),
            order: sample.id.to_owned(),
            reason: None,
            intent: None,
            note: None,
        })
    }

    /// The message, ready to be serialised once and signed.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self.dialect() {
            Dialect::Uhi => self.to_uhi(),
            _ => self.to_beckn(),
        }
    }

    fn to_beckn(&self) -> Value {
        let mut message = json!({"order_id": self.order});
        if let Some(reason) = &self.reason {
            message["cancellation_reason_id"] = json!(reason);
        }
        // ONDC's rides want it in so many words.
        let is_ride = self.dialect() == Dialect::OndcMobility;
        let usual = is_ride.then_some("CONFIRM_CANCEL");
        if let Some(code) = self.intent.as_deref().or(usual) {
            message["descriptor"]["code"] = json!(code);
            message["descriptor"]["name"] = json!("Ride Cancellation");
        }
        if let Some(note) = &self.note {
            message["descriptor"]["short_desc"] = json!(note);
        }
        json!({"context": self.context(), "message": message})
    }

    /// What a patient's app says, in the tags of the fulfilment.
    fn to_uhi(&self) -> Value {
        let mut tags = json!({CANCELLED_BY: "patient"});
        if let Some(reason) = &self.reason {
            tags[CANCEL_REASON] = json!(reason);
        }
        let fulfillment = json!({"tags": tags});
        let order = json!({"id": self.order, "state": "CANCELLED", "fulfillment": fulfillment});
        json!({"context": self.context(), "message": {"order": order}})
    }

    fn context(&self) -> Value {
        let dialect = self.dialect();
        let names = dialect.members();
        let mut context = json!({
            "domain": self.domain,
            "action": "cancel",
            names.bap_id: self.bap_id,
            names.bap_uri: self.bap_uri,
            names.bpp_id: self.bpp_id,
            names.bpp_uri: self.bpp_uri,
            "transaction_id": self.transaction,
            "message_id": self.message,
            "timestamp": self.at.to_rfc3339_opts(SecondsFormat::Millis, true),
        });
        let is_flat = matches!(dialect, Dialect::V0_9 | Dialect::Uhi | Dialect::OndcRetail);
        if is_flat {
            context["core_version"] = json!(self.version);
            context["country"] = json!("IND");
            context["city"] = json!("std:080");
        } else {
            context["version"] = json!(self.version);
            context["location"] = json!({"city": {"code": "std:080"}, "country": {"code": "IND"}});
        }
        if !matches!(dialect, Dialect::V0_9 | Dialect::Uhi) {
            context["ttl"] = json!("PT30S");
        }
        context
    }

    fn dialect(&self) -> Dialect {
        Dialect::in_domain(&self.version, Some(&self.domain)).unwrap_or(Dialect::V1)
    }
}
