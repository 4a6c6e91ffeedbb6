//! The messages of a run and their ids. An id tells its number, so that nothing has to be
//! looked up when a callback comes in: `{run}-0000-4000-8000-{number}` is a message,
//! `{run}-0000-4000-9000-{number}` the session of an order, `load-{run}-{number}` the order.

use beckn_bpp::crypto::keys::SigningKey;
use beckn_bpp::crypto::signature::{Scheme, Signer};
use beckn_bpp::mock::cancel_message::CancelMessage;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};
use url::Url;

use crate::arguments::{Mix, Plan};
use crate::parties::Parties;
use crate::target::Target;
use crate::template::Template;

/// Who sends the cancels.
pub const BAP: &str = "bap.example.org";
/// Its key's id.
pub const KEY_ID: &str = "k1";

const ORDER: &str = "@order@";
const SESSION: &str = "@session@";
const HOST: &str = "@host@";
const MESSAGE: &str = "@message@";
const TIME: &str = "@time@";

/// Makes the messages.
pub struct Messages {
    run: String,
    order: Template,
    cancel: Template,
    hosts: Vec<String>,
    signer: Signer,
    orders: u64,
}

/// Where an order id begins in a run.
pub fn order_prefix(run: &str) -> String {
    format!("load-{run}-")
}

/// The order that a message is about.
pub fn order_of(number: u64, orders: u64) -> u64 {
    number % orders
}

/// Who signs for the BAP.
pub fn signer() -> anyhow::Result<Signer> {
    Ok(Signer {
        scheme: Scheme::Beckn,
        subscriber_id: BAP.to_owned(),
        key_id: KEY_ID.to_owned(),
        key: SigningKey::parse(include_str!("../../keys/bap.signing"))?,
        lifetime_seconds: 300,
    })
}

impl Messages {
    /// Messages from our BAP to the target.
    pub fn new(plan: &Plan, parties: &Parties, target: &Target) -> anyhow::Result<Self> {
        Self::between(plan, &parties.hosts, &target.url)
    }

    /// Messages from a BAP at these URLs to a BPP at that one.
    pub fn between(plan: &Plan, hosts: &[Url], bpp: &Url) -> anyhow::Result<Self> {
        let bpp_uri = bpp.as_str().trim_end_matches('/').to_owned();
        let order = order(plan, &bpp_uri)?;
        let cancel = cancel(plan, &bpp_uri);
        Ok(Self {
            run: plan.run.clone(),
            order: Template::cut(&order.to_string(), &[ORDER, SESSION, HOST]),
            cancel: Template::cut(&cancel.to_string(), &[ORDER, SESSION, HOST, MESSAGE, TIME]),
            hosts: hosts.iter().map(Url::to_string).collect(),
            signer: signer()?,
            orders: plan.orders,
        })
    }

    /// The order of that number, on one line, as the provider's system would hand it over.
    pub fn order(&self, number: u64) -> String {
        let [order, session] = self.ids(number);
        self.order.fill(&[&order, &session, self.host(number)])
    }

    /// The cancel of that number and its `Authorization`.
    pub fn cancel(&self, number: u64, now: DateTime<Utc>) -> (String, String) {
        let about = order_of(number, self.orders);
        let [order, session] = self.ids(about);
        let message = format!("{}-0000-4000-8000-{number:012x}", self.run);
        let time = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        let host = self.host(about);
        let body = self.cancel.fill(&[&order, &session, host, &message, &time]);
        let authorization = self.signer.authorization(body.as_bytes(), now.timestamp());
        (body, authorization)
    }

    fn ids(&self, order: u64) -> [String; 2] {
        let id = format!("{}{order}", order_prefix(&self.run));
        [id, format!("{}-0000-4000-9000-{order:012x}", self.run)]
    }

    /// Callbacks are spread evenly over the BAP's ports.
    fn host(&self, order: u64) -> &str {
        let hosts = self.hosts.len() as u64;
        &self.hosts[(order % hosts) as usize]
    }
}

fn order(plan: &Plan, bpp_uri: &str) -> anyhow::Result<Value> {
    let mut order: Value = serde_json::from_str(include_str!("order.json"))?;
    let context = &mut order["context"];
    context["bap_id"] = json!(BAP);
    context["bap_uri"] = json!(HOST);
    context["bpp_id"] = json!(plan.bpp_id);
    context["bpp_uri"] = json!(bpp_uri);
    context["transaction_id"] = json!(SESSION);
    order["message"]["order"]["id"] = json!(ORDER);
    Ok(order)
}

fn cancel(plan: &Plan, bpp_uri: &str) -> Value {
    let message = CancelMessage {
        version: "1.1.0".to_owned(),
        domain: "mobility:ondemandride".to_owned(),
        bap_id: BAP.to_owned(),
        bap_uri: HOST.to_owned(),
        bpp_id: plan.bpp_id.clone(),
        bpp_uri: bpp_uri.to_owned(),
        transaction: SESSION.to_owned(),
        message: MESSAGE.to_owned(),
        at: DateTime::UNIX_EPOCH,
        order: ORDER.to_owned(),
        reason: Some("001".to_owned()),
        intent: (plan.mix == Mix::Soft).then(|| "SOFT_CANCEL".to_owned()),
        note: Some("Driver is not moving".to_owned()),
    };
    let mut message = message.to_json();
    message["context"]["timestamp"] = json!(TIME);
    message
}
