//! What of an order a cancellation is about: one fulfilment of several, or what is left.
//!
//! One fulfilment is decided on as an order of its own, with its own price and with what is paid
//! of that ([`Order::only`]); what is left is the order without the prices and payments of the
//! parts that are gone. So a fee never exceeds the price of what it is for, and nothing is given
//! back twice. What a fulfilment costs is read from the quote elsewhere.

use serde::{Deserialize, Serialize};

use super::cancellation::Cancellation;
use super::money::Money;
use super::order::{Fulfillment, Order, State};

/// What of an order a cancellation is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Portion {
    /// This fulfilment alone.
    Fulfillment(String),
    /// All but these, which are gone already or on their way back.
    AllBut(Vec<String>),
}

/// A fulfilment that was cancelled by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// How; its portion is the fulfilment.
    pub cancellation: Cancellation,
    /// What it cost before; absent when the order has no price.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// What of the payments was for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Money>,
}

impl Part {
    /// Which fulfilment.
    #[must_use]
    pub fn id(&self) -> &str {
        self.cancellation.fulfillment().unwrap_or_default()
    }

    /// Its id, and that of the fulfilment by which it comes back.
    fn ids(&self) -> impl Iterator<Item = &str> {
        let back = self.cancellation.rto.as_ref();
        let back = back.map(|rto| rto.id.as_str());
        self.cancellation.fulfillment().into_iter().chain(back)
    }

    fn fee(&self) -> i128 {
        let charge = self.cancellation.charge.as_ref();
        charge.map_or(0, |charge| charge.fee.minor)
    }
}

impl Cancellation {
    /// The only fulfilment that it is about, where it is about one of several.
    #[must_use]
    pub fn fulfillment(&self) -> Option<&str> {
        match &self.portion {
            Some(Portion::Fulfillment(id)) => Some(id),
            Some(Portion::AllBut(_)) | None => None,
        }
    }
}

impl Order {
    /// How a fulfilment was cancelled by itself.
    #[must_use]
    pub fn part(&self, fulfillment: &str) -> Option<&Part> {
        self.parts.iter().find(|part| part.id() == fulfillment)
    }

    /// How what a wish is about was cancelled: the named fulfilment, or the order.
    #[must_use]
    pub fn cancellation_of(&self, fulfillment: Option<&str>) -> Option<&Cancellation> {
        let part = fulfillment.and_then(|id| self.part(id));
        let part = part.map(|part| &part.cancellation);
        part.or(self.cancellation.as_ref())
    }

    /// The fulfilments that are cancelled by themselves, and those by which they come back.
    #[must_use]
    pub fn gone(&self) -> Vec<&str> {
        self.parts.iter().flat_map(Part::ids).collect()
    }

    /// What a cancellation of all that is left is about.
    #[must_use]
    pub fn portion_left(&self) -> Option<Portion> {
        let gone: Vec<String> = self.gone().into_iter().map(Into::into).collect();
        (!gone.is_empty()).then_some(Portion::AllBut(gone))
    }

    /// The price of what is left: that of the quote, without what is kept of the parts gone.
    #[must_use]
    pub fn price_left(&self) -> Option<Money> {
        let fees: i128 = self.parts.iter().map(Part::fee).sum();
        let price = self.price?;
        Some(match self.parts.is_empty() {
            true => price,
            false => price.with_minor((price.minor - fees).max(0)),
        })
    }

    /// What is paid of what is left.
    #[must_use]
    pub fn paid_left(&self) -> Option<Money> {
        let of_parts = self.parts.iter().filter_map(|part| part.paid);
        let of_parts: i128 = of_parts.map(|paid| paid.minor).sum();
        let paid = self.paid?;
        Some(match self.parts.is_empty() {
            true => paid,
            false => paid.with_minor((paid.minor - of_parts).max(0)),
        })
    }

    /// One fulfilment as if it were an order of its own, which is decided on like any other.
    /// `price` is that of its lines; what is paid is for what stays first, so that nobody gets
    /// money back who still owes some.
    #[must_use]
    pub fn only(&self, one: &Fulfillment, state: State, price: Option<Money>) -> Order {
        let whole = self.price_left();
        let price = whole.and_then(|whole| {
            let most = whole.minor.max(0);
            price.map(|price| price.with_minor(price.minor.clamp(0, most)))
        });
        let paid = whole.zip(price).zip(self.paid_left());
        let paid = paid.map(|((whole, price), paid)| {
            let for_it = paid.minor - (whole.minor - price.minor);
            paid.with_minor(for_it.clamp(0, price.minor))
        });
        let known = one.id.as_deref().and_then(|id| self.part(id));
        Order {
            state,
            fulfillments: vec![one.clone()],
            price,
            paid,
            cancellation: self.cancellation.clone().or_else(|| {
                let known = known?;
                Some(known.cancellation.clone())
            }),
            parts: Vec::new(),
            ..self.clone()
        }
    }

    /// The order without a fulfilment that was decided on as `part`; the version is counted up.
    #[must_use]
    pub fn without(&self, part: &Order, cancellation: Cancellation) -> Order {
        let mut order = Order {
            version: self.version + 1,
            undecided: None,
            ..self.clone()
        };
        order.parts.push(Part {
            cancellation,
            price: part.price,
            paid: part.paid,
        });
        order
    }
}
