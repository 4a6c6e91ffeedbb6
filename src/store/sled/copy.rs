//! A copy of a store that nobody has open, to look at without touching the store.
//!
//! sled writes when it opens: a snapshot, zeros over what was torn, and where the log is damaged
//! near its end it cuts the log there, for good. So whoever only wants to look takes a copy. The
//! store stays locked meanwhile, so that no server starts on it. The copy is removed with this.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::{ballast, leftovers, space};
use crate::store::Error;

/// See the module's text.
pub(super) struct Copy {
    directory: TempDir,
    /// Held by its lock alone.
    _data: File,
}

impl Copy {
    /// Copies a store into a new directory below `scratch`.
    ///
    /// # Errors
    /// When there is no store, a server has it open, or there is no room for a copy.
    pub(super) fn take(store: &Path, scratch: &Path) -> Result<Self, Error> {
        let data = lock(store)?;
        let files = files(store)?;
        enough_room(store, &files, scratch)?;
        let directory = tempfile::Builder::new()
            .prefix("beckn-bpp-store-")
            .tempdir_in(scratch)?;
        for file in files {
            let below = file.strip_prefix(store).map_err(io::Error::other)?;
            let copy = directory.path().join(below);
            fs::create_dir_all(copy.parent().unwrap_or(scratch))?;
            fs::copy(&file, copy)?;
        }
        leftovers::remove_unfinished_snapshots(directory.path())?;
        Ok(Self {
            directory,
            _data: data,
        })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }
}

fn lock(store: &Path) -> Result<File, Error> {
    let path = store.display().to_string();
    let data = match File::open(store.join("db")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(no_data(store)),
        data => data?,
    };
    match data.try_lock() {
        Ok(()) => Ok(data),
        Err(fs::TryLockError::WouldBlock) => Err(Error::Locked { path }),
        Err(fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// A directory that was never a store is told from a store whose data is gone.
fn no_data(store: &Path) -> Error {
    let path = store.display();
    if store.join("tip").exists() || store.join("conf").exists() {
        let what = format!("the file db in {path} is gone");
        return Error::Corrupt { what, source: None };
    }
    let text = format!("there is no store at {path}");
    Error::Io(io::Error::new(io::ErrorKind::NotFound, text))
}

/// Every file of a store, those in directories too; the ballast is none.
fn files(store: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut files, mut open) = (Vec::new(), vec![store.to_owned()]);
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() && entry.path() != store.join(ballast::NAME) {
                files.push(entry.path());
            }
        }
    }
    Ok(files)
}

fn enough_room(store: &Path, files: &[PathBuf], scratch: &Path) -> Result<(), Error> {
    let lengths = files.iter().map(|file| Ok(fs::metadata(file)?.len()));
    let need_bytes = lengths.sum::<io::Result<u64>>()?;
    let free_bytes = space::free_bytes(scratch)?;
    // sled writes a little to the copy as well.
    if need_bytes + need_bytes / 8 <= free_bytes {
        return Ok(());
    }
    let text = format!(
        "a copy of {} takes {}, and {} has {} free: name another directory for it",
        store.display(),
        space::megabytes(need_bytes + need_bytes / 8),
        scratch.display(),
        space::megabytes(free_bytes)
    );
    Err(Error::Io(io::Error::new(io::ErrorKind::StorageFull, text)))
}
