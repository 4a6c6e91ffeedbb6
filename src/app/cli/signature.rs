//! `signature sign|verify|explain`: the schemes of Beckn and UHI by hand.
//!
//! The arguments are here; the checks, in the order of the server, are in `steps`, what is said
//! about them in `explain`, and guesses at why a signature does not hold in `near`. `evidence` is
//! the same for all that was exported of a transaction. Nothing here verifies by other code than
//! the server's.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use url::Url;

use super::keys;
use crate::crypto::signature::{Header, Scheme, Signer};

mod evidence;
mod explain;
mod near;
mod steps;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the Authorization header for a body
    Sign(Sign),
    /// Say whether a header is valid for a body; exit code 1 when it is not
    Verify(Check),
    /// Say step by step what a server checks, what it expects and what it got
    ///
    /// The steps are those of a server that gets the request: header, time, caller, key,
    /// signature. The first that fails is the answer it would give, by its fixed word. Exit
    /// code 1 when one fails.
    Explain(Check),
}

/// What is signed, and as whom.
#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    /// The private key file
    #[arg(long, value_name = "FILE")]
    key_file: PathBuf,
    /// Who signs: the first part of the keyId
    #[arg(long, value_name = "ID")]
    subscriber_id: String,
    /// With which of its keys: the second part of the keyId
    #[arg(long, value_name = "ID")]
    key_id: String,
    /// When it is signed, in Unix seconds [default: now]
    #[arg(long, value_name = "SECONDS")]
    created: Option<i64>,
    /// Make the header of UHI, a JSON object; such headers are recognised by `verify`
    #[arg(long)]
    uhi: bool,
    /// Seconds until it expires; most servers take an hour at most
    #[arg(long, value_name = "SECONDS", default_value_t = 300, value_parser = clap::value_parser!(i64).range(1..))]
    lifetime: i64,
    /// File with the exact bytes to sign, or - for standard input
    body: PathBuf,
}

/// What is checked, and against which key.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("key").required(true))]
pub(super) struct Check {
    /// The Authorization header's value; leave it out for a request that had none
    #[arg(long, value_name = "TEXT")]
    header: Option<String>,
    /// The header is an X-Gateway-Authorization: a gateway signs what others wrote
    #[arg(long)]
    gateway: bool,
    /// The signer's public key in base64 (32 bytes or SPKI)
    #[arg(long, group = "key", value_name = "BASE64")]
    public_key: Option<String>,
    /// The registry to look the key up at; /lookup is added
    #[arg(long, group = "key", value_name = "URL")]
    registry: Option<Url>,
    /// The time to check at, in Unix seconds [default: now]
    #[arg(long, value_name = "SECONDS")]
    at: Option<i64>,
    /// A directory that `transaction export` wrote: everything in it, each signature at the
    /// time it was judged at, without a registry
    #[arg(long, group = "key", value_name = "DIR", conflicts_with_all = ["header", "gateway", "at", "body"])]
    evidence: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// File with the exact bytes that were signed, or - for standard input
    #[arg(required_unless_present = "evidence")]
    body: Option<PathBuf>,
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Sign(sign) => print_header(sign),
        Command::Verify(check) => finish(check, false).await,
        Command::Explain(check) => finish(check, true).await,
    }
}

fn print_header(sign: &Sign) -> anyhow::Result<()> {
    let signer = Signer {
        scheme: match sign.uhi {
            true => Scheme::Uhi,
            false => Scheme::Beckn,
        },
        subscriber_id: sign.subscriber_id.clone(),
        key_id: sign.key_id.clone(),
        key: keys::read(&sign.key_file)?,
        lifetime_seconds: sign.lifetime,
    };
    let created = sign.created.unwrap_or_else(|| Utc::now().timestamp());
    let header = signer.authorization(&bytes(&sign.body)?, created);
    // An id with a bar or a quote in it would make a header that nobody can read.
    Header::read(signer.scheme, &header).context("no server would take the header this makes")?;
    println!("{header}");
    Ok(())
}

async fn finish(check: &Check, explain: bool) -> anyhow::Result<()> {
    if let Some(directory) = &check.evidence {
        return evidence::check(directory, explain, check.json).await;
    }
    let body = bytes(check.body.as_deref().unwrap_or(Path::new("-")))?;
    let now = match check.at {
        Some(at) => DateTime::from_timestamp(at, 0).context("--at is out of range")?,
        None => Utc::now(),
    };
    let checked = steps::check(check, &body, now).await?;
    match (check.json, explain) {
        (true, _) => super::output::json(&checked.to_json()),
        (false, true) => checked.print(),
        (false, false) if checked.failed().is_none() => println!("verified"),
        (false, false) => {}
    }
    match checked.failed() {
        // What was shown above is not said again.
        Some(refusal) if explain || check.json => bail!(refusal.word.as_str()),
        Some(refusal) => bail!("{refusal}"),
        None => Ok(()),
    }
}

fn bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match path.as_os_str() == "-" {
        true => std::io::stdin().lock().read_to_end(&mut bytes)?,
        false => std::fs::File::open(path)
            .and_then(|mut file| file.read_to_end(&mut bytes))
            .with_context(|| format!("cannot read {}", path.display()))?,
    };
    Ok(bytes)
}
