//! The registry is down, or too slow, under load: what is known goes on, what is not is told to
//! come again at once, and the registry is hardly asked.
//!
//! `BECKN_BPP_OUTAGE_SECONDS=590` makes an outage last that long, `BECKN_BPP_OUTAGE_RATE=200` sends
//! so many requests a second; without them it is a short outage that a busy machine gets through.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use beckn_bpp::crypto::signature::Signer;
use beckn_bpp::mock::orders::O1;
use beckn_bpp::mock::registry::Behaviour;
use futures_util::future::join_all;
use serde_json::json;

use crate::app::{TestApp, signer};
use crate::checks::knock::Knock;
use crate::checks::refused::header;

/// Requests a second, half of them by a BAP that is known.
const RATE: u64 = 40;

/// Most unknown callers hear of an outage within this time, once it is known.
const AT_ONCE: Duration = Duration::from_millis(100);

/// How long one question may take; nobody waits for it while the registry is failing, not even
/// on a busy machine.
const TIMEOUT: Duration = Duration::from_secs(3);

/// What one request came to.
struct Seen {
    is_known: bool,
    status: u16,
    at: Duration,
    took: Duration,
    retry_after: bool,
}

fn given(variable: &str, default: u64) -> u64 {
    let given = std::env::var(variable).ok();
    given.and_then(|text| text.parse().ok()).unwrap_or(default)
}

fn outage() -> Duration {
    Duration::from_secs(given("BECKN_BPP_OUTAGE_SECONDS", 4))
}

fn knock(app: &TestApp, by: &Signer) -> Knock {
    let mut message = app.cancel_of(O1).to_json();
    message["context"]["bap_id"] = json!(by.subscriber_id);
    message["context"]["bap_uri"] = json!("https://elsewhere.example.org/");
    Knock::signed(by, message.to_string())
}

/// Known and unknown callers in turn, at a steady rate for some time.
async fn load(app: &TestApp, lasting: Duration) -> Vec<Seen> {
    let begun = Instant::now();
    let seen = Mutex::new(Vec::new());
    let rate = given("BECKN_BPP_OUTAGE_RATE", RATE);
    let count = rate * lasting.as_secs();
    let one = |number: u64| {
        let seen = &seen;
        async move {
            let due = Duration::from_millis(number * 1_000 / rate);
            tokio::time::sleep(due.saturating_sub(begun.elapsed())).await;
            let is_known = number.is_multiple_of(2);
            let name = format!("n{number}.example.org");
            let key = include_str!("../../keys/gateway.signing");
            let by = match is_known {
                true => app.bap.signer().clone(),
                false => signer(&name, key),
            };
            let knock = knock(app, &by);
            let sent = Instant::now();
            let answer = knock.send(app).await;
            let came = Seen {
                is_known,
                status: answer.status,
                at: begun.elapsed(),
                took: sent.elapsed(),
                retry_after: header(&answer, "retry-after").is_some(),
            };
            seen.lock().expect("no panic").push(came);
        }
    };
    join_all((0..count).map(one)).await;
    seen.into_inner().expect("no panic")
}

/// The whole story with a registry that fails in one way.
async fn goes_through(name: &str, failing: Behaviour) {
    let more = "registry_timeout = \"3s\"\nregistry_cache_ttl = \"10m\"\n";
    let app = TestApp::start_with(more).await;
    assert_eq!(knock(&app, app.bap.signer()).send(&app).await.status, 200);
    app.registry.behave(failing);
    // The first failures are what shows that it is down.
    let opening = load(&app, TIMEOUT + Duration::from_secs(2)).await;
    let before = app.registry.asked();
    let lasting = outage();
    let seen = load(&app, lasting).await;
    let asked = app.registry.asked() - before;

    let ready = app.http.get(app.url("/health/ready")).send().await;
    let ready = ready.expect("an answer");
    assert_eq!(ready.status(), 200, "a warning, no more");
    assert!(
        ready
            .text()
            .await
            .expect("text")
            .contains("no answer for mobility")
    );
    let all = || opening.iter().chain(&seen);
    let known: Vec<_> = all().filter(|one| one.is_known).collect();
    assert!(
        known.iter().all(|one| one.status == 200),
        "what is known goes on"
    );
    let unknown = || seen.iter().filter(|one| !one.is_known);
    assert!(unknown().all(|one| one.status == 503 && one.retry_after));
    let mut times: Vec<_> = unknown().map(|one| one.took).collect();
    times.sort_unstable();
    let [median, most] = [times[times.len() / 2], times[times.len() - 1]];
    assert!(median <= AT_ONCE && most < TIMEOUT, "{median:?}, {most:?}");
    assert!(
        asked <= lasting.as_secs() + 2,
        "{asked} questions in {lasting:?}"
    );

    app.registry.behave(Behaviour::Filtered);
    let healed = Instant::now();
    let other = app.other_bap.signer();
    while knock(&app, other).send(&app).await.status != 200 {
        assert!(
            healed.elapsed() < Duration::from_secs(5),
            "recovery takes too long"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    println!(
        "registry {name} for {} s: {} known served of {}, {} unknown told to come again, 99 % \
         within {:?}, {asked} questions, recovered after {:?}, last request at {:?}",
        lasting.as_secs(),
        known.iter().filter(|one| one.status == 200).count(),
        known.len(),
        times.len(),
        times[times.len() * 99 / 100],
        healed.elapsed(),
        seen.iter().map(|one| one.at).max().unwrap_or_default(),
    );
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_is_down_stops_nobody_who_is_known() {
    goes_through("down", Behaviour::Status(503)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_takes_half_a_minute_stops_nobody_who_is_known() {
    goes_through("slow", Behaviour::Slow(Duration::from_secs(30))).await;
}
