//! Delivery against the real network stack: hosts that misbehave, and the worker's promises. And
//! what decides beside it, on the same watched store.
//!
//! Every host is a raw TCP listener on loopback, so that it can break HTTP as it likes; the
//! store is sled, in a directory of its own. No test sleeps for luck: they wait for what a host saw or
//! what was settled, under one generous time limit.

mod deciding;
mod host;
mod setup;
mod watched;
mod wire;
mod worker;
