//! The admin token: where it is, and the one that a development server makes for itself.
//!
//! Loading reads a configured token and keeps its SHA-256 only. Loading never writes; a token
//! is made by [`AdminToken::ready`], which `serve` calls before it listens.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::fault::Problem;
use super::section::Section;
use super::{Environment, Surroundings, secret_file};

/// The shortest token taken in production, in bytes.
const SHORTEST: usize = 32;

/// Why there is no admin token.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read or written.
    #[error("the admin token file {path} cannot be used")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The system gives no random numbers.
    #[error("the system has no random numbers: {0}")]
    Random(getrandom::Error),
    /// The variable is gone since the configuration was loaded.
    #[error("the environment variable {0} is not set")]
    Variable(String),
}

/// Where the admin token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminToken {
    /// In an environment variable.
    Variable(String),
    /// In the configured file.
    File(PathBuf),
    /// In the file that a development server writes when it starts.
    Own(PathBuf),
}

impl AdminToken {
    /// The token itself, for commands that call the admin API.
    ///
    /// # Errors
    /// When it is not where it should be: an own token exists once the server has started.
    pub fn text(&self) -> Result<Zeroizing<String>, Error> {
        match self {
            AdminToken::Variable(name) => {
                let text = std::env::var(name).map_err(|_| Error::Variable(name.clone()))?;
                Ok(Zeroizing::new(text.trim().to_owned()))
            }
            AdminToken::File(path) | AdminToken::Own(path) => read(path),
        }
    }

    /// Makes the own token where it is needed and not yet there; returns the token's SHA-256.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn ready(&self) -> Result<[u8; 32], Error> {
        if let AdminToken::Own(path) = self
            && !path.exists()
        {
            make(path)?;
        }
        Ok(digest(&self.text()?))
    }
}

/// Reads `admin_token` or `admin_token_file`; the token's SHA-256 where it is known already.
pub fn section(
    section: &mut Section<'_>,
    around: &Surroundings,
    data: &Path,
) -> Option<(AdminToken, [u8; 32])> {
    let given = section.secret("admin_token");
    let file = match given {
        Some(_) => section.optional::<PathBuf>("admin_token_file").and(None),
        None => secret_file::read(section, "admin_token_file", around),
    };
    let (name, token, text) = match (given, file) {
        (Some((variable, text)), _) => ("admin_token", AdminToken::Variable(variable), text),
        (None, Some((path, text))) => ("admin_token_file", AdminToken::File(path), text),
        (None, None) => return own(section, around, data),
    };
    if let Some(problem) = weakness(&text, around.environment) {
        section.fault(name, problem);
        return None;
    }
    Some((token, digest(&text)))
}

fn weakness(text: &str, environment: Environment) -> Option<Problem> {
    let rule = format!("an admin token of at least {SHORTEST} characters");
    match environment {
        _ if text.is_empty() => Some(Problem::Invalid(rule)),
        Environment::Production if text.len() < SHORTEST => Some(Problem::Production(rule)),
        _ => None,
    }
}

/// The token of a development server that was given none. No token has the digest that
/// stands in until [`AdminToken::ready`], so nothing is open meanwhile.
fn own(
    section: &Section<'_>,
    around: &Surroundings,
    data: &Path,
) -> Option<(AdminToken, [u8; 32])> {
    if section.is_given("admin_token_file") || section.is_given("admin_token") {
        return None;
    }
    if around.environment == Environment::Production {
        let expected = format!("the name of a file with at least {SHORTEST} random characters");
        section.missing("admin_token_file", expected);
        return None;
    }
    let beside = data.parent().unwrap_or(Path::new("."));
    Some((AdminToken::Own(beside.join("admin.token")), [0; 32]))
}

fn digest(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

fn failed(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.to_owned();
    |source| Error::File { path, source }
}

fn read(path: &Path) -> Result<Zeroizing<String>, Error> {
    let text = Zeroizing::new(std::fs::read_to_string(path).map_err(failed(path))?);
    match text.trim() {
        "" => Err(failed(path)(io::ErrorKind::UnexpectedEof.into())),
        trimmed => Ok(Zeroizing::new(trimmed.to_owned())),
    }
}

/// Writes a new token, complete or not at all, for its owner only.
fn make(path: &Path) -> Result<(), Error> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *random).map_err(Error::Random)?;
    let mut text = Zeroizing::new(String::with_capacity(65));
    for byte in random.iter() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        // tempfile creates with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(failed(path))
}
