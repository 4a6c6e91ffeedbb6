//! The go-live checklist of a health network's provider, one test a row, named after the row: the
//! rows S in `signatures`, C in `cancels`, D in `doctors`, F in `faults`.
//!
//! Out of this server's scope, and so not here: C12 (slots), C13 (`/status`) and C14 (check-in by
//! PIN). They are served by the provider's own stack, which reads of each cancellation in
//! `GET /events` and by `PATCH` cannot bring a cancelled order back. What a row leaves to us is
//! as decided: a key that nobody registered gets 401, an order in a final state gets an ACK and
//! an `on_cancel` with `error`. F3 is here with a stop, and in `tests/crash` with a kill.

use beckn_bpp::mock::bap::Received;
use serde_json::Value;

mod cancels;
mod doctors;
mod faults;
mod signatures;

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().expect(member)
}

fn authorization(received: &Received) -> &str {
    let found = received
        .headers
        .iter()
        .find(|(name, _)| name == "authorization");
    &found.expect("a signature").1
}

fn tag<'a>(message: &'a mut Value, tag: &str) -> &'a mut Value {
    &mut message["message"]["order"]["fulfillment"]["tags"][tag]
}
