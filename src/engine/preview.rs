//! What cancelling an order would come to: now, at each border of time, and in each state that
//! is still to come. Changes nothing.

use super::{Engine, Error};
use crate::domain::ids::OrderKey;
use crate::domain::order::{Order, State};
use crate::domain::policy::Asked;
use crate::domain::preview::{Step, steps};
use crate::protocol::words::{self, DELIVERY_STATES};

/// The most states to come that are shown.
const MAX_STATES: usize = 32;

/// What cancelling would come to.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The order as it stands.
    pub order: Order,
    /// One for its present state, then one for each that may come; none once it is cancelled.
    pub stages: Vec<Stage>,
}

/// What cancelling comes to as long as the order is in one state.
#[derive(Debug, Clone)]
pub struct Stage {
    /// The state of the fulfilment, where the order has one.
    pub fulfillment_state: Option<String>,
    /// The state of the order.
    pub order_state: State,
    /// The steps of time in it.
    pub steps: Vec<Step>,
}

impl Engine {
    /// Prices a cancellation without asking for it.
    ///
    /// # Errors
    /// When there is no such order, or it cannot be read.
    pub async fn preview(&self, key: &OrderKey, asked: &Asked) -> Result<Preview, Error> {
        let stored = self.store.order(key).await?;
        let order = stored.ok_or_else(|| Error::NotFound(key.id.clone()))?.order;
        let stages = match order.cancellation {
            Some(_) => Vec::new(),
            None => stages(&order, asked),
        };
        Ok(Preview { order, stages })
    }
}

fn stages(order: &Order, asked: &Asked) -> Vec<Stage> {
    let mut stages = vec![stage(order, asked)];
    if !order.state.is_cancellable() {
        return stages;
    }
    for coming in coming(order).into_iter().take(MAX_STATES) {
        let ends = !coming.state.is_cancellable();
        stages.push(stage(&coming, asked));
        if ends {
            break;
        }
    }
    stages
}

fn stage(order: &Order, asked: &Asked) -> Stage {
    Stage {
        fulfillment_state: order.fulfillment_state().map(str::to_owned),
        order_state: order.state,
        steps: steps(order, asked),
    }
}

/// The order in the states that may come. Those of a ride and of a delivery are known; of others
/// only those that its terms speak of are, in their order.
fn coming(order: &Order) -> Vec<Order> {
    let present = order.fulfillment_state();
    let later = present.map(words::later_states).unwrap_or_default();
    let of_terms = of_terms(order);
    // `Pending` is a word of services too, which go on otherwise than deliveries.
    let goes_on = later.first() != Some(&DELIVERY_STATES[1])
        || of_terms.iter().all(|code| DELIVERY_STATES.contains(code));
    let codes: Vec<&str> = match goes_on && !later.is_empty() {
        true => later.to_vec(),
        false => of_terms,
    };
    if !codes.is_empty() {
        return codes
            .into_iter()
            .map(|code| in_state(order, code))
            .collect();
    }
    let of_order = |state: State| {
        let rules = order.policy.all_rules();
        let mut states = rules.flat_map(|rule| &rule.order_states);
        states.any(|known| *known == state) || state == State::Confirmed
    };
    let speaks_of_states = order.policy.all_rules().any(|r| !r.order_states.is_empty());
    let later = State::ALL
        .into_iter()
        .skip_while(|state| *state != order.state);
    let later = later.skip(1).filter(|state| state.is_cancellable());
    let later = later.filter(|state| speaks_of_states && of_order(*state));
    let moved = |state| Order {
        state,
        ..order.clone()
    };
    later.map(moved).collect()
}

fn in_state(order: &Order, code: &str) -> Order {
    let count = order.fulfillments.len().max(1);
    let implied = words::state_of_fulfillments(std::iter::repeat_n(Some(code), count));
    order.with_fulfillment_state(code, implied.unwrap_or(order.state))
}

/// Each once, without the present one; an order without fulfilments is in none.
fn of_terms(order: &Order) -> Vec<&str> {
    let mut codes = Vec::new();
    if order.fulfillments.is_empty() {
        return codes;
    }
    for code in order
        .policy
        .all_rules()
        .flat_map(|rule| &rule.fulfillment_states)
    {
        if order.fulfillment_state() != Some(code) && !codes.contains(&code.as_str()) {
            codes.push(code);
        }
    }
    codes
}
