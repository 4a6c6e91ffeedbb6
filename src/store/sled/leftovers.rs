//! Snapshots that sled began to write and never finished, out of its way.
//!
//! sled writes a snapshot when it opens, under a name that ends in `.generating`, and renames it
//! once it is whole. But when it looks for its newest snapshot it does not leave those names out:
//! one that a kill or a full disk cut short is taken for the newest and found corrupt, for good.
//! What was never renamed was never used, and the older snapshot is still there, so the unfinished
//! one can go. Nothing else is touched.

use std::fs::{self, File};
use std::io;
use std::path::Path;

/// Removes them, unless another process has the store open: then they may be that one's.
pub(super) fn remove_unfinished_snapshots(store: &Path) -> io::Result<()> {
    let data = match File::open(store.join("db")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        data => data?,
    };
    // The lock that sled takes; it ends with this function, before sled asks for it.
    if data.try_lock().is_err() {
        return Ok(());
    }
    for entry in fs::read_dir(store)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(entry.path())?;
            tracing::warn!(file = %entry.path().display(), "an unfinished snapshot is removed");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_snapshots_go_unless_somebody_has_the_store_open() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        remove_unfinished_snapshots(path).expect("a directory without a store");
        for name in ["db", "snap.00A1", "snap.00A2.generating"] {
            fs::write(path.join(name), "").expect("writes");
        }
        let other = File::open(path.join("db")).expect("opens");
        other.lock().expect("locks");
        remove_unfinished_snapshots(path).expect("leaves it alone");
        assert!(path.join("snap.00A2.generating").exists());
        drop(other);
        remove_unfinished_snapshots(path).expect("removes");
        assert!(!path.join("snap.00A2.generating").exists());
        assert!(path.join("snap.00A1").exists() && path.join("db").exists());
    }
}
