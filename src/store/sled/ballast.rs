//! Room kept for bad times: a file of 16 MiB beside sled's, really allocated.
//!
//! sled cannot even open on a disk that is full. Then this file goes, first of all, and in the
//! room it leaves the store opens and what is owed is delivered. It is put back when there is
//! room for it again, and nothing new is accepted without it: see [`space`](super::space).
//! It holds nothing; whoever finds it may remove it.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{FallocateFlags, fallocate};

/// Its size.
pub(super) const BALLAST_BYTES: u64 = 16 << 20;

/// The file's name, in the store's directory.
pub(super) const NAME: &str = "ballast";

/// See the module's text.
#[derive(Debug)]
pub(super) struct Ballast(PathBuf);

impl Ballast {
    /// The ballast of the store in this directory, there or not.
    pub(super) fn of(store: &Path) -> Self {
        Self(store.join(NAME))
    }

    /// Whether it is there, whole.
    pub(super) fn is_there(&self) -> bool {
        fs::metadata(&self.0).is_ok_and(|file| file.len() == BALLAST_BYTES)
    }

    /// Puts it there, whole or not at all.
    pub(super) fn put(&self) -> io::Result<()> {
        let put = File::create(&self.0).and_then(|file| allocate(&file));
        if put.is_err() {
            self.give_up();
        }
        put
    }

    /// Gives its room back; says whether there was any.
    pub(super) fn give_up(&self) -> bool {
        fs::remove_file(&self.0).is_ok()
    }
}

/// A file system that cannot allocate gets zeros to keep.
fn allocate(mut file: &File) -> io::Result<()> {
    match fallocate(file, FallocateFlags::empty(), 0, BALLAST_BYTES) {
        Err(error) if error == rustix::io::Errno::OPNOTSUPP => {
            let zeros = io::Read::take(io::repeat(0), BALLAST_BYTES);
            io::copy(&mut { zeros }, &mut file)?;
            file.sync_data()
        }
        result => Ok(result?),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn it_takes_real_room_and_gives_it_back_once() {
        let directory = tempfile::tempdir().expect("a directory");
        let ballast = Ballast::of(directory.path());
        assert!(!ballast.is_there() && !ballast.give_up());
        ballast.put().expect("room");
        let file = fs::metadata(directory.path().join(NAME)).expect("a file");
        assert!(ballast.is_there());
        assert!(file.blocks() * 512 >= BALLAST_BYTES, "it is sparse");
        assert!(ballast.give_up() && !ballast.is_there() && !ballast.give_up());
    }

    #[test]
    fn one_that_was_cut_short_counts_as_gone() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join(NAME), "short").expect("writes");
        assert!(!Ballast::of(directory.path()).is_there());
    }
}
