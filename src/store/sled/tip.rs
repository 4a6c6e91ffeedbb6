//! How far the store had come, written beside sled's files, so that a lost end is noticed.
//!
//! sled reads its log up to the first record that is damaged, takes what follows for a write
//! that was never finished, and goes on without it: acknowledged requests would be gone without
//! a word. So batches are counted twice, in the store with each batch and here once the batch
//! is on stable storage; a store that has not come as far as its tip has lost its end.
//! The tip itself is never synced: after a loss of power it may be an older one, which says
//! less and nothing wrong. It cannot bring back anything.

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use crate::store::Error;

/// The file's name, in the store's directory.
const NAME: &str = "tip";

/// See the module's text.
pub(super) struct Tip(File);

impl Tip {
    /// Opens the tip of a store, and makes it if need be; `stands_at` is the last batch that
    /// the store has.
    ///
    /// # Errors
    /// When the store has not come as far as its tip.
    pub(super) fn open(path: &Path, stands_at: u64) -> Result<Self, Error> {
        let file = path.join(NAME);
        let mut options = OpenOptions::new();
        // What it says must outlive the opening.
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(file)?;
        let mut text = String::new();
        file.read_to_string(&mut text)?;
        compare(path, &text, stands_at)?;
        Ok(Self(file))
    }

    /// The same without making it.
    ///
    /// # Errors
    /// As [`Tip::open`].
    pub(super) fn check(path: &Path, stands_at: u64) -> Result<(), Error> {
        match std::fs::read_to_string(path.join(NAME)) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            text => compare(path, &text?, stands_at),
        }
    }

    /// Notes that a batch is on stable storage.
    pub(super) fn reach(&self, batch: u64) -> std::io::Result<()> {
        // Always as long as before, so that no old digit stays behind.
        self.0.write_all_at(format!("{batch:020}\n").as_bytes(), 0)
    }
}

fn compare(path: &Path, text: &str, stands_at: u64) -> Result<(), Error> {
    match text.trim_end().parse() {
        Ok(tip) if stands_at < tip => Err(lost(path, stands_at, tip)),
        Ok(_) => Ok(()),
        Err(_) if text.is_empty() => Ok(()),
        Err(error) => {
            let what = format!("{} holds no number", path.join(NAME).display());
            let source = Some(error.into());
            Err(Error::Corrupt { what, source })
        }
    }
}

fn lost(path: &Path, stands_at: u64, tip: u64) -> Error {
    let what = format!(
        "the files in {} end at batch {stands_at}, but batch {tip} had been written; what came \
         between is lost. Put back a copy of the directory, or remove the file {NAME} in it to \
         go on without what is lost",
        path.display()
    );
    Error::Corrupt { what, source: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_behind_its_tip_is_refused_with_the_path_and_both_numbers() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path();
        Tip::open(path, 0).expect("new").reach(100).expect("writes");
        Tip::open(path, 100)
            .expect("as far")
            .reach(99)
            .expect("writes");
        Tip::open(path, 200).expect("further: the last tip was not written");
        let error = Tip::open(path, 98).err().expect("is refused").to_string();
        let told = [&*path.display().to_string(), "batch 98", "batch 99"];
        assert!(told.iter().all(|part| error.contains(part)), "{error}");
        std::fs::remove_file(path.join(NAME)).expect("removed by hand");
        Tip::open(path, 98).expect("the operator goes on without what is lost");
    }

    #[test]
    fn a_tip_that_is_no_number_is_refused() {
        let directory = tempfile::tempdir().expect("a directory");
        std::fs::write(directory.path().join(NAME), "12x").expect("writes");
        let error = Tip::open(directory.path(), 99).err().expect("is refused");
        assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    }
}
