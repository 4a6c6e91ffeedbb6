//! Sample orders of the mock network, as the provider's system would hand them over.
//!
//! `trip_1` and `O1` are the orders of the documented examples before they are cancelled.

use crate::protocol::Dialect;
use crate::protocol::raw::{self, RawObject, quote};

/// A sample: its id, the version it is written in, and its text.
#[derive(Debug, Clone, Copy)]
pub struct Sample {
    /// The order's id.
    pub id: &'static str,
    /// The version of its context.
    pub version: &'static str,
    /// The domain of its context.
    pub domain: &'static str,
    text: &'static str,
}

/// A confirmed ride on 0.9.1, free to cancel.
pub const TRIP_1: Sample = ride("trip_1", include_str!("orders/trip_1.json"));
/// Another, for trying by hand.
pub const TRIP_2: Sample = ride("trip_2", include_str!("orders/trip_2.json"));
/// A ride on 1.1.0 whose driver is on the way: 30 rupees by its own terms.
pub const O1: Sample = on_demand("O1", include_str!("orders/O1.json"));
/// A ride that has started: it can no longer be cancelled.
pub const O2: Sample = on_demand("O2", include_str!("orders/O2.json"));
/// A ride whose driver has arrived: 50 rupees.
pub const O3: Sample = on_demand("O3", include_str!("orders/O3.json"));

/// A visit to a doctor, on UHI.
pub const VISIT_1: Sample = visit("visit_1", include_str!("orders/visit_1.json"));
/// The next one of the same doctor on the same day.
pub const VISIT_2: Sample = visit("visit_2", include_str!("orders/visit_2.json"));
/// One of the same doctor on the day after.
pub const VISIT_3: Sample = visit("visit_3", include_str!("orders/visit_3.json"));

/// A ride on ONDC whose driver has arrived: 50 rupees by its own terms.
pub const RIDE_1: Sample = ondc(
    "ride_1",
    ("2.0.1", "ONDC:TRV10"),
    include_str!("orders/ride_1.json"),
);
/// A metro ticket for two on ONDC, paid.
pub const TICKET_1: Sample = ondc(
    "ticket_1",
    ("2.0.1", "ONDC:TRV11"),
    include_str!("orders/ticket_1.json"),
);
/// A basket of a shop on ONDC, paid.
pub const BASKET_1: Sample = ondc(
    "basket_1",
    ("1.2.0", "ONDC:RET10"),
    include_str!("orders/basket_1.json"),
);

const fn ondc(
    id: &'static str,
    (version, domain): (&'static str, &'static str),
    text: &'static str,
) -> Sample {
    Sample {
        id,
        version,
        domain,
        text,
    }
}

const fn ride(id: &'static str, text: &'static str) -> Sample {
    Sample {
        id,
        version: "0.9.1",
        domain: "mobility",
        text,
    }
}

const fn on_demand(id: &'static str, text: &'static str) -> Sample {
    Sample {
        id,
        version: "1.1.0",
        domain: "mobility:ondemandride",
        text,
    }
}

const fn visit(id: &'static str, text: &'static str) -> Sample {
    Sample {
        id,
        version: "0.7.1",
        domain: "nic2004:85111",
        text,
    }
}

impl Sample {
    /// The order as placed by this BAP with this BPP, on one line.
    ///
    /// # Errors
    /// Never for the samples; the text is spliced like any other.
    pub fn placed_by(&self, bap: (&str, &str), bpp: (&str, &str)) -> Result<String, raw::Error> {
        let mut whole = RawObject::parse(self.text)?;
        let context = whole.get("context").unwrap_or("{}").to_owned();
        let mut context = RawObject::parse(&context)?;
        let dialect = Dialect::in_domain(self.version, Some(self.domain));
        let names = dialect.unwrap_or(Dialect::V1).members();
        let members = [
            (names.bap_id, bap.0),
            (names.bap_uri, bap.1),
            (names.bpp_id, bpp.0),
            (names.bpp_uri, bpp.1),
        ];
        for (key, value) in members {
            context.set(key, quote(value));
        }
        let context = context.to_string();
        whole.set("context", context);
        Ok(whole.to_string().replace('\n', " "))
    }

    /// The session the order was placed in.
    ///
    /// # Errors
    /// Never for the samples.
    pub fn transaction(&self) -> Result<String, raw::Error> {
        let whole = RawObject::parse(self.text)?;
        let context = whole.object("context");
        Ok(context
            .and_then(|c| c.get_str("transaction_id").map(|t| t.into_owned()))
            .unwrap_or_default())
    }
}
