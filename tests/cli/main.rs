//! The command line as a person and a script meet it: the real binary, its exit codes, what it
//! prints and where. Each file is a group of commands; servers and networks are real ones.

#[path = "../common/app.rs"]
mod app;
#[path = "../common/market.rs"]
mod market;

mod admin;
mod admin_token;
mod api_key;
mod cancel;
mod cancel_many;
mod config;
mod evidence;
mod help;
mod import;
mod keys;
mod mock_network;
mod policy;
mod process;
mod production;
mod registry;
mod rotate;
mod rto;
mod serve;
mod signature;
mod signature_uhi;
mod subscribe;
