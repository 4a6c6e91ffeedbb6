//! Directories that are locked, damaged, cut short, or of another format or program.

use super::{commit, directory, open_at, write_raw};
use crate::store::sled::{SledStore, keys};
use crate::store::{Committed, Error, Store};

#[tokio::test]
async fn a_directory_serves_one_store_at_a_time() {
    let directory = directory();
    let path = directory.path();
    let store = open_at(path).expect("opens");
    let second = open_at(path).err().expect("is refused");
    assert!(matches!(&second, Error::Locked { .. }));
    let sentence = second.to_string();
    assert!(
        sentence.starts_with("another process holds the store at "),
        "{sentence}"
    );
    assert!(sentence.contains(&path.display().to_string()));
    store.close().await;
    open_at(path).expect("opens once the first is closed");
    assert!(matches!(
        store.commit(commit("m1")).await,
        Err(Error::Stopped(_))
    ));
}

#[test]
fn a_store_of_a_newer_format_is_refused_with_a_sentence() {
    let directory = directory();
    let newer = br#"{"number":6,"created_at":"2030-01-01T00:00:00Z"}"#;
    write_raw(directory.path(), keys::FORMAT, newer);
    let error = open_at(directory.path()).err().expect("is refused");
    assert!(matches!(error, Error::TooNew { found: 6, known: 5 }));
}

#[test]
fn a_sled_directory_of_something_else_is_refused() {
    let directory = directory();
    write_raw(directory.path(), b"theirs", b"1");
    let error = open_at(directory.path()).err().expect("is refused");
    assert!(matches!(error, Error::Corrupt { .. }));
}

#[test]
fn damaged_files_are_named_and_kept() {
    let directory = directory();
    drop(open_at(directory.path()).expect("opens"));
    drop(open_at(directory.path()).expect("opens, and leaves a snapshot"));
    let names = || {
        let entries = std::fs::read_dir(directory.path()).expect("reads");
        entries.map(|entry| entry.expect("an entry").path())
    };
    let is_snapshot = |path: &std::path::PathBuf| path.to_string_lossy().contains("snap.");
    let snapshot = names().find(is_snapshot).expect("a snapshot");
    std::fs::write(&snapshot, b"damaged, and longer than it may not be").expect("writes");

    let error = open_at(directory.path()).err().expect("is refused");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    assert!(
        error
            .to_string()
            .contains(&directory.path().display().to_string())
    );
    assert!(snapshot.exists());
}

#[test]
fn a_snapshot_that_a_kill_or_a_full_disk_cut_short_does_not_make_the_store_corrupt() {
    let directory = directory();
    drop(open_at(directory.path()).expect("opens"));
    drop(open_at(directory.path()).expect("opens, and leaves a snapshot"));
    let unfinished = directory.path().join("snap.00000000FFFFFFFF.generating");
    std::fs::write(&unfinished, "").expect("writes");
    drop(open_at(directory.path()).expect("opens all the same"));
    assert!(!unfinished.exists());
}

#[cfg(unix)]
#[test]
fn a_new_directory_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let directory = directory();
    let path = directory.path().join("new").join("data");
    let _store = open_at(&path).expect("opens");
    let mode = std::fs::metadata(&path)
        .expect("exists")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[tokio::test]
async fn an_event_that_is_missing_is_not_passed_over_in_silence() {
    let directory = directory();
    let store = open_at(directory.path()).expect("opens");
    for message in ["m1", "m2", "m3"] {
        let done = store.commit(commit(message)).await;
        assert!(matches!(done, Ok(Committed::Done { .. })));
    }
    let sequences = async |store: &SledStore, after, limit| {
        let events = store.events(after, limit).await?;
        Ok::<_, Error>(events.iter().map(|e| e.sequence).collect::<Vec<_>>())
    };
    assert_eq!(sequences(&store, 0, 9).await.expect("whole"), [1, 2, 3]);
    assert_eq!(sequences(&store, 1, 1).await.expect("whole"), [2]);
    let remove = |sequence| {
        let tables = store.tables().expect("open");
        tables
            .tree()
            .remove(keys::event(sequence))
            .expect("removes");
    };
    remove(2);
    assert_eq!(sequences(&store, 2, 9).await.expect("whole"), [3]);
    for after in [0, 1] {
        let missing = sequences(&store, after, 9).await;
        assert!(matches!(missing, Err(Error::Corrupt { .. })));
    }
    remove(1);
    assert_eq!(sequences(&store, 0, 9).await.expect("the rest"), [3]);
    remove(3);
    assert!(sequences(&store, 0, 9).await.is_err());
}
