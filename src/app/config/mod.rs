//! The configuration: compiled-in defaults, one TOML file, environment variables, in this order.
//!
//! [`load`] reads it in three steps: the file becomes a `tree` with the line of every value,
//! `variables` are laid over it, and each section's file here turns its part into the `Settings`
//! of the module it governs. All faults are found in one run; nothing half-read ever gets out.
//! Loading reads files but writes none and opens no socket. `config.default.toml` documents
//! every setting.

mod admin_token;
mod bookings;
mod consultations;
mod delivery;
mod fault;
mod handshake;
mod http;
mod kind;
mod log;
mod mask;
mod named_token;
mod network;
mod policy;
mod provider;
mod reasons;
mod registry;
mod report;
mod retention;
mod secret_file;
mod section;
mod show;
mod signing_key;
mod similar;
mod store;
mod tree;
mod units;
mod values;
mod variables;
mod watched;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use admin_token::{AdminToken, Error as AdminTokenError, hex, random, sha256};
pub use bookings::Bookings;
pub use fault::{Fault, Faults, Place, Problem};
pub use named_token::{NamedToken, name_fault as token_name_fault, parse_sha256};
pub use policy::inline as inline_policy;
pub use provider::Provider;
pub use report::Shown;
pub use secret_file::open_within as open_private;
pub use show::{render_check, render_show};
pub use signing_key::{KeyFiles, beside};
pub use units::duration;
pub use watched::{Watched, watch};

use self::report::Report;
use self::section::Section;
use self::tree::Table;
use self::values::Word;
use super::admin_tokens::AdminTokens;
use super::telemetry;
use crate::domain::policy::Policy;

/// Every setting with its default and a comment, as `config defaults` prints it.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// How careful to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Environment {
    /// On a laptop: http, loopback and published keys are fine.
    Development,
    /// On a network.
    Production,
}

impl Word for Environment {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("production", Environment::Production),
        ("development", Environment::Development),
    ];
}

impl Environment {
    /// The word in the configuration.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Environment::Development => "development",
            Environment::Production => "production",
        }
    }
}

/// A configuration without faults.
pub struct Config {
    /// How careful to be.
    pub environment: Environment,
    /// The listeners and their limits.
    pub http: crate::http::Settings,
    /// Where the admin tokens are.
    pub admin_tokens: AdminTokens,
    /// Where things are kept.
    pub store: crate::store::Settings,
    /// The joined networks, by name.
    pub networks: Vec<crate::networks::Settings>,
    /// Cancellation terms by name; `default` is for orders that name none.
    pub policies: BTreeMap<String, Policy>,
    /// How callbacks are sent.
    pub delivery: crate::delivery::Settings,
    /// How long things are kept.
    pub retention: super::retention::Settings,
    /// The door of booking apps, where it is open.
    pub bookings: Option<Bookings>,
    /// Where the provider's systems are.
    pub provider: Provider,
    /// The door of partners' apps, where it is open.
    pub consultations: Option<crate::http::consultations::Settings>,
    /// What is logged.
    pub log: telemetry::Settings,
    /// Where the signing keys of each network are, by its name; nothing for a key in a variable.
    pub key_files: BTreeMap<String, KeyFiles>,
    /// What is read again while the server runs.
    pub watched: Vec<Watched>,
    /// Every setting with its origin.
    pub shown: Vec<Shown>,
}

/// What the sections need to know of each other.
struct Surroundings {
    environment: Environment,
    /// Where relative paths begin: the directory of the configuration file.
    directory: PathBuf,
    /// What was found on the way, for [`Config`].
    key_files: RefCell<BTreeMap<String, KeyFiles>>,
    watched: RefCell<Vec<Watched>>,
}

impl Surroundings {
    fn new(environment: Environment, directory: &Path) -> Self {
        Self {
            environment,
            directory: directory.to_owned(),
            key_files: RefCell::default(),
            watched: RefCell::default(),
        }
    }

    fn watch(&self, file: Watched) {
        self.watched.borrow_mut().push(file);
    }
}

/// Reads the configuration from `path`, if there is one, and from the environment.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load(
    path: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<Config, Faults> {
    let (mut table, place) = match path {
        Some(path) => read_file(path)?,
        None => (Table::new(), Place::Default),
    };
    let report = Report::default();
    let faults = variables::overlay(&mut table, env);
    report.faults.borrow_mut().extend(faults);
    let directory = path.and_then(Path::parent).unwrap_or(Path::new(""));
    let config = read(Section::root(&report, table, place), directory);
    match (config, report.faults.into_inner()) {
        (config, faults) if faults.is_empty() => Ok(Config {
            shown: report.shown.into_inner(),
            ..config
        }),
        (_, faults) => Err(sorted(faults)),
    }
}

/// What else a configuration has beside policies.
const OTHER_SECTIONS: [&str; 12] = [
    "environment",
    "http",
    "admin_token",
    "limits",
    "store",
    "network",
    "delivery",
    "retention",
    "log",
    "provider",
    "consultations",
    "bookings",
];

