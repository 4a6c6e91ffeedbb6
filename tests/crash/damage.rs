//! Damaged files: the server serves what is right, or says what is wrong; never less than it
//! had acknowledged as if that were all.
//!
//! sled checks each page as it reads it, so damage to old pages shows when they are asked for.
//! Damage to what was written since the last start it takes for a write that was never
//! finished; the server must notice that itself.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::outside::orders::Numbered;
use crate::outside::process::Process;
use crate::outside::surroundings::Admin;
use crate::town::{BINARY, Town, WAIT, is_ack};

/// Orders that are cancelled before the last start, and as many after it.
const HALF: u64 = 12;

/// What a server does with a store.
#[derive(Debug)]
enum Outcome {
    /// It serves all of it, and this is it.
    Serves(Value),
    /// It serves, and says of a part that it cannot be read.
    Complains(String),
    /// It ended with this exit code and log.
    Ends(Option<i32>, String),
}

/// A town with a store of which one half is covered by sled's snapshot and one is not.
pub async fn filled() -> Town {
    let town = Town::new();
    for half in [0..HALF, HALF..2 * HALF] {
        let running = town.start();
        running
            .admin
            .hold()
            .await
            .expect("nothing changes by itself");
        town.hand_over(&running, half.clone()).await;
        for order in half.map(Numbered) {
            let body = town.cancel(order, &format!("message-{}", order.0));
            let reply = town.post(&running, order, &body).await.expect("an answer");
            assert!(is_ack(&reply), "{reply:?}");
        }
        running.process.kill();
    }
    town
}

pub fn data_file(town: &Town) -> PathBuf {
    town.around.store().join("db")
}

/// Every file of the store with its bytes, to put back after a trial.
pub fn copy(store: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let entries = std::fs::read_dir(store).expect("a store");
    let files = entries.map(|entry| entry.expect("an entry").path());
    let files = files.filter(|path| path.is_file());
    files
        .map(|path| (path.clone(), std::fs::read(path).expect("reads")))
        .collect()
}

pub fn put_back(store: &Path, copy: &[(PathBuf, Vec<u8>)]) {
    for (path, _) in self::copy(store) {
        std::fs::remove_file(path).expect("removes");
    }
    for (path, bytes) in copy {
        std::fs::write(path, bytes).expect("writes");
    }
}

/// Everything that a provider can read.
async fn picture(admin: &Admin) -> anyhow::Result<Value> {
    let [orders, callbacks, events] = [
        admin.all("orders", "").await?,
        admin.all("callbacks", "").await?,
        admin.all("events", "").await?,
    ];
    let (mut whole, mut sessions) = (Vec::new(), Vec::new());
    for order in (0..2 * HALF).map(Numbered) {
        whole.push(admin.get(&format!("/orders/{}", order.id())).await?);
        whole.push(admin.get(&format!("/callbacks/{}", order.0 + 1)).await?);
        sessions.push(admin.timeline(&order.transaction()).await?);
    }
    Ok(json!([orders, callbacks, events, whole, sessions]))
}

async fn outcome(town: &Town) -> Outcome {
    let process = Process::start(&mut town.around.serve(Path::new(BINARY)));
    let process = process.expect("a process");
    let Ok(at) = process.ready(WAIT) else {
        let (status, log) = process.ended(WAIT).expect("an end");
        return Outcome::Ends(status.code(), log);
    };
    let admin = Admin::at(at.admin).expect("a client");
    let picture = picture(&admin).await;
    process.kill();
    match picture {
        Ok(picture) => Outcome::Serves(picture),
        Err(complaint) => Outcome::Complains(complaint.to_string()),
    }
}

/// Fails unless the outcome is one of those that may be.
fn judge(what: &str, outcome: &Outcome, whole: &Value, store: &Path) {
    match outcome {
        Outcome::Serves(picture) => {
            assert!(
                picture == whole,
                "{what}: it serves something else as if it were all"
            );
        }
        Outcome::Complains(complaint) => {
            let is_sentence = complaint.contains("503") && complaint.contains("orrupt");
            assert!(is_sentence, "{what}: {complaint}");
        }
        Outcome::Ends(code, log) => {
            assert_eq!(*code, Some(3), "{what}: {log}");
            let sentence = log.lines().find(|line| line.starts_with("beckn-bpp: "));
            let path = store.display().to_string();
            assert!(sentence.is_some_and(|s| s.contains(&path)), "{what}: {log}");
        }
    }
}

pub fn flip(file: &Path, at: usize) {
    let mut bytes = std::fs::read(file).expect("reads");
    for byte in bytes.iter_mut().skip(at).take(8) {
        *byte ^= 0xff;
    }
    std::fs::write(file, bytes).expect("writes");
}

fn truncate(file: &Path, to: usize) {
    let file = std::fs::OpenOptions::new().write(true).open(file);
    file.expect("opens").set_len(to as u64).expect("cuts");
}

#[tokio::test(flavor = "multi_thread")]
async fn damage_is_told_and_never_served_as_if_it_were_all() {
    let town = filled().await;
    let (store, file) = (town.around.store(), data_file(&town));
    let copy = copy(&store);
    let Outcome::Serves(whole) = outcome(&town).await else {
        panic!("the undamaged store serves");
    };
    let length = std::fs::metadata(&file).expect("a file").len() as usize;
    for part in 0..8 {
        put_back(&store, &copy);
        let at = length * part / 8 + 100 + part * 4_099;
        flip(&file, at);
        judge(
            &format!("flipped at {at}"),
            &outcome(&town).await,
            &whole,
            &store,
        );
    }
    for part in [0, 3, 6] {
        put_back(&store, &copy);
        let to = length * part / 7;
        truncate(&file, to);
        judge(
            &format!("cut to {to}"),
            &outcome(&town).await,
            &whole,
            &store,
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_that_sled_drops_in_silence_is_noticed_again_and_again() {
    let town = filled().await;
    let (store, file) = (town.around.store(), data_file(&town));
    let bytes = std::fs::read(&file).expect("reads");
    let last = format!("message-{}", 2 * HALF - 1);
    let found = bytes
        .windows(last.len())
        .rposition(|window| window == last.as_bytes());
    flip(&file, found.expect("the last message is in the file"));
    for _ in 0..2 {
        let outcome = outcome(&town).await;
        let Outcome::Ends(Some(3), log) = &outcome else {
            panic!("{outcome:?}");
        };
        let sentence = format!("the files in {} end at batch", store.display());
        assert!(log.contains(&sentence) && log.contains("is lost"), "{log}");
    }
    std::fs::remove_file(store.join("tip")).expect("the operator accepts the loss");
    let running = town.start();
    let rest = running.admin.all("events", "").await;
    let rest = rest.expect("it goes on without what is lost").len();
    assert!(rest < 2 * HALF as usize, "{rest}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_data_file_that_is_gone_is_no_new_store() {
    let town = filled().await;
    for name in ["db", "conf"] {
        std::fs::remove_file(town.around.store().join(name)).expect("removes");
    }
    let outcome = outcome(&town).await;
    let Outcome::Ends(Some(3), log) = &outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        log.contains(&town.around.store().display().to_string()),
        "{log}"
    );
}
