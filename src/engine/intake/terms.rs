//! Which terms an order is taken in with: they are frozen on it.

use super::Placing;
use crate::domain::money::Money;
use crate::domain::order::PolicyBlock;
use crate::domain::policy::Policy;
use crate::engine::Error;
use crate::protocol::intake::Facts;

/// The order's own terms, else the policy that its booking block brings or names, else the default
/// one, else free. Own terms that leave a price open have the policy that would hold without them
/// to stand in. What the default one costs is not for networks without charges: whoever wrote it
/// had no such order in mind, and nobody there would be told.
pub(super) fn policy(
    placing: &Placing<'_>,
    has_charges: bool,
    facts: &Facts,
) -> Result<Policy, Error> {
    let block = facts.booking.policy.as_ref();
    // Read also where the order's own terms leave no place for it: its faults are faults.
    let policy = of_block(placing, block)?;
    let policy = match block.is_none() && !has_charges {
        true => policy.without_fees(),
        false => policy,
    };
    let policy = match &facts.own_terms {
        Some(own) if own.leaves_price_open() => Policy {
            otherwise: Some(Box::new(policy)),
            ..own.clone()
        },
        Some(own) => own.clone(),
        None => policy,
    };
    check_currency(&policy, facts.price.as_ref())?;
    Ok(policy)
}

fn of_block(placing: &Placing<'_>, block: Option<&PolicyBlock>) -> Result<Policy, Error> {
    let policies = placing.policies;
    let configured = |name: &str| policies.configured.get(name).cloned();
    match block {
        Some(PolicyBlock::Named(name)) => configured(name)
            .ok_or_else(|| Error::Invalid(format!("booking.policy: {name:?} is not configured"))),
        Some(PolicyBlock::Inline(policy)) => (policies.read)(policy).map_err(Error::Invalid),
        None => Ok(configured("default").unwrap_or_else(Policy::free)),
    }
}

/// Refuses terms in another currency than the price.
pub(super) fn check_currency(policy: &Policy, price: Option<&Money>) -> Result<(), Error> {
    let checked = price.map_or(Ok(()), |price| policy.check_currency(price));
    checked.map_err(|error| Error::Invalid(error.to_string()))
}