/// Reads the policies of a file alone, in which nothing else need be; what else there is, is not
/// looked at.
///
/// # Errors
/// Everything that is wrong with the policies, and that there are none.
pub fn load_policies(path: &Path) -> Result<BTreeMap<String, Policy>, Faults> {
    let (table, place) = read_file(path)?;
    let report = Report::default();
    let mut root = Section::root(&report, table, place);
    root.skip(&OTHER_SECTIONS);
    let policies = policy::read(&mut root);
    if policies.is_empty() && !root.has_faults_below("policy") {
        root.missing("policy", "at least one [policy.NAME]".to_owned());
    }
    root.finish();
    match report.faults.into_inner() {
        faults if faults.is_empty() => Ok(policies),
        faults => Err(sorted(faults)),
    }
}

/// Reads the door of booking apps alone, from where [`load`] reads all: its keys can be seen to
/// where the rest of the configuration is not at hand, or has faults.
///
/// # Errors
/// Everything that is wrong with its section.
pub fn load_bookings(
    path: Option<&Path>,
    env: impl Iterator<Item = (String, String)>,
) -> Result<(Environment, Option<Bookings>), Faults> {
    let (mut table, place) = match path {
        Some(path) => read_file(path)?,
        None => (Table::new(), Place::Default),
    };
    let prefixes = ["BECKN_BPP__BOOKINGS__", "BECKN_BPP__ENVIRONMENT"];
    let env = env.filter(|(name, _)| prefixes.iter().any(|prefix| name.starts_with(prefix)));
    let report = Report::default();
    let faults = variables::overlay(&mut table, env);
    report.faults.borrow_mut().extend(faults);
    let mut root = Section::root(&report, table, place);
    let environment = root.or("environment", Environment::Production);
    let directory = path.and_then(Path::parent).unwrap_or(Path::new(""));
    let bookings = bookings::read(&mut root, &Surroundings::new(environment, directory));
    match report.faults.into_inner() {
        faults if faults.is_empty() => Ok((environment, bookings)),
        faults => Err(sorted(faults)),
    }
}

/// Our variables of the present process; what is no Unicode is passed with replacements.
pub fn process_environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().map(|(name, value)| {
        let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
        (text(name), text(value))
    })
}

fn read_file(path: &Path) -> Result<(Table, Place), Faults> {
    let file: Arc<str> = path.to_string_lossy().into();
    let unreadable = |error: std::io::Error| Fault {
        key: String::new(),
        place: Place::File(Arc::clone(&file)),
        value: None,
        problem: Problem::File {
            path: file.to_string(),
            what: format!("cannot be read: {error}"),
        },
    };
    let text = std::fs::read_to_string(path).map_err(|error| Faults(vec![unreadable(error)]))?;
    let table = tree::parse(&text, &file).map_err(Faults)?;
    Ok((table, Place::File(file)))
}

fn read(mut root: Section<'_>, directory: &Path) -> Config {
    let environment = root.or("environment", Environment::Production);
    let around = Surroundings::new(environment, directory);
    let store = store::read(&mut root, &around);
    let crate::store::Settings::Sled { path: data, .. } = &store;
    let (http, admin_tokens) = http::read(&mut root, &around, data);
    let mut networks = network::read(&mut root, &around);
    let policies = policy::read(&mut root);
    let delivery = delivery::read(&mut root);
    let retention = retention::read(&mut root);
    let log = log::read(&mut root);
    let consultations = consultations::read(&mut root, &around, &mut networks);
    let bookings = bookings::read(&mut root, &around);
    let provider = provider::read(&mut root, &around);
    let delivery = crate::delivery::Settings {
        events: provider.events.clone(),
        ..delivery
    };
    root.finish();
    Config {
        environment,
        http,
        admin_tokens,
        store,
        networks,
        policies,
        delivery,
        retention,
        consultations,
        bookings,
        provider,
        log,
        key_files: around.key_files.into_inner(),
        watched: around.watched.into_inner(),
        shown: Vec::new(),
    }
}

/// Names of networks and policies appear in variables, metrics and addresses.
fn check_name(section: &Section<'_>, name: &str, reserved: &[&str]) {
    if let Some(rule) = name_fault(name, reserved) {
        section.fault_here(Problem::Invalid(rule));
    }
}

/// What a name should be, where it is not.
fn name_fault(name: &str, reserved: &[&str]) -> Option<String> {
    let fine = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(fine) || name.contains("__") {
        return Some("a name of at most 64 letters, digits, '-' and single '_'".to_owned());
    }
    let rule = || format!("another name than `{name}`, which has a meaning of its own");
    reserved.contains(&name).then(rule)
}

/// In the order of the file; what is in no line comes last.
fn sorted(mut faults: Vec<Fault>) -> Faults {
    let rank = |fault: &Fault| match &fault.place {
        Place::Line { line, .. } => (0, *line, fault.key.clone()),
        Place::File(_) => (1, 0, fault.key.clone()),
        Place::Default | Place::Variable(_) => (2, 0, fault.key.clone()),
    };
    faults.sort_by_key(rank);
    Faults(faults)
}
