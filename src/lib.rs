//! `beckn-bpp`: the cancellation server of a Beckn provider platform.
//!
//! Read in this order: [`http`] (a cancel enters), [`engine`] (what happens to it),
//! [`domain::decide`] (the answer, pure), [`store`] (made durable), [`delivery`]
//! (`on_cancel` leaves). Layers import downwards only; `tests/layers.rs` guards it.

#![forbid(unsafe_code)]

pub mod app;
pub mod crypto;
pub mod delivery;
pub mod domain;
pub mod engine;
pub mod hook;
pub mod http;
pub mod mock;
pub mod networks;
pub mod overdue;
pub mod protocol;
pub mod registry;
pub mod store;
