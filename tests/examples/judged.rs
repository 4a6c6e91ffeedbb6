//! The official OpenAPI files judge what the server sends, version by version.
//!
//! The provider's document passes as it came, its faults included; the promise is that we add
//! none. One exception has a name: `SOFT_CANCEL` is no status of core 1.x.

use beckn_bpp::mock::bap::Received;
use beckn_bpp::protocol::Dialect;
use beckn_bpp::protocol::schema::{self, Kind};
use serde_json::{Value, json};

use crate::app::TestApp;
use crate::official::{official_on_cancel_errors, protocol_dir};
use crate::rides::{Request, Ride};

/// The official files, each with the version that its messages carry.
const FILES: [(&str, &str); 7] = [
    ("0.9.2", "0.9.2"),
    ("0.9.3", "0.9.3"),
    ("0.9.4", "0.9.4"),
    ("0.9.x-lts", "0.9.4"),
    ("1.0.0", "1.0.0"),
    ("1.1.0", "1.1.0"),
    ("1.1.1", "1.1.1"),
];

/// Free by default, at 30 rupees, or never.
const POLICIES: &str = r#"
[policy.thirty]
[[policy.thirty.rule]]
amount = "30"
currency = "INR"
[policy.never]
[[policy.never.rule]]
allowed = false
"#;

/// A file with the version of its messages, and a running server.
struct Bench<'a> {
    app: &'a TestApp,
    file: &'a str,
    version: &'a str,
}

impl Bench<'_> {
    /// A ride that the file has nothing against.
    fn good(&self, name: &str) -> Ride {
        let id = format!("{name}-{}", self.file);
        let ride = Ride::placed_by(&self.app.bap, self.version, &id);
        match self.dialect() {
            // 0.9.2 spells the other status NOT-PATD.
            Dialect::V0_9 => ride
                .with("items", r#"[{"id":"I1","quantity":{"count":1}}]"#)
                .with("payment", r#"{"type":"ON-ORDER","status":"PAID"}"#),
            _ => ride,
        }
    }

    fn dialect(&self) -> Dialect {
        Dialect::of(self.version).expect("a version")
    }

    fn errors(&self, message: &Value) -> Vec<String> {
        official_on_cancel_errors(self.file, message)
    }

    /// What the file has against the provider's own document, were it an `on_cancel`.
    fn errors_before(&self, ride: &Ride) -> Vec<String> {
        let context = ride.context.clone().text("action", "on_cancel").compact();
        let order = ride.order.compact();
        let text = format!(r#"{{"context":{context},"message":{{"order":{order}}}}}"#);
        self.errors(&serde_json::from_str(&text).expect("JSON"))
    }

    async fn answer(&self, request: &Request) -> Value {
        self.judged(&request.answered(self.app).await)
    }

    /// The message, once our own schema has accepted it.
    fn judged(&self, received: &Received) -> Value {
        let message = received.json();
        let ours = schema::check(Kind::OnCancel, self.dialect(), &message);
        assert_eq!(ours, Ok(()), "{message}");
        message
    }

    async fn hand_over(&self, ride: Ride, policy: &str) -> Ride {
        let ride = match policy {
            "" => ride,
            policy => ride.booking(json!({"policy": policy})),
        };
        ride.hand_over(self.app).await;
        ride
    }

    async fn cancel_for_provider(&self, ride: &Ride) -> Value {
        let asked = json!({"by": "provider", "reason": "013", "note": "Driver fell ill"});
        let path = format!("/orders/{}/cancel", ride.id);
        let answer = self.app.admin("POST", &path, Some(&asked)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        self.app.settled().await;
        let received = self.app.bap.all().pop().expect("a callback");
        assert_eq!(received.json()["message"]["order"]["id"], ride.id);
        self.judged(&received)
    }

    /// A soft cancel adds nothing in 0.9.x, where a state is any text, and one thing in 1.x.
    fn check_soft(&self, message: &Value) {
        let errors = self.errors(message);
        match self.dialect() {
            Dialect::V0_9 => assert_eq!(errors, [""; 0]),
            _ => {
                let place = format!("{} /message/order/status: ", self.file);
                assert_eq!(errors.len(), 1, "{errors:?}");
                assert!(errors[0].starts_with(&place), "{errors:?}");
                let mut core = message.clone();
                core["message"]["order"]["status"] = json!("ACTIVE");
                assert_eq!(self.errors(&core), [""; 0], "nothing hides behind it");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_send_of_a_valid_order_is_valid_in_every_version() {
    if protocol_dir().is_none() {
        return;
    }
    let app = TestApp::start_with(POLICIES).await;
    for (file, version) in FILES {
        let app = &app;
        let bench = Bench { app, file, version };
        assert_eq!(bench.errors_before(&bench.good("any")), [""; 0]);
        for policy in ["", "thirty"] {
            let ride = bench
                .hand_over(bench.good(&format!("R{policy}")), policy)
                .await;
            bench.check_soft(&bench.answer(&ride.soft_cancel("SOFT_CANCEL")).await);
            for _first_and_again in 0..2 {
                let message = bench.answer(&ride.cancel()).await;
                assert!(message.get("message").is_some(), "{message}");
                assert_eq!(bench.errors(&message), [""; 0]);
            }
        }
        let never = bench.hand_over(bench.good("N"), "never").await;
        let refused = bench.answer(&never.cancel()).await;
        assert_eq!(refused["error"]["code"], "50001");
        assert_eq!(bench.errors(&refused), [""; 0]);
        let ours = bench.hand_over(bench.good("P"), "thirty").await;
        assert_eq!(
            bench.errors(&bench.cancel_for_provider(&ours).await),
            [""; 0]
        );
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_an_order_with_faults_of_its_own_we_add_none() {
    if protocol_dir().is_none() {
        return;
    }
    let app = TestApp::start_with(POLICIES).await;
    for (file, version) in FILES {
        let app = &app;
        let bench = Bench { app, file, version };
        for (number, (member, raw)) in FAULTS.into_iter().enumerate() {
            let ride = bench.good(&format!("F{number}")).with(member, raw);
            let before = bench.errors_before(&ride);
            let ride = bench.hand_over(ride, "thirty").await;
            let message = ride.cancel().answered(app).await.json();
            assert_eq!(bench.errors(&message), before, "{file} {member}");
            let ride = bench.good(&format!("P{number}")).with(member, raw);
            let ride = bench.hand_over(ride, "").await;
            let message = bench.cancel_for_provider(&ride).await;
            assert_eq!(bench.errors(&message), before, "{file} {member}");
        }
    }
    app.stop().await;
}

/// What a provider may get wrong, and what is its own to answer for.
const FAULTS: [(&str, &str); 5] = [
    (
        "items",
        r#"[{"id":7,"price":{"currency":"INR","value":146.50}}]"#,
    ),
    ("billing", r#"{"name":5}"#),
    ("created_at", "12"),
    ("provider", r#""P1""#),
    ("offers", "{}"),
];
