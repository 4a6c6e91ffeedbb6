//! Row 3: the signature header's grammar, algorithm and window of time.
//!
//! The grammar itself is tried beside the parser, with more vectors; here each kind of fault
//! goes over the wire once. The clock is the machine's: windows are met from the safe side.

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::orders::TRIP_1;
use beckn_bpp::protocol::Dialect;
use chrono::Utc;

use super::knock::Knock;
use super::refused::Wanted;
use super::stage::{DIALECTS, Stage};

const MALFORMED: &str = "header_malformed";

/// What to replace in a right header, by what, and the word.
const SPOILT: &[(&str, &str, &str)] = &[
    ("Signature ", "Bearer ", MALFORMED),
    ("Signature ", "Basic ", MALFORMED),
    ("Signature ", "", MALFORMED),
    ("Signature ", "Signature", MALFORMED),
    ("Signature ", "Signature: ", MALFORMED),
    ("Signature ", "Signature\t", MALFORMED),
    ("Signature ", "Signature Signature ", MALFORMED),
    (",", ";", MALFORMED),
    (",", " ", MALFORMED),
    (",", ",,", MALFORMED),
    (",", "", MALFORMED),
    ("keyId", "keyid", MALFORMED),
    ("keyId=", "=", MALFORMED),
    ("=\"bap", " = \"bap", MALFORMED),
    ("algorithm=\"ed25519\",", "", MALFORMED),
    ("algorithm=", "alg=", MALFORMED),
    (
        "algorithm=",
        "keyId=\"bap.example.org|k1|ed25519\",algorithm=",
        MALFORMED,
    ),
    (",headers=\"(created) (expires) digest\"", "", MALFORMED),
    ("created=", "created=\"1\",created=", MALFORMED),
    ("created=", "nonce=\"1\",created=", MALFORMED),
    ("created=\"", "created=\"-", MALFORMED),
    ("created=\"", "created=\"+", MALFORMED),
    ("created=\"", "created=\" ", MALFORMED),
    ("created=\"", "created=\"0", MALFORMED),
    ("created=\"", "created=\"1e9\",x=\"", MALFORMED),
    ("created=\"", "created=\"99999999999999999999", MALFORMED),
    ("expires=\"", "expires=\"0x", MALFORMED),
    ("expires=\"", "expires=\"1\",x=\"", MALFORMED),
    ("expires=\"", "expires=\"9223372036854775808", MALFORMED),
    ("\"", "'", MALFORMED),
    ("\"", "", MALFORMED),
    ("\"", "\u{201c}", MALFORMED),
    ("\"bap", "\"\\\"bap", MALFORMED),
    ("bap", "b\\ap", MALFORMED),
    ("bap", "b\tap", MALFORMED),
    ("bap", "b\u{430}p", MALFORMED),
    ("bap.example", "bap example", MALFORMED),
    ("bap.example.org|k1|ed25519", "bap.example.org", MALFORMED),
    ("bap.example.org|k1|", "bap.example.org|", MALFORMED),
    ("bap.example.org|k1", "bap.example.org|k1|k2", MALFORMED),
    ("bap.example.org|k1", "|k1", MALFORMED),
    ("bap.example.org|k1|ed25519", "", MALFORMED),
    ("bap.example.org|k1|ed25519", "||", MALFORMED),
    ("k1|ed25519\"", "k1|\"", MALFORMED),
    (
        "(created) (expires) digest",
        "(expires) (created) digest",
        MALFORMED,
    ),
    ("(created) (expires) digest", "digest", MALFORMED),
    (
        "(created) (expires) digest",
        "(created) (expires) digest host",
        MALFORMED,
    ),
    (
        "(created) (expires) digest",
        "(request-target) (created) (expires) digest",
        MALFORMED,
    ),
    ("signature=\"", "signature=\"@@@@", MALFORMED),
    ("signature=\"", "signature=\"AAAA", MALFORMED),
    ("signature=\"", "signature=\"\",x=\"", MALFORMED),
    ("==\"", "=\"", MALFORMED),
    ("==\"", "\"", MALFORMED),
    ("==\"", "==", MALFORMED),
    ("==\"", "==\",", MALFORMED),
    ("==\"", "==\" x", MALFORMED),
    ("==\"", "==\", Signature keyId=\"a|b|ed25519\"", MALFORMED),
    (
        "(created) (expires) digest",
        "(created) (expires)",
        "digest_not_covered",
    ),
    ("(created) (expires) digest", "", "digest_not_covered"),
    ("m=\"ed25519", "m=\"hs2019", "algorithm_not_supported"),
    ("m=\"ed25519", "m=\"Ed25519", "algorithm_not_supported"),
    ("m=\"ed25519", "m=\"none", "algorithm_not_supported"),
    ("m=\"ed25519", "m=\"", "algorithm_not_supported"),
    ("m=\"ed25519", "m=\"rsa-sha256", "algorithm_not_supported"),
    ("m=\"ed25519", "m=\"hmac-sha256", "algorithm_not_supported"),
    ("m=\"ed25519", "m=\"ed25519ph", "algorithm_not_supported"),
    ("ed25519", "ED25519", "algorithm_not_supported"),
    ("k1|ed25519", "k1|xed25519", "algorithm_mismatch"),
    ("k1|ed25519", "k1|ED25519", "algorithm_mismatch"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_spoilt_header_is_refused_with_its_word() {
    let stage = Stage::set().await;
    let right = stage.signed(&stage.cancel(TRIP_1));
    for (part, by, word) in SPOILT {
        let spoilt = right.authorization().replace(part, by);
        assert_ne!(spoilt, right.authorization(), "{part} -> {by}");
        let knock = right.clone().with("authorization", &spoilt);
        stage.refuses(&knock, &Wanted::word(word)).await;
    }
    stage.ends_well().await;
}

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
