//! The server from outside: one file per door, everything over real sockets.

#[path = "../common/app.rs"]
mod app;

mod outcomes;
mod unsolicited;
