//! Reasons to cancel: the tables that networks publish, as data, and the list as it travels.
//!
//! Beckn 0.9.x and 1.x have a pair of meta calls for the list: up to 0.9.2 an array is the
//! answer, from 0.9.3 on it follows as `cancellation_reasons`. What a table says of a code that
//! somebody uses is judged by the engine.

use serde_json::{Value, json};

use super::Dialect;
use super::raw::{self, RawObject, quote};
use crate::domain::order::Party;

/// The call that asks for the list; its callback has no `on_` before its name.
pub const GET: &str = "get_cancellation_reasons";

/// The callback that brings it.
pub const CALLBACK: &str = "cancellation_reasons";

/// The last 0.9.x in which the list is the answer itself.
const LAST_SYNCHRONOUS: u16 = 2;

/// One code of a published table.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// The code on the wire.
    pub id: &'static str,
    /// What it means.
    pub text: &'static str,
    /// Who may use it; empty means both sides.
    pub by: &'static [Party],
    /// Whether a sentence must come with it.
    pub text_required: bool,
    /// Whether goods that are under way must come back.
    pub comes_back: bool,
    /// Whether it holds only once the promised time is past.
    pub when_late: bool,
}

impl Row {
    /// The reason that needs a sentence.
    #[must_use]
    pub const fn in_words(self) -> Self {
        Self {
            text_required: true,
            ..self
        }
    }

    /// The reason that holds only once the promised time is past.
    const fn late(self) -> Self {
        Self {
            when_late: true,
            ..self
        }
    }

    /// The reason for which goods that are under way come back.
    const fn back(self) -> Self {
        Self {
            comes_back: true,
            ..self
        }
    }
}

/// A table as a network publishes it.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// Its name in the configuration.
    pub name: &'static str,
    /// Whether numbers that are not in it are in use all the same.
    pub takes_unknown_numbers: bool,
    /// Whether zeros before a number make no difference.
    pub ignores_zeros: bool,
    /// Its codes.
    pub rows: &'static [Row],
    /// The buyer's code that says least: it stands for words of one's own.
    pub in_words: &'static str,
}

const BUYER: &[Party] = &[Party::Customer, Party::Partner];
const SELLER: &[Party] = &[Party::Provider];

/// A reason without more to it.
#[must_use]
pub const fn row(id: &'static str, by: &'static [Party], text: &'static str) -> Row {
    Row {
        id,
        text,
        by,
        text_required: false,
        comes_back: false,
        when_late: false,
    }
}

/// What sellers of goods and their buyers use; 023 is of 2.0.2 alone. Codes that carriers and
/// their buyers use among themselves never reach a seller's `/cancel`.
const RETAIL: [Row; 19] = [
    row("001", BUYER, "The price has changed"),
    row("002", SELLER, "An item is not available"),
    row("003", BUYER, "It is cheaper elsewhere").back(),
    row("005", SELLER, "The merchant rejected the order"),
    row("006", BUYER, "It is later than promised").back().late(),
    row("009", BUYER, "The wrong product was delivered").back(),
    row("010", BUYER, "The buyer wants to change the order").back(),
    row("011", SELLER, "The buyer cannot be found or reached").back(),
    row("012", SELLER, "The buyer no longer wants it").back(),
    row("013", SELLER, "The buyer refused the delivery").back(),
    row("014", SELLER, "The address was not found").back(),
    row("015", SELLER, "The buyer was not there").back(),
    row("016", SELLER, "An accident, the weather or a strike"),
    row("017", SELLER, "The delivery is delayed or not possible"),
    row("018", SELLER, "The place of delivery is not served"),
    row("019", SELLER, "The place of pickup is not served"),
    row("020", SELLER, "It was lost on the way"),
    row("022", SELLER, "The payment failed"),
    row("023", BUYER, "The payment failed or expired"),
];

/// Every published table.
pub const TABLES: &[Table] = &[
    Table {
        name: "ondc-mobility",
        // Published examples use 7.
        takes_unknown_numbers: true,
        // They have 0 and 5 as well as 005.
        ignores_zeros: true,
        rows: &[
            row("000", &[], "Technical cancellation"),
            row("001", BUYER, "The driver is not moving"),
            row("002", BUYER, "The driver cannot be reached"),
            row("003", BUYER, "The driver asked for it"),
            row("004", BUYER, "The place of pickup is wrong"),
            row("005", BUYER, "Booked by mistake"),
            row("011", SELLER, "No driver is available"),
            row("012", SELLER, "The rider is not at the place"),
            row("013", SELLER, "Accepted by mistake"),
            row("014", SELLER, "The rider cannot be reached"),
        ],
        in_words: "005",
    },
    Table {
        name: "ondc-retail-1.2",
        takes_unknown_numbers: false,
        ignores_zeros: false,
        rows: RETAIL.split_at(18).0,
        in_words: "010",
    },
    Table {
        name: "ondc-retail-2.0",
        takes_unknown_numbers: false,
        ignores_zeros: false,
        rows: &RETAIL,
        in_words: "010",
    },
];

/// The published table of that name.
#[must_use]
pub fn table(name: &str) -> Option<&'static Table> {
    TABLES.iter().find(|table| table.name == name)
}

/// Whether two codes are the same: those of numbers are written with and without zeros before.
#[must_use]
pub fn same(one: &str, other: &str) -> bool {
    let plain = |code: &str| is_number(code).then(|| code.trim_start_matches('0').to_owned());
    one == other || plain(one).is_some_and(|one| plain(other) == Some(one))
}

