//! What `/cancel` answers: the table of checks, row by row, as a stranger on the network sees it.
//!
//! Each test breaks one thing about an otherwise right request, and looks at the whole answer,
//! at `GET /refusals`, and at everything the store keeps. It ends with the rightful BAP, who
//! still cancels the same orders. What leaves after an ACK is not looked at here.

mod body;
mod callback_url;
mod connection;
mod context;
mod gateway;
mod header;
mod json;
mod key;
pub mod knock;
mod message;
mod order;
mod pressure;
pub mod refused;
mod registry;
mod repeated;
mod route;
mod signature;
mod signer;
mod stage;
mod store;
mod two_networks;
mod wire;
