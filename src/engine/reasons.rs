//! Whether a reason is one that the network knows and this side may give.
//!
//! The same rules for what comes in on a network and for what the provider's side asks for. With
//! an empty table any reason is taken; whether an order's own terms want one is not looked at.

use tracing::warn;

use crate::domain::decide::CancelRequest;
use crate::domain::order::Party;
use crate::domain::policy::Door;
use crate::domain::refusal::{Refusal, Word};
use crate::networks::{Network, ReasonCode, Reasons, Settings};
use crate::protocol::{Dialect, ondc, reasons};

/// Checks the reason of a request about an order of this dialect, where it is on a network.
///
/// # Errors
/// `invalid_reason` or `reason_required`.
pub(super) fn check(
    network: &Network,
    dialect: Option<Dialect>,
    request: &CancelRequest,
) -> Result<(), Refusal> {
    let settings = &network.settings;
    let table = network.reasons(dialect);
    let Some(id) = &request.reason.id else {
        // Where there is no code to choose, words say it.
        let is_in_words = request.door == Door::Bookings && table.codes.is_empty();
        return match settings.reason_required && !is_in_words {
            true => Err(required(&table, request.by)),
            false => Ok(()),
        };
    };
    if table.codes.is_empty() {
        return Ok(());
    }
    let known = known(&table, id);
    if known.is_none() && table.takes_unknown && reasons::is_number(id) {
        let shown: String = id.chars().take(20).collect();
        warn!(network = %network.name(), reason = shown, "a reason is taken that is in no table");
        return Ok(());
    }
    let known = known.ok_or_else(|| {
        let detail = format!(
            "this code is not in the network's table; {}",
            choice(&table, request.by)
        );
        Refusal::new(Word::InvalidReason, detail)
    })?;
    if !may_use(known, request.by) {
        let whose = match request.by {
            Party::Provider => "the customer's",
            Party::Customer | Party::Partner => "the provider's",
        };
        let detail = format!(
            "this code is {whose} to use; {}",
            choice(&table, request.by)
        );
        return Err(Refusal::new(Word::InvalidReason, detail));
    }
    check_text(settings, known, request)
}

/// The row of a code; where numbers may be written in other ways, of one that is the same number.
pub(super) fn known<'a>(table: &Reasons<'a>, id: &str) -> Option<&'a ReasonCode> {
    let like = |known: &&ReasonCode| table.ignores_zeros && reasons::same(&known.id, id);
    let exact = table.codes.iter().find(|known| known.id == id);
    exact.or_else(|| table.codes.iter().find(like))
}

/// The provider can always say it in words; a caller only where the network has a place for them.
fn check_text(
    settings: &Settings,
    known: &ReasonCode,
    request: &CancelRequest,
) -> Result<(), Refusal> {
    let has_place = request.by == Party::Provider || settings.text_tag.is_some();
    match known.text_required && has_place && request.reason.text.is_none() {
        true => {
            let detail = format!("{} needs a sentence with it", known.id);
            Err(Refusal::new(Word::ReasonRequired, detail))
        }
        false => Ok(()),
    }
}

fn required(table: &Reasons<'_>, by: Party) -> Refusal {
    let detail = format!("the network wants a reason; {}", choice(table, by));
    Refusal::new(Word::ReasonRequired, detail)
}

fn may_use(known: &ReasonCode, by: Party) -> bool {
    // A partner cancels for the customer.
    let by = match by {
        Party::Partner if !known.by.contains(&Party::Partner) => Party::Customer,
        by => by,
    };
    known.is_for(by)
}

fn choice(table: &Reasons<'_>, by: Party) -> String {
    let known = table.codes.iter().filter(|known| may_use(known, by));
    let ids: Vec<&str> = known.map(|known| known.id.as_str()).collect();
    format!("expected one of {}", ids.join(", "))
}

/// The code that stands for words of one's own in an order of this dialect, where the network
/// wants a code: one that was chosen for it, else one that goes with words, else the one that
/// says least, else any of this side.
pub(super) fn in_words(network: &Network, dialect: Option<Dialect>, by: Party) -> Option<&str> {
    let settings = &network.settings;
    let codes = network.reasons(dialect).codes;
    let called = |id: &str| codes.iter().find(|one| one.id == id && may_use(one, by));
    let mut usable = codes.iter().filter(|known| may_use(known, by));
    let chosen = settings.reason_in_words.iter().find_map(|id| called(id));
    let found = chosen
        .or_else(|| usable.clone().find(|known| known.text_required))
        .or_else(|| called(ondc::reasons(dialect?)?.in_words))
        .or_else(|| usable.next());
    // Where any code is taken, the chosen one is in no table.
    let id = found.map(|known| known.id.as_str());
    let id = id.or_else(|| settings.reason_in_words.first().map(String::as_str));
    id.filter(|_| settings.reason_required)
}
