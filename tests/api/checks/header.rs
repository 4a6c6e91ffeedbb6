//! Row 3: the signature header's grammar, algorithm and window of time.
//!
//! Each fault of the grammar goes over the wire in `tests/corpus`. The clock is the machine's:
//! windows are met from the safe side.

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::orders::TRIP_1;
use beckn_bpp::protocol::Dialect;
use chrono::Utc;

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{DIALECTS, Stage};

const MALFORMED: &str = "header_malformed";

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_missing_double_or_too_long_is_refused() {
    let stage = Stage::set().await;
    for (_, sample) in DIALECTS {
        let right = stage.signed(&stage.cancel(sample));
        let missing = right.clone().without("authorization");
        stage
            .refuses(&missing, &Wanted::word("header_missing"))
            .await;
        let empty = right.clone().with("authorization", "");
        stage.refuses(&empty, &Wanted::word(MALFORMED)).await;
        let same_twice = right.clone().beside("authorization", right.authorization());
        stage.refuses(&same_twice, &Wanted::word(MALFORMED)).await;
        let other = Knock::signed(stage.app.other_bap.signer(), right.body.clone());
        let both = right.clone().beside("authorization", other.authorization());
        stage.refuses(&both, &Wanted::word(MALFORMED)).await;
        let long = format!("{}{}", right.authorization(), " ".repeat(9_000));
        let too_long = right.clone().with("authorization", &format!("{long}x"));
        stage.refuses(&too_long, &Wanted::word(MALFORMED)).await;
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_scheme_is_not_repeated_to_the_caller() {
    let stage = Stage::set().await;
    let knock = stage
        .signed(&stage.cancel(TRIP_1))
        .with("authorization", "Bearer very-secret-token");
    let answer = stage.refuses(&knock, &Wanted::word(MALFORMED)).await;
    assert!(!answer.text.contains("very-secret-token"));
    stage.ends_well().await;
}

fn living(signer: &Signer, lifetime_seconds: i64) -> Signer {
    Signer {
        lifetime_seconds,
        ..signer.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_from_the_future_is_good_up_to_five_seconds_ahead() {
    let stage = Stage::set().await;
    for (dialect, sample) in DIALECTS {
        let body = stage.probe(sample).to_string();
        let knock = |ahead| Knock::signed_at(stage.bap(), Utc::now().timestamp() + ahead, &*body);
        for ahead in [4, 5] {
            stage.passes(&knock(ahead), dialect).await;
        }
        for ahead in [10, 60, 86_400] {
            let wanted = Wanted::word("created_in_future");
            let answer = stage.refuses(&knock(ahead), &wanted).await;
            assert!(answer.text.contains("our time"), "{}", answer.text);
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn six_seconds_ahead_is_too_much_and_the_second_of_expiry_is_not_too_late() {
    let stage = Stage::set().await;
    let body = stage.probe(TRIP_1).to_string();
    // Only within one second of the clock do both sides see the same distance.
    loop {
        let now = Utc::now().timestamp();
        let ahead = Knock::signed_at(stage.bap(), now + 6, &*body);
        let ahead = ahead.send(&stage.app).await;
        let last = Knock::signed_at(&living(stage.bap(), 60), now - 60, &*body);
        let last = last.send(&stage.app).await;
        if Utc::now().timestamp() == now {
            assert!(ahead.text.contains("created_in_future: "), "{}", ahead.text);
            assert!(last.text.contains("order_not_found: "), "{}", last.text);
            break;
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_is_not_good_one_second_after_it_expires() {
    let stage = Stage::set().await;
    for (_, sample) in DIALECTS {
        let body = stage.cancel(sample).to_string();
        for (lifetime, age) in [(300, 301), (1, 2), (3_600, 3_601), (300, 86_400)] {
            let signer = living(stage.bap(), lifetime);
            let knock = Knock::signed_at(&signer, Utc::now().timestamp() - age, &*body);
            let answer = stage.refuses(&knock, &Wanted::word("expired")).await;
            assert!(answer.text.contains("our time"), "{}", answer.text);
        }
    }
    stage.ends_well().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_may_live_an_hour_and_no_longer() {
    let stage = Stage::set().await;
    let body = stage.probe(TRIP_1).to_string();
    let hour = Knock::signed(&living(stage.bap(), 3_600), &*body);
    stage.passes(&hour, Dialect::V0_9).await;
    for lifetime in [3_601, 86_400, i64::MAX / 2] {
        let knock = Knock::signed(&living(stage.bap(), lifetime), &*body);
        stage
            .refuses(&knock, &Wanted::word("lifetime_too_long"))
            .await;
    }
    stage.ends_well().await;
}
