//! The server from outside: one file per door, everything over real sockets.

#[path = "../common/app.rs"]
mod app;
#[path = "../common/market.rs"]
mod market;
#[path = "../common/members.rs"]
mod members;
#[path = "../common/pushed.rs"]
mod pushed;
#[path = "../common/rides.rs"]
mod rides;

mod admin;
mod bookings;
mod checks;
mod consultations;
mod delivery;
mod handshake;
mod item_terms;
mod lying;
mod news;
mod ondc;
mod outage;
mod outcomes;
mod policy_block;
mod preview;
mod provider;
mod reasons;
mod refusals_page;
mod rotation;
mod setup;
mod terms;
mod uhi;
mod unsolicited;
