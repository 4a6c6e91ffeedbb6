//! Opening the directory: lock, format, and the schedule read back from the lines.
//!
//! Nothing is repaired, and nothing that sled uses is deleted here. Damage is reported with the path. sled
//! itself is less careful: a log that is damaged near its end it cuts there, for good, without
//! a word; the [`tip`](super::tip) tells. The orders' waiting lines are read once, key by key;
//! done callbacks, orders and requests are not, so opening takes time by what is owed.

use std::fs::{DirBuilder, File};
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sled::Db;

use super::ballast::Ballast;
use super::draft::Numbers;
use super::keys;
use super::line::Waiting;
use super::migrate::{self, migrate};
use super::schedule::Schedule;
use super::tables::Tables;
use super::tip::Tip;
use super::values;
use super::{leftovers, space};
use crate::domain::ids::SubscriberId;
use crate::store::Error;

/// The newest format this release reads, and the one it writes.
pub(super) const FORMAT: u32 = 5;

/// sled's own threads let go of the file a moment after the last handle is dropped, so a
/// store that is reopened by the process that closed it asks a few times.
const LOCK_TRIES: u32 = 10;
const LOCK_PAUSE: Duration = Duration::from_millis(20);

/// How often sled's own flusher wakes. We flush ourselves; but each time it wakes it also frees
/// one segment that few live pages are in, and at its usual pace, twice a second, a busy store
/// that prunes took almost four times the room of what it kept (`examples/retention`).
const FREEING_MS: u64 = 20;

/// The format record.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Format {
    /// See [`FORMAT`].
    pub number: u32,
    /// When the store was made.
    pub created_at: DateTime<Utc>,
}

/// What opening yields.
pub(super) struct Opened {
    /// The directory.
    pub path: PathBuf,
    /// The records.
    pub tables: Tables,
    /// sled's data file, for our own `fdatasync`.
    pub data_file: File,
    /// How far the store has come.
    pub tip: Tip,
    /// The last numbers given out.
    pub numbers: Numbers,
    /// What is owed, and the holds.
    pub schedule: Schedule,
}

/// Opens a directory, and makes it if need be.
pub(super) fn open(path: &Path, cache_bytes: u64, now: DateTime<Utc>) -> Result<Opened, Error> {
    make_directory(path)?;
    space::before_opening(path)?;
    leftovers::remove_unfinished_snapshots(path)?;
    match try_open(path, cache_bytes, now) {
        Err(error) if space::is_full(&error) && Ballast::of(path).give_up() => {
            leftovers::remove_unfinished_snapshots(path)?;
            try_open(path, cache_bytes, now)
        }
        opened => opened,
    }
    .map_err(|error| match space::is_full(&error) {
        true => space::cannot_open(path),
        false => error,
    })
}

fn try_open(path: &Path, cache_bytes: u64, now: DateTime<Utc>) -> Result<Opened, Error> {
    // sled asserts what it reads; on damaged files that can be a panic instead of an error.
    let opened = catch_unwind(|| read_all(path, cache_bytes, now));
    opened
        .unwrap_or(Err(damaged(path, None)))
        .map_err(|error| match error {
            Error::Sled(error @ sled::Error::Corruption { .. }) => damaged(path, Some(error)),
            error => error,
        })
}

fn damaged(path: &Path, source: Option<sled::Error>) -> Error {
    let path = path.display();
    let what = format!(
        "sled cannot read the files in {path}; keep them, and see `beckn-bpp store check {path}` and \
         `store export`"
    );
    Error::Corrupt {
        what,
        source: source.map(|error| Box::new(error).into()),
    }
}

/// The records name people, so the directory is the owner's alone.
fn make_directory(path: &Path) -> Result<(), Error> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    Ok(builder.create(path)?)
}

fn read_all(path: &Path, cache_bytes: u64, now: DateTime<Utc>) -> Result<Opened, Error> {
    let db = lock(path, cache_bytes)?;
    let kept = values::record::<Numbers>(&*db, keys::NUMBERS)?.unwrap_or_default();
    let tip = Tip::open(path, kept.batch)?;
    let data_file = sync_directory(path)?;
    check_format(&db, now)?;
    db.flush()?;
    data_file.sync_data()?;
    let tables = Tables::new(db);
    let (schedule, last_place) = read_schedule(&tables)?;
    let numbers = read_numbers(&tables, kept, last_place)?;
    Ok(Opened {
        path: path.to_owned(),
        tables,
        data_file,
        tip,
        numbers,
        schedule,
    })
}

