//! How much room the disk has, and whether that is enough to accept anything new.
//!
//! One thread looks at the file system a few times a second; requests read what it found and
//! nothing else. Below the mark the store accepts nothing new, but still writes down what it
//! delivers. The mark is the smaller of a size and a share of the disk, so that it fits small
//! disks and large ones; on the way up a little more is asked for, so that it does not flicker.
//! The [`ballast`](super::ballast) must be there besides, or be put back first: a server that
//! has just met a full disk must not fill the last of it, whatever the mark.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::ballast::{BALLAST_BYTES, Ballast};
use crate::store::{Error, MinFree};

/// How often the thread looks.
const LOOK: Duration = Duration::from_millis(250);

/// On the way up, one part in so many of the mark is asked for on top of it.
const SLACK_PART: u64 = 16;

/// What must be free beside a ballast that is put back, so that it does not fill the disk itself.
const BESIDE_BALLAST_BYTES: u64 = BALLAST_BYTES / 4;

/// With less than this free, the ballast goes before sled is opened: sled writes its snapshot
/// and goes on in a new segment.
const TO_OPEN_BYTES: u64 = BALLAST_BYTES / 2;

/// With less than this free, a store is not opened at all: the next write would end it again.
const LEAST_BYTES: u64 = 1 << 20;

/// What a file system has.
#[derive(Debug, Clone, Copy)]
struct Room {
    free_bytes: u64,
    total_bytes: u64,
}

fn room(path: &Path) -> io::Result<Room> {
    let found = rustix::fs::statvfs(path)?;
    Ok(Room {
        // What is kept for root alone is not ours to fill.
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        total_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// How much must be free.
fn needed(mark: MinFree, total_bytes: u64, (is_low, has_ballast): (bool, bool)) -> u64 {
    let share = total_bytes / 100 * u64::from(mark.percent);
    let mark = mark.bytes.min(share);
    let slack = if is_low { mark / SLACK_PART } else { 0 };
    let ballast = match has_ballast {
        true => 0,
        false => BALLAST_BYTES + BESIDE_BALLAST_BYTES,
    };
    mark + slack + ballast
}

/// Whether the file system said that it is full.
pub(super) fn is_full(error: &Error) -> bool {
    let (Error::Io(error) | Error::Sled(sled::Error::Io(error))) = error else {
        return false;
    };
    let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
    full.contains(&error.kind())
}

/// Makes room to open a store on a full disk.
///
/// # Errors
/// When there is too little even so: nothing has been touched then.
pub(super) fn before_opening(path: &Path) -> Result<(), Error> {
    let mut free = free_bytes(path)?;
    if free < TO_OPEN_BYTES && Ballast::of(path).give_up() {
        tracing::warn!(
            path = %path.display(),
            free_bytes = free,
            "the disk is full: the ballast is removed so that the store can open"
        );
        free = free_bytes(path)?;
    }
    // A new store that is cut short while it is made would look like a damaged one.
    let is_new = !path.join("db").exists();
    match free < LEAST_BYTES || (is_new && free < TO_OPEN_BYTES) {
        true => Err(cannot_open(path)),
        false => Ok(()),
    }
}

/// What to say of a store that cannot open because the disk is full.
pub(super) fn cannot_open(path: &Path) -> Error {
    let free_bytes = free_bytes(path).unwrap_or(0);
    no_space(path, free_bytes, TO_OPEN_BYTES)
}

/// Frees the ballast after a write has failed on a full disk, and says what to do.
pub(super) fn after_failed_write(path: &Path, error: &Error) -> String {
    Ballast::of(path).give_up();
    format!(
        "the disk that holds {} is full ({error}). Nothing acknowledged is lost: free at least \
         {} there; started again, it delivers what it owes",
        path.display(),
        megabytes(BALLAST_BYTES + BESIDE_BALLAST_BYTES)
    )
}

fn no_space(path: &Path, free_bytes: u64, need_bytes: u64) -> Error {
    Error::NoSpace {
        path: path.display().to_string(),
        free: megabytes(free_bytes),
        need: megabytes(need_bytes),
    }
}

/// How much is free where this path is.
pub(super) fn free_bytes(path: &Path) -> io::Result<u64> {
    Ok(room(path)?.free_bytes)
}

/// In tenths of a megabyte.
pub(super) fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10)
}

/// What was found at the last look.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    mark: MinFree,
    ballast: Ballast,
    free_bytes: AtomicU64,
    need_bytes: AtomicU64,
    is_low: AtomicBool,
}

impl Found {
    /// Looks at the disk, and puts the ballast back where there is room for it.
    fn look(&self) -> io::Result<()> {
        let was_low = self.is_low.load(Ordering::Relaxed);
        let mut room = room(&self.path)?;
        let need = |room: Room, has| needed(self.mark, room.total_bytes, (was_low, has));
        let mut has_ballast = self.ballast.is_there();
        if !has_ballast && room.free_bytes >= need(room, false) {
            // A quota may leave less room than the file system has: then it stays away, and
            // with it whatever is new.
            has_ballast = self.ballast.put().is_ok();
            room = self::room(&self.path)?;
        }
        let need_bytes = need(room, has_ballast);
        self.note(
            room,
            need_bytes,
            !has_ballast || room.free_bytes < need_bytes,
        );
        Ok(())
    }

