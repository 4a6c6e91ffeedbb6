//! Which network an order is on.

use crate::engine::Error;
use crate::networks::{Network, Networks};
use crate::protocol::intake::Facts;

/// The network that an order is on, which must speak its dialect.
pub(super) fn network_of<'a>(networks: &'a Networks, facts: &Facts) -> Result<&'a Network, Error> {
    let network = named_or_serving(networks, facts)?;
    let profile = network.profile();
    match facts
        .dialect
        .is_some_and(|dialect| profile.dialects.contains(&dialect))
    {
        true => Ok(network),
        false => Err(Error::Invalid(format!(
            "context.version: expected {} on network {}",
            profile.versions,
            network.name()
        ))),
    }
}

/// The network named by the booking block, else the one that serves the domain as `bpp_id`.
fn named_or_serving<'a>(networks: &'a Networks, facts: &Facts) -> Result<&'a Network, Error> {
    if let Some(name) = &facts.booking.network {
        let network = networks
            .iter()
            .find(|network| network.name().as_str() == name);
        return network.ok_or_else(|| {
            Error::Invalid(format!("booking.network: {name:?} is not a joined network"))
        });
    }
    let domain = facts.domain.as_deref();
    let serving: Vec<_> = networks
        .iter()
        .filter(|network| network.serves(domain))
        .collect();
    let named_us = |network: &&&Network| {
        facts
            .bpp_id
            .as_ref()
            .is_some_and(|id| id.is(&network.settings.subscriber_id))
    };
    match (serving.as_slice(), serving.iter().find(named_us)) {
        ([one], _) | (_, Some(one)) => Ok(one),
        ([], _) => Err(Error::Invalid(format!(
            "context.domain: {:?} is served by no joined network",
            domain.unwrap_or_default()
        ))),
        _ => Err(Error::Invalid(
            "several networks serve this domain: say which in booking.network".to_owned(),
        )),
    }
}