/// Whether a code is a number.
#[must_use]
pub fn is_number(code: &str) -> bool {
    !code.is_empty() && code.bytes().all(|byte| byte.is_ascii_digit())
}

/// The list as an array of `Option`.
#[must_use]
pub fn options<'a>(dialect: Dialect, reasons: impl Iterator<Item = (&'a str, &'a str)>) -> Value {
    let option = |(id, text): (&str, &str)| match dialect {
        Dialect::V0_9 | Dialect::Uhi | Dialect::OndcRetail => {
            json!({"id": id, "descriptor": {"name": text}})
        }
        Dialect::V1 | Dialect::OndcB2b | Dialect::OndcMobility => {
            json!({"id": id, "descriptor": {"code": id, "name": text}})
        }
    };
    reasons.map(option).collect()
}

/// Whether the list is the answer to a message of this version, and no callback follows.
#[must_use]
pub fn is_synchronous(version: &str) -> bool {
    let minor = version.strip_prefix("0.9.").and_then(|minor| {
        let number = minor.split('.').next();
        number.and_then(|number| number.parse::<u16>().ok())
    });
    minor.is_some_and(|minor| minor <= LAST_SYNCHRONOUS)
}

/// The raw context of a question: up to 0.9.2 the whole body is one.
///
/// # Errors
/// When the body is no JSON object.
pub fn context_of(body: &str) -> Result<String, raw::Error> {
    let whole = RawObject::parse(body)?;
    Ok(whole.get("context").unwrap_or(body).trim().to_owned())
}

/// The same of the parsed body, in the shape of other messages.
#[must_use]
pub fn wrapped(body: &Value) -> Value {
    match body.get("context") {
        Some(_) => body.clone(),
        None => json!({"context": body}),
    }
}

/// The body of the callback. `context` is that of an `on_cancel`.
///
/// # Errors
/// When the context is no JSON object.
pub fn callback(context: &str, options: &Value) -> Result<String, raw::Error> {
    let mut context = RawObject::parse(context)?;
    context.set("action", quote(CALLBACK));
    let context = context.text();
    Ok(format!(
        r#"{{"context":{context},"message":{{"cancellation_reasons":{options}}}}}"#
    ))
}

/// An `on_cancel` that brings the list and the order as it is: the 0.9 texts want it where a
/// cancellation is asked for without a reason. `document` is the stored order document.
///
/// # Errors
/// When it cannot be read back.
pub fn on_cancel(context: &str, document: &str, options: &Value) -> Result<String, raw::Error> {
    let document = RawObject::parse(document)?;
    let order = document.get("order").unwrap_or("{}");
    Ok(format!(
        r#"{{"context":{context},"message":{{"order":{order},"cancellation_reasons":{options}}}}}"#
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_the_answer_up_to_0_9_2() {
        for version in ["0.9.0", "0.9.1", "0.9.2", "0.9.2.1"] {
            assert!(is_synchronous(version), "{version}");
        }
        for version in [
            "0.9.3", "0.9.4", "0.9.10", "0.9.x", "1.0.0", "1.1.0", "1.0.9.1", "",
        ] {
            assert!(!is_synchronous(version), "{version}");
        }
    }

    #[test]
    fn numbers_are_the_same_with_and_without_zeros() {
        for (one, other) in [("7", "007"), ("0", "000"), ("010", "10"), ("x1", "x1")] {
            assert!(same(one, other) && same(other, one), "{one} {other}");
        }
        for (one, other) in [("1", "10"), ("0", "1"), ("01a", "1a"), ("", "0")] {
            assert!(!same(one, other) && !same(other, one), "{one} {other}");
        }
    }

    #[test]
    fn every_code_is_once_in_its_table_and_those_of_sellers_are_as_published() {
        for table in TABLES {
            let in_words = table.rows.iter().find(|row| row.id == table.in_words);
            let by = in_words.map(|row| row.by);
            assert_eq!(by, Some(BUYER), "{}", table.name);
            for (at, row) in table.rows.iter().enumerate() {
                let twice = table.rows[..at].iter().any(|other| same(other.id, row.id));
                assert!(!twice && !row.text.is_empty(), "{} {}", table.name, row.id);
            }
        }
        let of_buyers = |name: &str| -> Vec<&str> {
            let rows = table(name).expect("a table").rows.iter();
            let buyers = rows.filter(|row| row.by.contains(&Party::Customer));
            buyers.map(|row| row.id).collect()
        };
        let retail = ["001", "003", "006", "009", "010"];
        assert_eq!(of_buyers("ondc-retail-1.2"), retail);
        assert_eq!(
            of_buyers("ondc-retail-2.0"),
            [&retail[..], &["023"]].concat()
        );
        assert_eq!(
            of_buyers("ondc-mobility"),
            ["001", "002", "003", "004", "005"]
        );
    }

    #[test]
    fn a_bare_context_is_read_as_a_wrapped_one() {
        let bare = r#" {"domain":"mobility","n":1.50} "#;
        assert_eq!(context_of(bare).expect("an object"), bare.trim());
        let whole = format!(r#"{{"context":{bare}}}"#);
        assert_eq!(context_of(&whole).expect("an object"), bare.trim());
        let value: Value = serde_json::from_str(bare).expect("JSON");
        assert_eq!(wrapped(&value)["context"]["domain"], "mobility");
        assert_eq!(wrapped(&wrapped(&value)), wrapped(&value));
    }
}