    fn note(&self, room: Room, need_bytes: u64, is_low: bool) {
        self.free_bytes.store(room.free_bytes, Ordering::Relaxed);
        self.need_bytes.store(need_bytes, Ordering::Relaxed);
        let was_low = self.is_low.swap(is_low, Ordering::Relaxed);
        gauge(room.free_bytes);
        let (path, free_bytes) = (self.path.display(), room.free_bytes);
        match (was_low, is_low) {
            (false, true) => tracing::error!(
                %path, free_bytes, need_bytes,
                "the disk is nearly full: nothing new is accepted until there is more room; \
                 what is owed is still delivered"
            ),
            (true, false) => tracing::info!(
                %path, free_bytes, need_bytes,
                "there is room on the disk again: new requests are accepted"
            ),
            _ => {}
        }
    }
}

/// A gauge is a float by its format; bytes stay exact up to eight petabytes.
#[allow(clippy::cast_precision_loss)]
fn gauge(free_bytes: u64) {
    metrics::gauge!("bpp_store_disk_free_bytes").set(free_bytes as f64);
}

/// See the module's text. The thread ends when this is dropped.
pub(super) struct Space {
    found: Arc<Found>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Space {
    /// Looks once, then goes on looking in a thread of its own.
    ///
    /// # Errors
    /// When the file system does not say how much room it has.
    pub(super) fn watch(path: &Path, mark: MinFree) -> io::Result<Self> {
        let found = Arc::new(Found {
            path: path.to_owned(),
            mark,
            ballast: Ballast::of(path),
            free_bytes: AtomicU64::new(0),
            need_bytes: AtomicU64::new(0),
            is_low: AtomicBool::new(false),
        });
        found.look()?;
        let (stop, stopped) = channel();
        let looked_at = Arc::clone(&found);
        let thread = thread::Builder::new().name("store-space".to_owned());
        let thread = thread.spawn(move || {
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                if let Err(error) = looked_at.look() {
                    // What was found before stands; a disk that is gone shows in the writes.
                    tracing::debug!(%error, "cannot look at the disk");
                }
            }
        })?;
        Ok(Self {
            found,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Whether something new may be accepted.
    ///
    /// # Errors
    /// Says how much room there is and how much there must be.
    pub(super) fn check(&self) -> Result<(), Error> {
        let found = &self.found;
        if !found.is_low.load(Ordering::Relaxed) {
            return Ok(());
        }
        let free_bytes = found.free_bytes.load(Ordering::Relaxed);
        let need_bytes = found.need_bytes.load(Ordering::Relaxed);
        Err(no_space(&found.path, free_bytes, need_bytes))
    }
}

impl Drop for Space {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1_000_000;
    const MARK: MinFree = MinFree {
        bytes: 512 * MB,
        percent: 5,
    };
    const OFF: MinFree = MinFree {
        bytes: 0,
        percent: 5,
    };

    #[test]
    fn the_smaller_of_size_and_share_decides_so_that_any_disk_will_do() {
        let steady = |total| needed(MARK, total, (false, true));
        assert_eq!(steady(4_000_000 * MB), 512 * MB);
        assert_eq!(steady(1_000 * MB), 50 * MB);
        assert_eq!(steady(24 * MB), 12 * MB / 10);
        assert_eq!(needed(OFF, 1_000 * MB, (false, true)), 0);
    }

    #[test]
    fn a_little_more_is_asked_for_on_the_way_up_and_the_ballast_in_any_case() {
        let total = 4_000_000 * MB;
        assert_eq!(needed(MARK, total, (true, true)), (512 + 32) * MB);
        let room_for_ballast = BALLAST_BYTES + BESIDE_BALLAST_BYTES;
        assert_eq!(needed(OFF, total, (false, false)), room_for_ballast);
        let all = 512 * MB + room_for_ballast;
        assert_eq!(needed(MARK, total, (false, false)), all);
    }

    #[test]
    fn below_the_mark_nothing_is_accepted_and_the_sentence_has_path_and_figures() {
        let directory = tempfile::tempdir().expect("a directory");
        let everything = MinFree {
            bytes: u64::MAX / 2,
            percent: 100,
        };
        let space = Space::watch(directory.path(), everything).expect("a disk");
        let error = space.check().expect_err("no disk has all of it free");
        let told = error.to_string();
        assert!(
            told.contains(&directory.path().display().to_string()),
            "{told}"
        );
        assert!(
            told.contains(" free, ") && told.contains(" needed"),
            "{told}"
        );
    }

    #[test]
    fn with_room_the_ballast_is_put_at_once_and_put_back_when_it_went() {
        let directory = tempfile::tempdir().expect("a directory");
        let space = Space::watch(directory.path(), OFF).expect("a disk");
        space.check().expect("room");
        let ballast = Ballast::of(directory.path());
        assert!(ballast.give_up(), "it was put at once");
        space.found.look().expect("a disk");
        assert!(ballast.is_there());
        space.check().expect("room");
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let full = |kind: io::ErrorKind| is_full(&Error::Sled(sled::Error::Io(kind.into())));
        assert!(full(io::ErrorKind::StorageFull) && full(io::ErrorKind::QuotaExceeded));
        assert!(!full(io::ErrorKind::PermissionDenied) && !is_full(&Error::Busy));
    }
}
