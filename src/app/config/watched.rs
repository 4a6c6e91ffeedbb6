//! Files that are read again when they change, while the server runs: keys and tokens, and nothing
//! else.
//!
//! Each is looked at once a second. What is there is read when the file is another than at the
//! last look, and given to whoever takes it; a file that cannot be used is told of once and
//! changes nothing, so what was read before stays in use. A file may be replaced as a whole or
//! be a link that is turned elsewhere, as mounted secrets are.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::watch;
use tracing::{error, info};

use super::fault::Problem;

/// How often each file is looked at.
const EVERY: Duration = Duration::from_secs(1);

/// What came of reading a file again: a sentence when something is different now.
pub type Taken = Result<Option<String>, Problem>;

/// A file with what happens when it changes.
pub struct Watched {
    path: PathBuf,
    /// What was seen last; nothing before the first look, which therefore always reads.
    seen: Option<Option<Stamp>>,
    take: Box<dyn Fn(&Path) -> Taken + Send>,
}

/// What tells two states of a file apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    inode: (u64, u64),
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Watched {
    /// `take` reads the file, which may be gone, and puts what is there into use.
    pub fn new(path: PathBuf, take: impl Fn(&Path) -> Taken + Send + 'static) -> Self {
        Self {
            path,
            seen: None,
            take: Box::new(take),
        }
    }

    /// Reads the file if it is another than at the last look.
    pub fn look(&mut self) {
        let found = stamp(&self.path);
        if self.seen.replace(found) == Some(found) {
            return;
        }
        let file = self.path.display();
        match (self.take)(&self.path) {
            Ok(None) => {}
            Ok(Some(news)) => info!(%file, "{news}"),
            Err(problem) => error!(%problem, "a file changed and is not used"),
        }
    }
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp {
        inode: (found.dev(), found.ino()),
        bytes: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

/// Looks at all files again and again, until told to stop.
pub async fn watch(mut files: Vec<Watched>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            // A sender that is gone means the same as one that says stop.
            _ = stopped.wait_for(|stop| *stop) => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let looking = tokio::task::spawn_blocking(move || {
            files.iter_mut().for_each(Watched::look);
            files
        });
        match looking.await {
            Ok(looked_at) => files = looked_at,
            Err(error) => {
                error!(%error, "files of keys and tokens are not looked at any more");
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_file_is_read_when_it_is_another_and_not_otherwise() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("key");
        let (heard, read) = mpsc::channel();
        let mut watched = Watched::new(path.clone(), move |path| {
            heard.send(fs::read_to_string(path).ok()).expect("heard");
            Ok(None)
        });
        let mut look = || {
            watched.look();
            let all: Vec<_> = read.try_iter().collect();
            all
        };
        assert_eq!(look(), [None], "the first look reads, whatever is there");
        assert!(look().is_empty(), "still not there");
        fs::write(&path, "one").expect("written");
        assert_eq!(look(), [Some("one".to_owned())]);
        assert!(look().is_empty(), "the same file");
        let beside = directory.path().join("other");
        fs::write(&beside, "two").expect("written");
        fs::rename(&beside, &path).expect("renamed");
        assert_eq!(look(), [Some("two".to_owned())]);
        fs::remove_file(&path).expect("removed");
        assert_eq!(look(), [None]);
    }
}
