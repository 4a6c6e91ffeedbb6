//! Ids and paths: what is no id is refused where it stands, and what is one is only ever compared.

use beckn_bpp::protocol::Dialect;
use serde_json::json;

use crate::bench::Bench;
use crate::refused::Wanted;

/// Texts that are no ids: empty, too long, with blanks, controls, quotes, bars or anything that
/// is not ASCII, however it looks.
const NO_IDS: &[&str] = &[
    "",
    " ",
    "a b",
    "a\tb",
    "a\nb",
    "a\r\nb",
    "a\u{1}",
    "\u{1b}[31m",
    "a\u{7f}",
    "a\"b",
    "a|b",
    "\u{e9}",
    "e\u{301}",
    "\u{430}",
    "\u{ff21}",
    "a\u{200b}",
    "\u{202e}a",
    "\u{2066}a\u{2069}",
    "\u{feff}a",
    "a\u{a0}",
    "a\u{ad}b",
    "\u{1f600}",
    "\u{fffd}",
    "\u{10ffff}",
];

/// Texts that are ids, whatever else they may be to others.
const IDS: &[&str] = &[
    "../../etc/passwd",
    "..\\..\\windows",
    "%2e%2e%2f%2e%2e%2f",
    "%00",
    "%252e",
    "/",
    ".",
    "..",
    "~",
    "mobility/O1",
    "O1/",
    "o1",
    "https://mock_bap.com/",
    "file:///etc/passwd",
    "';DROP-TABLE-orders;--",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "${jndi:ldap://x}",
    "$(id)",
    "`id`",
    "%s%n",
    "-1",
    "0",
    "null",
    "__proto__",
];

/// Paths that lead to no cancel, on the wire as they stand.
const PATHS: &[&str] = &[
    "/",
    "//cancel",
    "/cancel/",
    "/./cancel",
    "/../cancel",
    "/x/../cancel",
    "/cancel/../cancel",
    "/cancel%2f",
    "/cancel%00",
    "/cancel;x",
    "/%2e%2e/cancel",
    "/%252e%252e/etc/passwd",
    "/../../../etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/cancel%20",
    "/Cancel",
    "/CANCEL",
    "/cancel.json",
    "/orders",
    "/orders/O1",
    "/metrics",
    "/callbacks",
    "/refusals",
    "/%ff",
    "/%zz",
];

#[tokio::test(flavor = "multi_thread")]
async fn odd_ids_and_paths_are_refused_or_not_found_and_change_nothing() {
    let mut bench = Bench::set("ids and paths", "").await;
    let long = "x".repeat(256);
    let very_long = "x".repeat(10_240);
    let no_ids = NO_IDS.iter().copied().chain([long.as_str(), &very_long]);
    for text in no_ids {
        for member in ["transaction_id", "message_id", "bap_id", "bpp_id"] {
            let mut message = bench.probe();
            message["context"][member] = json!(text);
            let path = format!("context.{member}");
            bench
                .sends(&message, Wanted::word("context_invalid").at(&path))
                .await;
        }
        let mut message = bench.probe();
        message["message"]["order_id"] = json!(text);
        let wanted = Wanted::word("schema_mismatch").at("message.order_id");
        bench.sends(&message, wanted).await;
    }
    for text in IDS {
        let mut message = bench.probe();
        message["message"]["order_id"] = json!(text);
        message["context"]["transaction_id"] = json!(text);
        message["context"]["message_id"] = json!(text);
        let wanted = Wanted::word("order_not_found").at("message.order_id");
        bench.sends(&message, wanted).await;
    }
    for path in PATHS {
        let body = bench.probe().to_string();
        let request = Bench::request(&bench.authorization(body.as_bytes()), body.as_bytes());
        let request = String::from_utf8(request).expect("text");
        let request = request.replacen("/cancel ", &format!("{path} "), 1);
        let wanted = Wanted::word("unknown_action");
        bench.refuses(path, request.as_bytes(), &wanted).await;
    }
    bench.ends_well(180).await;
}

impl Bench {
    async fn sends(&mut self, message: &serde_json::Value, wanted: Wanted<'_>) {
        let body = message.to_string();
        let request = Bench::request(&self.authorization(body.as_bytes()), body.as_bytes());
        self.refuses(&body, &request, &wanted.in_dialect(Dialect::V1))
            .await;
    }
}
