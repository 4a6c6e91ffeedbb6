//! What is done about one order, so that a fault of ours in it is that order's alone.

use std::error::Error;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt as _;

use crate::domain::told::told;

/// Does it; says what stood against it. A panic is a failure like any other.
///
/// # Errors
/// When it fails or panics.
pub async fn contained<E: Error + 'static>(
    work: impl Future<Output = Result<(), E>>,
) -> Result<(), String> {
    match AssertUnwindSafe(work).catch_unwind().await {
        Ok(done) => done.map_err(|error| told(&error)),
        Err(_) => Err("our own code failed".to_owned()),
    }
}
