//! Which terms an order is taken in with: they are frozen on it, and stay until the provider says
//! others. What is frozen asks nothing of the present configuration.

use super::Placing;
use crate::domain::money::Money;
use crate::domain::order::{Order, PolicyBlock};
use crate::domain::policy::{INLINE, OWN, Policy};
use crate::engine::Error;

/// What a message says of the terms.
pub(super) struct Offer<'a> {
    /// Where a policy's name is looked up.
    pub placing: &'a Placing<'a>,
    /// Whether the order's network tells anybody of charges.
    pub has_charges: bool,
    /// The order's own terms.
    pub own: Option<Policy>,
    /// The policy of the booking block.
    pub block: Option<PolicyBlock>,
}

impl Offer<'_> {
    /// The terms of a new order: its own, else the policy that its booking block brings or names,
    /// else the default one, else free. Own terms that leave a price open have the policy that
    /// would hold without them to stand in.
    pub fn first(&self) -> Result<Policy, Error> {
        // Read also where the order's own terms leave no place for it: its faults are faults.
        let beside = self.beside()?;
        Ok(match &self.own {
            Some(own) => standing(own, || Ok(beside))?,
            None => beside,
        })
    }

    /// The terms of a known order once this is said. Its own go on where the message has none;
    /// so does the policy that was agreed, where the block says no other.
    pub fn renewed(&self, known: &Order) -> Result<Policy, Error> {
        let is_own = known.policy.name == OWN;
        let agreed = match is_own {
            true => known.policy.otherwise.as_deref(),
            false => Some(&known.policy),
        };
        let other = match self.says_other(known, agreed)? {
            true => Some(self.beside()?),
            false => None,
        };
        let known_own = Some(&known.policy).filter(|_| is_own);
        match self.own.as_ref().or(known_own) {
            Some(own) => standing(own, || match other.or_else(|| agreed.cloned()) {
                Some(agreed) => Ok(agreed),
                None => self.beside(),
            }),
            None => Ok(other.unwrap_or_else(|| known.policy.clone())),
        }
    }

    /// Whether the block says another policy than it did before, and than is agreed.
    fn says_other(&self, known: &Order, agreed: Option<&Policy>) -> Result<bool, Error> {
        if self.block.is_none() || self.block == known.booking.policy {
            return Ok(false);
        }
        Ok(match (&self.block, agreed) {
            (Some(PolicyBlock::Named(name)), Some(agreed)) => *name != agreed.name,
            // One that is brought is what it says, however it is written.
            (Some(PolicyBlock::Inline(_)), Some(agreed)) => {
                agreed.name != INLINE || agreed.version != self.beside()?.version
            }
            _ => true,
        })
    }

    /// What holds beside the order's own terms. What the default policy costs is not for networks
    /// without charges: whoever wrote it had no such order in mind, and nobody there would be told.
    fn beside(&self) -> Result<Policy, Error> {
        let policies = self.placing.policies;
        let configured = |name: &str| policies.configured.get(name).cloned();
        match &self.block {
            Some(PolicyBlock::Named(name)) => configured(name).ok_or_else(|| {
                Error::Invalid(format!("booking.policy: {name:?} is not configured"))
            }),
            Some(PolicyBlock::Inline(policy)) => (policies.read)(policy).map_err(Error::Invalid),
            None => {
                let policy = configured("default").unwrap_or_else(Policy::free);
                Ok(match self.has_charges {
                    true => policy,
                    false => policy.without_fees(),
                })
            }
        }
    }
}

/// An order's own terms, with what stands in where they leave a price open.
fn standing(own: &Policy, beside: impl FnOnce() -> Result<Policy, Error>) -> Result<Policy, Error> {
    let otherwise = match own.leaves_price_open() {
        true => Some(Box::new(beside()?)),
        false => None,
    };
    Ok(Policy {
        otherwise,
        ..own.clone()
    })
}

/// Refuses terms in another currency than the price.
pub(super) fn check_currency(policy: &Policy, price: Option<&Money>) -> Result<(), Error> {
    let checked = price.map_or(Ok(()), |price| policy.check_currency(price));
    checked.map_err(|error| Error::Invalid(error.to_string()))
}