fn lock(path: &Path, cache_bytes: u64) -> Result<Db, Error> {
    let config = sled::Config::new()
        .path(path)
        .cache_capacity(cache_bytes)
        .flush_every_ms(Some(FREEING_MS));
    for tries in 1.. {
        match config.open() {
            Err(error) if is_locked(&error) && tries < LOCK_TRIES => thread::sleep(LOCK_PAUSE),
            Err(error) if is_locked(&error) => break,
            opened => return Ok(opened?),
        }
    }
    let path = path.display().to_string();
    Err(Error::Locked { path })
}

/// sled 0.34.7 tells a refused lock by its text alone.
fn is_locked(error: &sled::Error) -> bool {
    let text = error.to_string();
    text.contains("could not acquire lock") && text.contains("WouldBlock")
}

/// sled syncs neither its settings nor the directory they are in.
fn sync_directory(path: &Path) -> Result<File, Error> {
    File::open(path.join("conf"))?.sync_all()?;
    File::open(path)?.sync_all()?;
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    Ok(File::open(path.join("db"))?)
}

fn check_format(db: &Db, now: DateTime<Utc>) -> Result<(), Error> {
    let format: Option<Format> = values::record(&**db, keys::FORMAT)?;
    match format {
        Some(Format { number, .. }) if number > FORMAT => Err(Error::TooNew {
            found: number,
            known: FORMAT,
        }),
        Some(format) => migrate(db, format),
        None if db.is_empty() => write_format(db, now),
        None => Err(values::corrupt(keys::FORMAT, None)),
    }
}

fn write_format(db: &Db, created_at: DateTime<Utc>) -> Result<(), Error> {
    let format = Format {
        number: FORMAT,
        created_at,
    };
    migrate::put(db, keys::FORMAT, &format)
}

/// Reads who is first in each line, how many are owed and given up on, and the holds.
fn read_schedule(tables: &Tables) -> Result<(Schedule, u64), Error> {
    let mut schedule = Schedule::default();
    let mut last_place = 0;
    let mut line: Option<(keys::Key, u64, Waiting)> = None;
    for entry in tables.entries_after(vec![keys::PENDING], None) {
        let (key, entry) = entry?;
        let place = keys::last_number(&key).ok_or_else(|| values::corrupt(&key, None))?;
        let line_of = keys::line_part(&key).to_vec();
        let waiting = tables.decode::<Waiting>(Ok((key, entry)))?;
        let Some(waiting) = waiting else { continue };
        schedule.count(1, 0);
        last_place = last_place.max(place);
        line = Some(match line {
            Some(first) if first.0 == line_of && first.1 < place => first,
            Some(first) if first.0 == line_of => (line_of, place, waiting),
            done => {
                schedule_first(&mut schedule, done);
                (line_of, place, waiting)
            }
        });
    }
    schedule_first(&mut schedule, line);
    read_dead_and_holds(tables, &mut schedule)?;
    Ok((schedule, last_place))
}

fn schedule_first(schedule: &mut Schedule, line: Option<(keys::Key, u64, Waiting)>) {
    if let Some((_, _, waiting)) = line {
        schedule.add(waiting.head());
    }
}

fn read_dead_and_holds(tables: &Tables, schedule: &mut Schedule) -> Result<(), Error> {
    for entry in tables.entries_after(vec![keys::DEAD], None) {
        entry?;
        schedule.count(0, 1);
    }
    for entry in tables.entries_after(vec![keys::HOLD], None) {
        let (key, entry) = entry?;
        let written = values::finish(tables.tree(), &key, &entry)?;
        if key[..] == keys::hold(None)[..] {
            schedule.hold(None);
            continue;
        }
        let written = String::from_utf8_lossy(&written);
        let id = SubscriberId::parse(&written)
            .map_err(|error| values::corrupt(&key, Some(Box::new(error))))?;
        schedule.hold(Some((id.comparable().to_owned(), id.as_str().to_owned())));
    }
    Ok(())
}

/// The numbers record, never below what the records themselves show.
fn read_numbers(tables: &Tables, kept: Numbers, last_place: u64) -> Result<Numbers, Error> {
    Ok(Numbers {
        callback: kept.callback.max(last_of(tables, keys::CALLBACK)?),
        event: kept.event.max(last_of(tables, keys::EVENT)?),
        place: kept.place.max(last_place),
        audit: kept.audit.max(last_of(tables, keys::AUDIT)?),
        batch: kept.batch,
    })
}

fn last_of(tables: &Tables, kind: u8) -> Result<u64, Error> {
    let last = tables.tree().scan_prefix([kind]).keys().next_back();
    let last = last.transpose()?;
    Ok(last.and_then(|key| keys::last_number(&key)).unwrap_or(0))
}
