//! What must hold for every input of every reader of foreign text, each property written once.
//!
//! libFuzzer searches for an input that breaks one (`scripts/fuzz.sh`), and `cargo test` tries the
//! seeds and what lies near them (`tests/properties.rs`). A property panics when it is broken. It
//! asserts more than that nothing panics: what is accepted reads back the same from its own text,
//! agrees with an oracle that was written in another way, and keeps no promise broken.

use beckn_bpp::protocol::Dialect;

mod callback_answer;
mod callback_url;
mod cancel;
mod challenge;
mod configuration;
mod duration;
mod header;
mod json_strict;
mod key_id;
mod keys;
mod money;
mod on_subscribe;
mod order;
mod registry_answer;
mod verify;

/// A property: its name is that of its binary, its seeds and its dictionary.
pub type Target = (&'static str, fn(&[u8]));

/// Every property there is.
pub const TARGETS: &[Target] = &[
    ("callback_answer", callback_answer::holds),
    ("callback_url", callback_url::holds),
    ("cancel_v0_9", |data| cancel::holds(Dialect::V0_9, data)),
    ("cancel_v1", |data| cancel::holds(Dialect::V1, data)),
    ("challenge", challenge::holds),
    ("configuration", configuration::holds),
    ("duration", duration::holds),
    ("header", header::holds),
    ("json_strict", json_strict::holds),
    ("key_id", key_id::holds),
    ("keys", keys::holds),
    ("money", money::holds),
    ("on_subscribe", on_subscribe::holds),
    ("order_v0_9", |data| order::holds(Dialect::V0_9, data)),
    ("order_v1", |data| order::holds(Dialect::V1, data)),
    ("registry_answer", registry_answer::holds),
    ("verify", verify::holds),
];

/// Tries one property on one input.
///
/// # Panics
/// When the property does not hold, or has no entry in [`TARGETS`].
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(known, _)| *known == name);
    let (_, holds) = target.unwrap_or_else(|| panic!("{name} is no entry of TARGETS"));
    holds(data);
}

/// The input as lines; what is no UTF-8 is no line. A missing line is empty.
fn lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let mut lines = std::str::from_utf8(data).ok()?.splitn(N, '\n');
    Some(std::array::from_fn(|_| lines.next().unwrap_or_default()))
}

/// A sentence for answers and logs: of one line, and not long whatever was sent.
fn is_one_short_line(sentence: &str) -> bool {
    sentence.chars().count() <= 1_000 && !sentence.chars().any(char::is_control)
}
