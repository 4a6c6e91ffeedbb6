//! The published examples and the official files, against what the real server sends.
//!
//! They lie beside the checkout (`shared/protocol`) and are only read; without them the tests say
//! so and pass. Requests go in with their times, URIs and, where the server's own do not fit,
//! ids renewed; what comes out is compared with the published answer.

#[path = "common/app.rs"]
mod app;
#[path = "common/market.rs"]
mod market;
#[path = "common/members.rs"]
mod members;
#[path = "common/official.rs"]
mod official;
#[path = "common/rides.rs"]
mod rides;

#[path = "examples/judged.rs"]
mod judged;
#[path = "examples/ondc.rs"]
mod ondc;
#[path = "examples/published.rs"]
mod published;
