//! `mock-network`.

use beckn_bpp::mock::orders::{VISIT_1, VISIT_3};

use crate::app::listener;
use crate::process::{Ended, Running, eight_ports, run};

#[test]
fn once_it_ends_with_0_and_tells_what_happened() {
    let ended = run(&["mock-network", "--once"]).expect(0);
    for part in [
        "answered the registry's challenge and is listed",
        "trip_1",
        "O1",
        "on_cancel",
        "verified",
    ] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    assert!(!ended.out.contains("earlier run"), "{}", ended.out);
    assert_eq!(ended.err, "");
}

#[test]
fn as_json_it_is_one_document() {
    let ended = run(&["mock-network", "--once", "--json"]).expect(0);
    assert_eq!(ended.json()["listed"]["types"], serde_json::json!(["BPP"]));
    let acts = ended.json()["acts"].as_array().expect("a list").clone();
    assert_eq!(acts.len(), 10);
    let (booking, acts) = acts.split_last().expect("the last");
    let data = &booking["answer"]["data"];
    assert_eq!(data["status"], "cancelled");
    assert_eq!(data["cancellation"]["fee"]["amount"], 60.0);
    for act in acts {
        assert_eq!(act["on_cancel"]["verified"], true);
    }
    for act in &acts[..4] {
        assert_eq!(act["answer"]["status"], 200);
    }
    for (visit, by) in acts[3..6].iter().zip(["patient", "doctor", "patient"]) {
        let order = &visit["on_cancel"]["body"]["message"]["order"];
        assert_eq!(order["state"], "CANCELLED");
        assert_eq!(order["fulfillment"]["tags"]["@abdm/gov.in/cancelledby"], by);
        assert_eq!(
            visit["audit"],
            serde_json::json!({"verified": true, "same_bytes": true})
        );
    }
    let partner = &acts[5];
    assert_eq!(partner["answer"]["status"], 200);
    assert_eq!(partner["answer"]["body"]["order_id"], "visit_3");
    assert_eq!(partner["webhook"]["verified"], true);
    let news = &partner["webhook"]["body"];
    assert_eq!(news["event"], "booking.cancel");
    assert_eq!(news["transaction_id"], partner["answer"]["body"]["txn_id"]);
    assert_eq!(partner["status"], serde_json::json!({"status": "SUCCESS"}));

    let statuses: Vec<_> = acts[6..]
        .iter()
        .map(|act| {
            let order = &act["on_cancel"]["body"]["message"]["order"];
            let status = order["status"].as_str().or(order["state"].as_str());
            status.expect("a word").to_owned()
        })
        .collect();
    assert_eq!(
        statuses,
        ["CANCELLED", "Cancelled", "CANCELLATION_INITIATED"]
    );
    let update = &acts[8]["on_update"];
    assert_eq!(update["verified"], true);
    assert_eq!(update["body"]["message"]["order"]["status"], "CANCELLED");
    let [free, priced, cancelled] = [0, 1, 2].map(|n| &acts[n]["on_cancel"]["body"]["message"]);
    assert_eq!(free["order"]["state"], "Cancelled");
    assert_eq!(priced["order"]["status"], "SOFT_CANCEL");
    assert_eq!(cancelled["order"]["status"], "CANCELLED");
    assert_eq!(ended.err, "");
}

fn in_directory(directory: &str, more: &[&str]) -> Ended {
    run(&[&["mock-network", "--once", "--data", directory], more].concat())
}

#[test]
fn a_kept_directory_can_be_run_again_at_other_ports_and_says_what_is_kept() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("mock");
    let path = path.to_str().expect("text");
    in_directory(path, &[]).expect(0);
    let token = std::fs::read_to_string(format!("{path}/admin.token")).expect("kept");
    let again = in_directory(path, &[]).expect(0);
    assert!(
        again.out.contains("earlier run: trip_1 and O1"),
        "{}",
        again.out
    );
    assert!(!again.out.contains(token.trim()) && !again.err.contains(token.trim()));
    let json = in_directory(path, &["--json"]).expect(0).json();
    let first = &json["acts"][1]["on_cancel"]["body"]["message"]["order"];
    assert_eq!(
        first["status"], "CANCELLED",
        "a price is no longer asked for"
    );

    // The same ports as before: then even the documents are the same.
    let base = eight_ports().to_string();
    for _ in 0..2 {
        let again = in_directory(path, &["--port", &base]).expect(0);
        assert!(
            again.out.contains("earlier run: trip_1 and O1"),
            "{}",
            again.out
        );
    }
}

#[test]
fn a_taken_port_is_named_with_the_way_out() {
    let taken = listener();
    let port = taken.local_addr().expect("an address").port();
    let ended = run(&["mock-network", "--port", &port.to_string()]);
    let ended = ended.fails(1, &format!("port {port} is taken"));
    assert!(ended.err.contains("--port"), "{ended:?}");
}

#[test]
fn it_runs_until_it_is_told_to_stop_and_ends_with_0() {
    for signal in ["INT", "TERM"] {
        let base = eight_ports().to_string();
        let mut network = Running::start(&["mock-network", "--port", &base]);
        network.line_with("Ctrl-C ends it");
        assert_eq!(network.stop(signal), Some(0), "{}", network.seen);
        assert!(network.seen.contains(&format!("http://127.0.0.1:{base}")));
    }
}

#[test]
fn what_it_keeps_of_a_patients_and_of_a_partners_cancel_proves_itself() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = |name: &str| {
        let path = directory.path().join(name);
        path.to_str().expect("text").to_owned()
    };
    let (base, data) = (eight_ports(), path("mock"));
    let port = base.to_string();
    let mut network = Running::start(&["mock-network", "--data", &data, "--port", &port]);
    network.line_with("Ctrl-C ends it");
    let admin = format!("http://127.0.0.1:{}", base + 1);
    let token = format!("{data}/admin.token");
    for (visit, signatures) in [(VISIT_1, 3), (VISIT_3, 2)] {
        let (session, files) = (visit.transaction().expect("a sample"), path(visit.id));
        let place = ["--admin", &admin, "--token-file", &token];
        let export = ["transaction", "export", &session, "--out", &files];
        run(&[&export[..], &place].concat()).expect(0);
        let ended = run(&["signature", "verify", "--evidence", &files]).expect(0);
        let hold = ended.out.matches("the signature holds").count();
        assert_eq!(hold, 1 + signatures, "{}: {}", visit.id, ended.out);
    }
    assert_eq!(network.stop("INT"), Some(0), "{}", network.seen);
}
