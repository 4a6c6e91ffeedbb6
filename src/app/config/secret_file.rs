//! Keys and tokens that the configuration names by file.
//!
//! Relative paths begin at the configuration file's directory. What is read goes to whoever
//! parses it and nowhere else: no content of these files ever reaches a fault.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::fault::Problem;
use super::mask;
use super::section::Section;
use super::{Environment, Surroundings};

/// No key or token is longer, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Reads the secret that `name` names a file of, without the white space around it.
pub fn read(
    section: &mut Section<'_>,
    name: &'static str,
    around: &Surroundings,
) -> Option<(PathBuf, Zeroizing<String>)> {
    let path: PathBuf = section.optional(name)?;
    if mask::looks_secret(&path.to_string_lossy()) {
        let rule = "this looks like the secret itself: write it to a file and name the file here";
        section.fault(name, Problem::Conflict(rule.to_owned()));
        return None;
    }
    let path = around.directory.join(path);
    match open(&path, around.environment) {
        Ok(text) => Some((path, text)),
        Err(problem) => {
            section.fault(name, problem);
            None
        }
    }
}

/// Says that the file holds something else than it should.
pub fn refuse(section: &Section<'_>, name: &'static str, path: &Path, what: &str) {
    section.fault(name, wrong(path, what.to_owned()));
}

/// Reads a secret, as far as its file is fit to hold one.
///
/// # Errors
/// Says what is wrong with the file, never what is in it.
pub fn open(path: &Path, environment: Environment) -> Result<Zeroizing<String>, Problem> {
    open_within(path, environment, LONGEST)
}

/// The same of a file of at most so many bytes.
///
/// # Errors
/// Says what is wrong with the file, never what is in it.
pub fn open_within(
    path: &Path,
    environment: Environment,
    longest: u64,
) -> Result<Zeroizing<String>, Problem> {
    let unreadable = |error: std::io::Error| wrong(path, format!("cannot be read: {error}"));
    let found = std::fs::metadata(path).map_err(unreadable)?;
    if !found.is_file() || found.len() > longest {
        return Err(wrong(path, "is no file with a key or token".to_owned()));
    }
    if environment == Environment::Production && is_open_to_others(&found) {
        let rule = format!(
            "{} is open to others than its owner: chmod 600",
            path.display()
        );
        return Err(Problem::Production(rule));
    }
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(unreadable)?);
    match text.trim() {
        "" => Err(wrong(path, "is empty".to_owned())),
        trimmed => Ok(Zeroizing::new(trimmed.to_owned())),
    }
}

/// The fault of a file that holds or does something else than it should.
pub(super) fn wrong(path: &Path, what: String) -> Problem {
    let path = path.display().to_string();
    Problem::File { path, what }
}

#[cfg(unix)]
fn is_open_to_others(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    found.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn is_open_to_others(_found: &std::fs::Metadata) -> bool {
    false
}
