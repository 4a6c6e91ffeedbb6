//! JSON bodies, each signed by the rightful BAP: only the text is at fault.

use crate::bench::Bench;
use crate::odd_json;
use crate::refused::Wanted;

#[tokio::test(flavor = "multi_thread")]
async fn every_odd_json_body_gets_its_word_and_changes_nothing() {
    let mut bench = Bench::set("JSON bodies", "").await;
    for (body, word) in odd_json::all() {
        let request = Bench::request(&bench.authorization(&body), &body);
        let shown = String::from_utf8_lossy(&body[..body.len().min(80)]).into_owned();
        bench.refuses(&shown, &request, &Wanted::word(word)).await;
    }
    bench.ends_well(200).await;
}
