//! The real binary is killed, stopped, started twice and given damaged files; what it has
//! acknowledged must be there afterwards, once, and unchanged.
//!
//! Process death only: whether the bytes would survive a loss of power is shown by
//! `tests/fsync.rs`. `examples/kill_loop` does the same for longer and with more malice.

#[path = "../common/audit.rs"]
mod audit;
#[path = "../common/books.rs"]
mod books;
#[path = "../common/orders.rs"]
mod orders;
#[path = "../common/process.rs"]
mod process;
#[path = "../common/pushed.rs"]
mod pushed;
#[path = "../common/seen.rs"]
mod seen;
#[path = "../common/surroundings.rs"]
mod surroundings;

mod check;
mod damage;
mod delivery;
mod health;
mod load;
mod provider;
mod start;
mod town;
