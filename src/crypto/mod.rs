//! Digests, keys and signatures as the networks define them: what proves a caller, and what
//! proves us to others.
//!
//! Everything here is pure: bytes, text and times come in, an answer goes out. It imports
//! nothing of ours, reads no clock and no file; only making a key asks the system for random
//! bytes. Whose key it is, and whether it may be used, is for the registry.

pub mod bearer;
pub mod challenge;
pub mod digest;
mod encoding;
pub mod encryption;
pub mod keys;
pub mod published;
pub mod signature;
pub mod standard_webhook;
pub mod webhook;
