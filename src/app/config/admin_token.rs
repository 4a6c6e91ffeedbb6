//! The admin token with all scopes: where it is, and the one that a development server makes.
//!
//! Loading reads a configured token and looks whether it will do. Loading never writes; a token
//! is made by [`AdminToken::make_if_own`], before the server listens. The others are in
//! `named_token`.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::fault::Problem;
use super::section::Section;
use super::{Environment, Surroundings, secret_file};

/// The shortest token taken in production, in bytes: 256 bits in base64 are as many characters.
const SHORTEST: usize = 43;

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
    /// It is not what it should be.
    #[error("the admin token: {0}")]
    Unfit(Problem),
    /// There are only named tokens, whose texts nobody has kept.
    #[error("no admin_token_file is configured")]
    None,
    /// The variable is gone since the configuration was loaded.
    #[error("the environment variable {0} is not set")]
    Variable(String),
}

/// Where the admin token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdminToken {
    /// In an environment variable, which does not change: its name, and the token's SHA-256.
    Variable(String, [u8; 32]),
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
            AdminToken::Variable(name, _) => {
                let text = std::env::var(name).map_err(|_| Error::Variable(name.clone()))?;
                Ok(Zeroizing::new(text.trim().to_owned()))
            }
            AdminToken::File(path) | AdminToken::Own(path) => read(path),
        }
    }

    /// Makes the own token where it is needed and not yet there.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn make_if_own(&self) -> Result<(), Error> {
        match self {
            AdminToken::Own(path) if !path.exists() => make(path),
            _ => Ok(()),
        }
    }

    /// The SHA-256 of the token as it is now.
    ///
    /// # Errors
    /// When it cannot be read, or would not be taken at the start.
    pub fn sha256(&self, environment: Environment) -> Result<[u8; 32], Error> {
        let text = match self {
            AdminToken::Variable(_, sha256) => return Ok(*sha256),
            AdminToken::File(path) | AdminToken::Own(path) => {
                secret_file::open(path, environment).map_err(Error::Unfit)?
            }
        };
        match weakness(&text, environment) {
            Some(problem) => Err(Error::Unfit(problem)),
            None => Ok(sha256(&text)),
        }
    }

    /// The file that it is in.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            AdminToken::Variable(..) => None,
            AdminToken::File(path) | AdminToken::Own(path) => Some(path),
        }
    }
}

/// Reads `admin_token` or `admin_token_file`; production does without where `others` can get in.
pub fn section(
    section: &mut Section<'_>,
    around: &Surroundings,
    data: &Path,
    others: bool,
) -> Option<AdminToken> {
    let given = section.secret("admin_token");
    let file = match given {
        Some(_) => section.optional::<PathBuf>("admin_token_file").and(None),
        None => secret_file::read(section, "admin_token_file", around),
    };
    let (name, token, text) = match (given, file) {
        (Some((variable, text)), _) => {
            let token = AdminToken::Variable(variable, sha256(&text));
            ("admin_token", token, text)
        }
        (None, Some((path, text))) => ("admin_token_file", AdminToken::File(path), text),
        (None, None) => return own(section, around, data, others),
    };
    if let Some(problem) = weakness(&text, around.environment) {
        section.fault(name, problem);
        return None;
    }
    Some(token)
}

fn weakness(text: &str, environment: Environment) -> Option<Problem> {
    let rule = format!("an admin token of at least {SHORTEST} characters");
    match environment {
        _ if text.is_empty() => Some(Problem::Invalid(rule)),
        Environment::Production if text.len() < SHORTEST => Some(Problem::Production(rule)),
        _ => None,
    }
}

/// The token of a development server that was given none.
fn own(
    section: &Section<'_>,
    around: &Surroundings,
    data: &Path,
    others: bool,
) -> Option<AdminToken> {
    if section.is_given("admin_token_file") || section.is_given("admin_token") {
        return None;
    }
    if around.environment == Environment::Production {
        if !others {
            let expected = format!(
                "the name of a file with at least {SHORTEST} random characters, or sections \
                 [admin_token.NAME]"
            );
            section.missing("admin_token_file", expected);
        }
        return None;
    }
    let beside = data.parent().unwrap_or(Path::new("."));
    Some(AdminToken::Own(beside.join("admin.token")))
}

/// How tokens are kept.
#[must_use]
pub fn sha256(text: &str) -> [u8; 32] {
    Sha256::digest(text.as_bytes()).into()
}

/// A new token: 256 random bits in hexadecimal.
///
/// # Errors
/// When the system gives no random numbers.
pub fn random() -> Result<Zeroizing<String>, Error> {
    let mut random = Zeroizing::new([0_u8; 32]);
    getrandom::fill(&mut *random).map_err(Error::Random)?;
    Ok(Zeroizing::new(hex(&random)))
}

/// Bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
    let text = random()?;
    let directory = path.parent().unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        std::fs::create_dir_all(directory)?;
        // tempfile creates with mode 0600.
        let mut file = tempfile::NamedTempFile::new_in(directory)?;
        writeln!(file, "{}", *text)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    write().map_err(failed(path))
}
