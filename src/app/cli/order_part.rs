//! `order cancel` of one fulfilment, and of goods that come back.

use serde_json::{Map, Value, json};

#[derive(Debug, Clone, clap::Args)]
pub(super) struct Part {
    /// Only this fulfilment of several, by its id
    #[arg(long, value_name = "ID", conflicts_with = "filter")]
    fulfillment: Option<String>,
    /// Goods under way that come back: the id of the fulfilment that brings them [default: the
    /// one under way and -RTO]
    #[arg(long, value_name = "ID", conflicts_with = "filter")]
    rto_id: Option<String>,
    /// What their way back costs, in the order's currency [default: 0]
    #[arg(long, value_name = "AMOUNT", conflicts_with = "filter")]
    rto_charge: Option<String>,
    /// How often delivery was tried
    #[arg(long, value_name = "COUNT", conflicts_with = "filter")]
    rto_retry_count: Option<u32>,
    /// The carrier that gave up, by its subscriber id [default: the provider]
    #[arg(long, value_name = "SUBSCRIBER", conflicts_with = "filter")]
    rto_cancelled_by: Option<String>,
}

impl Part {
    /// Adds to the body what was said.
    pub(super) fn add_to(&self, body: &mut Value) {
        if let Some(one) = &self.fulfillment {
            body["fulfillment"] = json!(one);
        }
        let mut rto = Map::new();
        let mut add = |name: &str, value: Option<Value>| {
            value.map(|value| rto.insert(name.to_owned(), value));
        };
        add("id", self.rto_id.as_ref().map(|id| json!(id)));
        add(
            "charge",
            self.rto_charge.as_ref().map(|charge| json!(charge)),
        );
        add(
            "retry_count",
            self.rto_retry_count.map(|count| json!(count)),
        );
        add(
            "cancelled_by",
            self.rto_cancelled_by.as_ref().map(|by| json!(by)),
        );
        if !rto.is_empty() {
            body["rto"] = Value::Object(rto);
        }
    }
}
