//! The business of cancelling, with no I/O, no clock and no wire format.
//!
//! Everything here is a plain value or a pure function. The doors and the engine hand in
//! what happened and the present time; [`decide::decide`] says what comes of it.

pub mod booking;
pub mod cancellation;
pub mod decide;
pub mod fee;
pub mod ids;
pub mod items;
pub mod money;
pub mod order;
pub mod policy;
pub mod portion;
pub mod preview;
pub mod refusal;
pub mod rto;
pub mod sentence;
pub mod terms;
pub mod told;
pub mod undecided;
