//! The Beckn signature scheme (BECKN-006): a header over two times and the body's digest.
//!
//! A signed request goes through three steps, cheap first: [`Header::parse`] (the grammar),
//! [`Header::check_window`] (the times), and, once the registry has named the key,
//! [`Header::verify`] (the bytes). [`Signer`] makes the same header for what we send. Every
//! refusal has one fixed word ([`Error::word`]). Whose key it is, whether it may be used and
//! whether the signer is the caller are questions for the layers above; UHI's header is
//! another scheme and not here.

mod error;
mod header;
mod keyring;
mod scan;
mod signer;

#[cfg(test)]
mod odd_headers;
#[cfg(test)]
mod properties;

pub use error::{Error, Excerpt, Fault};
pub use header::{CREATED_AHEAD_SECONDS, Header};
pub use keyring::Keyring;
pub use scan::{MAX_HEADER_BYTES, fit_to_show};
pub use signer::Signer;

/// The only algorithm there is: exactly this word, in both places of the header.
pub const ALGORITHM: &str = "ed25519";

/// What is signed: three lines, no line end after the last.
///
/// The spaces after the colons are always there, whatever the header's list looks like: some
/// published texts leave them out, but their own signatures verify only with them.
#[must_use]
pub fn signing_string(created: i64, expires: i64, digest_base64: &str) -> String {
    format!("(created): {created}\n(expires): {expires}\ndigest: BLAKE-512={digest_base64}")
}
