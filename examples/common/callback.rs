//! A borrowed look at the two members of an `on_cancel` that say what it answers.

use serde::Deserialize;

/// An `on_cancel`.
#[derive(Deserialize)]
pub struct Callback<'a> {
    #[serde(borrow)]
    context: Context<'a>,
    #[serde(borrow)]
    message: Option<Message<'a>>,
}

#[derive(Deserialize)]
struct Context<'a> {
    message_id: &'a str,
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    order: Option<Order<'a>>,
}

#[derive(Deserialize)]
struct Order<'a> {
    id: &'a str,
}

impl<'a> Callback<'a> {
    /// Reads one; `None` when it is none.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// The message it answers.
    pub fn message_id(&self) -> &'a str {
        self.context.message_id
    }

    /// The order it is about.
    pub fn order_id(&self) -> Option<&'a str> {
        Some(self.message.as_ref()?.order.as_ref()?.id)
    }
}
