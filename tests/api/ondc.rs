//! ONDC beside a mobility network on one server: rides, tickets and shops.
//!
//! What its messages look like is compared with the published ones in `tests/examples`; here is
//! what the network wants besides: numbers, times, reasons, and who may ask for what.

mod asked;
mod later;
mod overdue;
mod parts;
mod reasons;
mod rto;
mod rules;
mod urgent;
