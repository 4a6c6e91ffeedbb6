//! The real binary is killed, stopped, started twice and given damaged files; what it has
//! acknowledged must be there afterwards, once, and unchanged.
//!
//! Process death only: whether the bytes would survive a loss of power is shown by
//! `tests/fsync.rs`. `examples/kill_loop` does the same for longer and with more malice.

#[path = "../common/outside.rs"]
mod outside;
#[path = "../common/pushed.rs"]
mod pushed;

mod check;
mod damage;
mod delivery;
mod health;
mod load;
mod provider;
mod salvage;
mod start;
mod stop;
mod town;
