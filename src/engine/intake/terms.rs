//! Which terms an order is taken in with: they are frozen on it.

use super::Placing;
use crate::domain::money::Money;
use crate::domain::policy::Policy;
use crate::engine::Error;
use crate::protocol::intake::Facts;

/// The order's own terms, else the named policy, else the default one, else free. Own terms that
/// leave a price open have the policy that would hold without them to stand in. What the default
/// one costs is not for networks without charges: nobody there would see it.
pub(super) fn policy(
    placing: &Placing<'_>,
    has_charges: bool,
    facts: &Facts,
) -> Result<Policy, Error> {
    let named = facts.booking.policy.as_ref();
    let configured = || {
        let policy = configured(placing, named);
        match named.is_none() && !has_charges {
            true => policy.map(Policy::without_fees),
            false => policy,
        }
    };
    let policy = match &facts.own_terms {
        Some(own) if own.leaves_price_open() => Policy {
            otherwise: Some(Box::new(configured()?)),
            ..own.clone()
        },
        Some(own) => own.clone(),
        None => configured()?,
    };
    check_currency(&policy, facts.price.as_ref())?;
    Ok(policy)
}

fn configured(placing: &Placing<'_>, named: Option<&String>) -> Result<Policy, Error> {
    let policies = placing.policies;
    match named {
        Some(name) => policies
            .get(name)
            .cloned()
            .ok_or_else(|| Error::Invalid(format!("booking.policy: {name:?} is not configured"))),
        None => Ok(policies
            .get("default")
            .cloned()
            .unwrap_or_else(Policy::free)),
    }
}

/// Refuses terms in another currency than the price.
pub(super) fn check_currency(policy: &Policy, price: Option<&Money>) -> Result<(), Error> {
    let checked = price.map_or(Ok(()), |price| policy.check_currency(price));
    checked.map_err(|error| Error::Invalid(error.to_string()))
}
