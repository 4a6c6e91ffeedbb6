//! `keys new|show`: signing pairs, in every encoding networks ask for.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde_json::json;

use super::output;
use crate::crypto::keys::SigningKey;
use crate::crypto::published::is_published;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a signing pair; the private half goes to a file that only you can read
    ///
    /// Prints the public half in the two encodings that registries ask for. The private half is
    /// never printed.
    New {
        /// The file to write; an existing one is never overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the public half of a signing key file, as registries ask for it
    Show {
        /// The private key: base64 of a 32-byte seed, a 64-byte pair, or PKCS#8
        file: PathBuf,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::New { out, json } => {
            let key = SigningKey::generate()?;
            write_private(out, &key.to_seed_base64())?;
            show(&key, out, *json);
        }
        Command::Show { file, json } => show(&read(file)?, file, *json),
    }
    Ok(())
}

/// Reads a private key file.
pub(super) fn read(file: &Path) -> anyhow::Result<SigningKey> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    SigningKey::parse(&text).with_context(|| format!("{} is no signing key", file.display()))
}

fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => anyhow::anyhow!(
                "{} is there already, and a key is never overwritten; name another --out",
                path.display()
            ),
            _ => anyhow::anyhow!("cannot create {}: {error}", path.display()),
        })?;
    writeln!(file, "{text}")?;
    file.sync_all()
        .with_context(|| format!("cannot write {}", path.display()))
}

fn show(key: &SigningKey, file: &Path, json: bool) {
    let public = key.verifying_key();
    let published = is_published(&public);
    if json {
        output::json(&json!({
            "file": file,
            "fingerprint": public.fingerprint(),
            "public_base64": public.to_base64(),
            "public_spki_base64": public.to_spki_base64(),
            "published": published,
        }));
        return;
    }
    println!("private key          {}", file.display());
    println!("fingerprint          {}", public.fingerprint());
    println!("public, 32 bytes     {}", public.to_base64());
    println!("public, SPKI DER     {}", public.to_spki_base64());
    if published {
        println!("published            everybody has this private key: production refuses it");
    }
}
