//! Puts the parts together: configuration, the running server, the command line.

pub mod admin_tokens;
pub mod api_keys;
pub mod background;
pub mod cli;
pub mod config;
pub mod listeners;
pub mod retention;
pub mod server;
pub mod telemetry;
