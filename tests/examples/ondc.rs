//! The published examples of ONDC: order in, cancel in, `on_cancel` out, member by member.
//!
//! The order that goes in is the published answer before it was cancelled. Everything that then
//! comes out otherwise than published is named here with its value and its reason: where a
//! sample contradicts its own tables, the test says which side it took.

#[path = "ondc/mobility.rs"]
mod mobility;
#[path = "ondc/retail.rs"]
mod retail;

use std::path::PathBuf;

use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::schema::{self, Kind};
use chrono::DateTime;
use serde_json::{Value, json};

use crate::market::Market;
use crate::official::{example, protocol_dir};

/// A network of the examples, with their own ids.
struct Bench {
    market: Market,
    dir: PathBuf,
}

/// A member that comes out otherwise than published; null is one that is not there.
type Otherwise<'a> = (&'a str, Value);

/// Any time, as we write it.
const TIME: &str = "a time";

impl Bench {
    /// `None` without the examples.
    async fn start(folder: &str, domains: &[&str], ids: (&str, &str), more: &str) -> Option<Self> {
        let dir = protocol_dir()?.join("examples").join(folder);
        let market = Market::start_as(ids, domains, more).await;
        Some(Self { market, dir })
    }

    fn published(&self, name: &str) -> Value {
        example(&self.dir.join(format!("{name}.json")))
    }

    /// The order of a published answer as it was before, in the provider's words.
    fn before(&self, name: &str, edit: impl FnOnce(&mut Value)) -> Value {
        let mut message = self.market.between_us(self.published(name));
        message["context"]["action"] = json!("on_confirm");
        let order = &mut message["message"]["order"];
        order
            .as_object_mut()
            .expect("an order")
            .remove("cancellation");
        edit(order);
        message
    }

    /// A published request, sent now to us.
    fn request(&self, name: &str) -> Value {
        self.market.now(self.published(name))
    }

    /// Compares a whole callback with a published one.
    fn compare(&self, ours: &Value, name: &str, otherwise: &[Otherwise<'_>]) {
        let mut published = self.market.between_us(self.published(name));
        for (pointer, value) in otherwise {
            put(&mut published, pointer, value.clone());
        }
        let context = &ours["context"];
        let version = context["version"]
            .as_str()
            .or(context["core_version"].as_str());
        let dialect = Dialect::in_domain(version.expect("one"), context["domain"].as_str());
        let judged = schema::check(Kind::OnCancel, dialect.expect("spoken"), ours);
        assert_eq!(judged, Ok(()), "{ours}");
        let ours = timeless(ours.clone());
        assert_eq!(ours, timeless(published), "{name}: {ours:#}");
    }

    async fn stop(self) {
        self.market.stop().await;
    }
}

fn put(message: &mut Value, pointer: &str, value: Value) {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = message.pointer_mut(parent);
    match (parent.unwrap_or_else(|| panic!("{pointer}")), value) {
        (Value::Object(members), Value::Null) => {
            members.remove(key).expect(pointer);
        }
        (Value::Object(members), value) => {
            members.insert(key.to_owned(), value);
        }
        (Value::Array(items), value) => items[key.parse::<usize>().expect(pointer)] = value,
        (other, _) => panic!("{pointer}: {other}"),
    }
}

/// The message with the times masked that are the server's own: the published ones have any
/// number of decimals, ours always three.
fn timeless(mut message: Value) -> Value {
    for pointer in [
        "/context/timestamp",
        "/message/order/updated_at",
        "/message/order/cancellation/time",
    ] {
        if let Some(time) = message.pointer_mut(pointer) {
            let text = time.as_str().expect("text").to_owned();
            assert!(
                text == TIME || DateTime::parse_from_rfc3339(&text).is_ok(),
                "{text}"
            );
            *time = json!(TIME);
        }
    }
    message
}

/// Our own times have milliseconds, as the network's checker wants them.
fn assert_milliseconds(message: &Value) {
    let time = message["context"]["timestamp"].as_str().expect("a time");
    assert!(
        time.len() == 24 && time.ends_with('Z') && &time[19..20] == ".",
        "{time}"
    );
}

/// Takes the lines off again that a cancellation added.
fn without_last_lines(order: &mut Value, count: usize, total: &str) {
    let lines = order["quote"]["breakup"].as_array_mut().expect("lines");
    lines.truncate(lines.len() - count);
    order["quote"]["price"]["value"] = json!(total);
}
