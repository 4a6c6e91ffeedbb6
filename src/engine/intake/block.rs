//! The booking block of later messages: what it says replaces what is known, and no more.

use serde_json::{Map, Value};

use crate::domain::order::Booking;
use crate::engine::Error;

/// The known block with a later one, as a JSON merge patch (RFC 7396): a member that is not
/// there stays, `null` takes it away. The status was that of another message, and never stays.
pub(super) fn merged(known: &Booking, later: &Map<String, Value>) -> Result<Booking, Error> {
    let known = Booking {
        status: None,
        ..known.clone()
    };
    let fault = |error: serde_json::Error| Error::Invalid(format!("booking: {error}"));
    let mut block = serde_json::to_value(known).map_err(fault)?;
    patch(&mut block, later);
    serde_json::from_value(block).map_err(fault)
}

fn patch(target: &mut Value, later: &Map<String, Value>) {
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(members) = target else {
        return;
    };
    for (name, value) in later {
        match value {
            Value::Null => {
                members.remove(name);
            }
            Value::Object(inner) => patch(members.entry(name).or_insert(Value::Null), inner),
            value => {
                members.insert(name.clone(), value.clone());
            }
        }
    }
}
