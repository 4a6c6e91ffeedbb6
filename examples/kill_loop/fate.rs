//! What happens to an order besides that it is cancelled. Its number decides, so that clients,
//! operator and audit need not tell each other.

use serde_json::{Value, json};

use crate::outside::orders::Numbered;

/// See the file's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Plain,
    /// Its price is asked for before.
    Previewed,
    /// It is erased once it is over.
    Erased,
    /// Its provider decides later.
    Decided {
        /// Whether it does not cancel.
        refuses: bool,
    },
}

/// The state of a fulfilment in which the server asks the provider.
pub const ASKED_IN: &str = "PROVIDER_DECIDES";

impl Fate {
    /// The fate of an order.
    pub fn of(order: Numbered) -> Self {
        match order.0 % 40 {
            4 => Self::Decided { refuses: true },
            34 => Self::Decided { refuses: false },
            7 | 17 | 27 | 37 => Self::Erased,
            odd if odd % 2 == 1 => Self::Previewed,
            _ => Self::Plain,
        }
    }

    /// Whether more than one cancel may be sent for it: what is erased is not found any more, and
    /// what is refused may be asked again, so that its end would not be known.
    pub fn may_be_cancelled_again(self) -> bool {
        matches!(self, Self::Plain | Self::Previewed)
    }
}

/// Makes a document one whose provider is asked.
pub fn let_the_provider_decide(document: &mut Value) {
    let order = &mut document["message"]["order"];
    order["fulfillment"]["state"] = json!({"descriptor": {"code": ASKED_IN}});
}

/// A cancel that asks for the price only.
pub fn preview(cancel: &str) -> Option<String> {
    let mut message: Value = serde_json::from_str(cancel).ok()?;
    message["message"]["descriptor"] = json!({"code": "SOFT_CANCEL", "name": "Ride Cancellation"});
    Some(message.to_string())
}
