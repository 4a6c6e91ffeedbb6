//! What every part of the corpus needs: a server with one order, one case sent, one case judged,
//! and the line that tells how many there were.

use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use beckn_bpp::mock::orders::O1;
use chrono::Utc;
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};
use crate::refused::{Wanted, check};
use crate::wire::Wire;

/// More than any case may take on a machine that does much else; the line tells what they took.
const QUICK: Duration = Duration::from_secs(2);

/// Panics inside the server; those of tests happen in threads that have a test's path as name.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// A server, and the times of the cases that it met.
pub struct Bench {
    pub app: TestApp,
    name: &'static str,
    times: Vec<Duration>,
}

impl Bench {
    /// With more settings of `[network.mobility]`, then more sections.
    pub async fn set(name: &'static str, more: &str) -> Self {
        static HOOK: Once = Once::new();
        HOOK.call_once(|| {
            let usual = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                let thread = std::thread::current();
                if !thread.name().is_some_and(|name| name.contains("::")) {
                    PANICS.fetch_add(1, Ordering::SeqCst);
                }
                usual(panic);
            }));
        });
        let app = TestApp::start_with(more).await;
        app.hand_over(O1).await;
        let times = Vec::new();
        Self { app, name, times }
    }

    /// A right cancel of an order that nobody placed: the last check refuses it.
    pub fn probe(&self) -> Value {
        let mut message = self.app.cancel_of(O1).to_json();
        message["message"]["order_id"] = json!("no-such-order");
        message
    }

    /// The header that signs this body as the rightful BAP.
    pub fn authorization(&self, body: &[u8]) -> String {
        let signer = self.app.bap.signer();
        signer.authorization(body, Utc::now().timestamp())
    }

    /// The bytes of a `POST /cancel` with this signature and body.
    pub fn request(authorization: &str, body: &[u8]) -> Vec<u8> {
        let head = format!(
            "POST /cancel HTTP/1.1\r\nHost: bpp.example.org\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nAuthorization: {authorization}\r\n\r\n",
            body.len()
        );
        [head.as_bytes(), body].concat()
    }

    /// Sends a case on a connection of its own. It must be refused as wanted, quickly, and nothing
    /// may have changed; returns the connection for more to be asked of it.
    pub async fn refuses(&mut self, case: &str, bytes: &[u8], wanted: &Wanted<'_>) -> Wire {
        let before = self.app.kept().await;
        let began = Instant::now();
        let mut wire = Wire::open(&self.app).await;
        wire.write(bytes).await;
        let answer: Answer = wire.answer().await;
        let took = began.elapsed();
        assert!(
            answer.text.contains(&format!("\"{}: ", wanted.word)),
            "{case}: expected {}, got {} {}",
            wanted.word,
            answer.status,
            answer.text
        );
        check(&self.app, &answer, wanted).await;
        assert!(took < QUICK, "{case} took {took:?}");
        assert_eq!(self.app.kept().await, before, "{case} changed something");
        self.times.push(took);
        wire
    }

    /// The BAP cancels its order and hears of it; then the line is printed.
    pub async fn ends_well(mut self, least: usize) {
        let cancel = self.app.cancel_of(O1);
        let reply = self.app.send(&cancel).await;
        let ack = json!({"message": {"ack": {"status": "ACK"}}});
        assert_eq!((reply.status, reply.json()), (200, ack));
        self.app.callback(&cancel.message).await;
        self.app.stop().await;
        self.times.sort_unstable();
        let [median, longest] = [self.times.len() / 2, self.times.len() - 1]
            .map(|index| self.times[index].as_secs_f64() * 1e3);
        report(self.name, self.times.len(), least);
        println!("{:34} {median:6.1} ms median, {longest:.1} ms longest", "");
    }
}

/// Prints how many cases of a part were met, of which there are at least so many.
pub fn report(name: &str, cases: usize, least: usize) {
    println!("{name:34} {cases:6} cases, all as expected, 0 changes, 0 panics");
    assert!(
        cases >= least,
        "{name}: {cases} cases are fewer than {least}"
    );
    assert_eq!(PANICS.load(Ordering::SeqCst), 0, "something panicked");
}
