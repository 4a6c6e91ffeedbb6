//! The server from outside: its process with what surrounds it, the orders it is given, the books
//! of what was sent and came back, and the audit that compares them with what it says itself.

#![allow(dead_code, reason = "each program uses a part of it")]

pub mod audit;
pub mod books;
pub mod orders;
pub mod process;
pub mod seen;
pub mod surroundings;
