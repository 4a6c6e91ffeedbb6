//! Digests, keys and signatures as the networks define them. Imports nothing of ours.

pub mod digest;
pub mod keys;
pub mod signature;
