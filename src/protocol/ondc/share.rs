//! How much of each line of a shop's quote is cancelled with a fulfilment.
//!
//! Lines are about an item or a fulfilment, and items say how many of them are in which
//! fulfilment. A line about an item of several is shared by these counts, without what is gone
//! already. What is about neither stays until all of the order goes.

use super::retail::{is_open, objects};
use crate::domain::money::Money;
use crate::domain::portion::Portion;
use crate::protocol::raw::RawObject;

/// What of an order's lines is cancelled.
#[derive(Debug, Default)]
pub(super) struct Share {
    portion: Option<Portion>,
    /// The ids of all fulfilments.
    fulfillments: Vec<String>,
    /// Those that are cancelled already, or come back.
    closed: Vec<String>,
    items: Vec<Placed>,
}

/// So many of an item are in a fulfilment.
#[derive(Debug)]
struct Placed {
    item: String,
    fulfillment: String,
    count: u32,
}

impl Share {
    /// All of it.
    pub(super) fn all() -> Self {
        Self::default()
    }

    /// That of a portion of the order; of no portion, all of it.
    pub(super) fn of_order(order: &RawObject<'_>, portion: Option<&Portion>) -> Self {
        let ids = |open: Option<bool>| {
            objects(order, "fulfillments", |one| {
                let wanted = open.is_none_or(|open| is_open(one) == open);
                one.get_str("id").filter(|_| wanted).map(Into::into)
            })
        };
        Self {
            portion: portion.cloned(),
            fulfillments: ids(None),
            closed: ids(Some(false)),
            items: objects(order, "items", placed),
        }
    }

    /// How much of a line is in it.
    pub(super) fn of(&self, about: Option<&str>, amount: Money) -> Money {
        let (some, all) = self.fraction(about);
        amount.parts(some, all)
    }

    /// Whether a charge in it may stay as a fee. One about an item of several fulfilments may not:
    /// later nobody could tell what of it is whose.
    pub(super) fn may_stay(&self, about: Option<&str>) -> bool {
        match &self.portion {
            Some(Portion::Fulfillment(id)) => about == Some(id.as_str()),
            Some(Portion::AllBut(_)) | None => true,
        }
    }

    /// How many are left of a line about an item.
    pub(super) fn count_left(&self, about: Option<&str>, count: u64) -> u64 {
        match self.fraction(about) {
            (some, all) if some == all => 0,
            (some, _) => count.saturating_sub(u64::from(some)),
        }
    }

    /// So many of so many.
    fn fraction(&self, about: Option<&str>) -> (u32, u32) {
        match &self.portion {
            None => (1, 1),
            // What an item had in those that are gone is at nothing already.
            Some(Portion::AllBut(gone)) => {
                let is_gone = gone.iter().any(|id| about == Some(id.as_str()));
                (u32::from(!is_gone), 1)
            }
            Some(Portion::Fulfillment(id)) if about == Some(id.as_str()) => (1, 1),
            Some(Portion::Fulfillment(id)) => match self.is_fulfillment(about) {
                true => (0, 1),
                false => self.of_item(about, id),
            },
        }
    }

    fn of_item(&self, about: Option<&str>, id: &str) -> (u32, u32) {
        let is_closed = |one: &&Placed| self.closed.contains(&one.fulfillment);
        let open = |one: &&Placed| !is_closed(one);
        let places = || self.places(about).filter(open);
        let all = places().fold(0_u32, |sum, one| sum.saturating_add(one.count));
        let own = places().filter(|one| one.fulfillment == id);
        let own = own.fold(0_u32, |sum, one| sum.saturating_add(one.count));
        match all {
            0 => (0, 1),
            all => (own, all),
        }
    }

    fn is_fulfillment(&self, about: Option<&str>) -> bool {
        self.fulfillments
            .iter()
            .any(|id| Some(id.as_str()) == about)
    }

    fn places(&self, about: Option<&str>) -> impl Iterator<Item = &Placed> {
        let is_about = move |one: &&Placed| Some(one.item.as_str()) == about;
        self.items.iter().filter(is_about)
    }
}

fn placed(item: &RawObject<'_>) -> Option<Placed> {
    let count = item.object("quantity");
    let count = count.and_then(|quantity| quantity.get("count")?.parse().ok());
    Some(Placed {
        item: item.get_str("id")?.into(),
        fulfillment: item.get_str("fulfillment_id")?.into(),
        count: count.unwrap_or(1),
    })
}
