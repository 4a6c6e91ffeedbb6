//! Which booking a partner means: of those with this id or reference, the one that it may see.

use super::{Client, Error};
use crate::domain::ids::{NetworkName, OrderId, OrderKey};
use crate::domain::order::Order;
use crate::engine::Engine;
use crate::engine::intake::NO_NETWORK;
use crate::networks::Networks;
use crate::protocol::bookings::Reference;
use crate::store::{ReferenceField, ReferenceFilter, StoredOrder};

/// More bookings than this are not looked at for one reference: two are too many already.
const MOST_OF_A_REFERENCE: usize = 16;

impl Client<'_> {
    fn may_see(&self, order: &Order) -> bool {
        let tenant = order.booking.tenant.as_ref();
        self.venues.is_empty() || tenant.is_some_and(|tenant| self.venues.contains(tenant))
    }
}

impl Engine {
    /// Finds a booking of this client.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub async fn booking(
        &self,
        networks: &Networks,
        client: &Client<'_>,
        reference: &Reference,
    ) -> Result<StoredOrder, Error> {
        let found = match reference {
            Reference::Id(id) => self.bookings_with_id(networks, id).await?,
            Reference::External(text) => self.bookings_called(client, text).await?,
        };
        if found.is_empty() {
            return Err(Error::NotFound);
        }
        let mut own = found.into_iter().filter(|one| client.may_see(&one.order));
        match (own.next(), own.next()) {
            (Some(one), None) => Ok(one),
            (None, _) => Err(Error::OtherVenue),
            (Some(_), Some(_)) => Err(Error::Ambiguous),
        }
    }

    /// An id may be on several networks, and on none.
    async fn bookings_with_id(
        &self,
        networks: &Networks,
        id: &OrderId,
    ) -> Result<Vec<StoredOrder>, Error> {
        let none = NetworkName::parse(NO_NETWORK).expect("a constant word is a name");
        let names = networks.iter().map(|network| network.name().clone());
        let keys = names.chain([none]).map(|network| OrderKey {
            network,
            id: id.clone(),
        });
        self.not_erased(keys.collect()).await
    }

    /// By the partner's reference, and only where none has it, by its id.
    async fn bookings_called(
        &self,
        client: &Client<'_>,
        text: &str,
    ) -> Result<Vec<StoredOrder>, Error> {
        for field in [ReferenceField::Reference, ReferenceField::Id] {
            let filter = ReferenceFilter {
                field,
                text: text.to_owned(),
                tenants: client.venues.to_vec(),
                limit: MOST_OF_A_REFERENCE,
            };
            let keys = self.store.orders_called(&filter).await?;
            let found = self.not_erased(keys).await?;
            if !found.is_empty() {
                return Ok(found);
            }
        }
        Ok(Vec::new())
    }

    /// Nothing can be said any more about an order that was erased.
    async fn not_erased(&self, keys: Vec<OrderKey>) -> Result<Vec<StoredOrder>, Error> {
        let mut found = Vec::new();
        for key in keys {
            let stored = self.store.order(&key).await?;
            found.extend(stored.filter(|stored| stored.order.erased_at.is_none()));
        }
        Ok(found)
    }
}
