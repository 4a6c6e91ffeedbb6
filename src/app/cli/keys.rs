//! `keys new|show|rotate`: signing and encryption pairs, in every encoding networks ask for.
//!
//! Private halves are read from files and written to new ones, never printed. Which of the two
//! curves a file is for can be told from DER only; 32 raw bytes are taken for a signing key
//! unless the command says otherwise.

mod rotate;

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde_json::json;
use zeroize::Zeroizing;

use super::output;
use crate::crypto::encryption::EncryptionKey;
use crate::crypto::keys::{self, SigningKey};
use crate::crypto::published::{is_published, is_published_encryption};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Make a pair; the private half goes to a file that only you can read
    ///
    /// A signing pair (Ed25519) signs what we send; an encryption pair (X25519) opens the
    /// challenges of a registry. Prints the public half in the two encodings that registries ask
    /// for. The private half is never printed.
    New {
        /// The file to write; an existing one is never overwritten
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Make an encryption pair
        #[arg(long)]
        encryption: bool,
        /// How the private half is written, always in base64
        #[arg(long, value_enum, default_value_t = Encoding::Raw)]
        encoding: Encoding,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Show the public half of a key file, as registries ask for it
    Show {
        /// The private key: base64 of 32 bytes, of a 64-byte signing pair, or of PKCS#8
        file: PathBuf,
        /// It is an encryption key (which PKCS#8 says itself)
        #[arg(long)]
        encryption: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a network a new signing key while its server runs, in two steps
    ///
    /// The first makes the key that comes next, in a file beside the one in use. Then the
    /// registry is told of it with `registry subscribe --next`. The second, --activate, puts it
    /// in the place of the one in use; a running server follows within a second. Refused while
    /// the registry does not list the new key.
    Rotate(rotate::Arguments),
}

/// How a private key is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Encoding {
    /// 32 bytes: the seed of a signing key, an encryption key itself
    Raw,
    /// 64 bytes, as libsodium has them: seed and public key (signing keys only)
    Pair,
    /// PKCS#8 DER
    Pkcs8,
}

/// A key of either kind.
enum Key {
    Signing(SigningKey),
    Encryption(EncryptionKey),
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Rotate(arguments) => rotate::run(arguments).await?,
        Command::New {
            out,
            encryption,
            encoding,
            json,
        } => {
            let key = match encryption {
                true => Key::Encryption(EncryptionKey::generate()?),
                false => Key::Signing(SigningKey::generate()?),
            };
            write_private(out, &key.written(*encoding)?)?;
            key.show(out, *json);
        }
        Command::Show {
            file,
            encryption,
            json,
        } => read_any(file, *encryption)?.show(file, *json),
    }
    Ok(())
}

/// Reads a private signing key file.
pub(super) fn read(file: &Path) -> anyhow::Result<SigningKey> {
    let named = SigningKey::parse_named(&text(file)?).map(|(_, key)| key);
    named.with_context(|| format!("{} is no signing key", file.display()))
}

fn text(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let text = std::fs::read_to_string(file);
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    Ok(Zeroizing::new(text))
}

fn read_any(file: &Path, encryption: bool) -> anyhow::Result<Key> {
    let text = text(file)?;
    let is_other = || SigningKey::parse(&text).is_err_and(|e| e == keys::Error::EncryptionKey);
    if encryption || is_other() {
        let key = EncryptionKey::parse(&text);
        let key = key.with_context(|| format!("{} is no encryption key", file.display()))?;
        return Ok(Key::Encryption(key));
    }
    Ok(Key::Signing(read(file)?))
}

/// Writes a secret to a new file that only its owner can read.
pub(super) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(|error| match error.kind() {
            ErrorKind::AlreadyExists => anyhow::anyhow!(
                "{} is there already, and is never overwritten; name another --out",
                path.display()
            ),
            _ => anyhow::anyhow!("cannot create {}: {error}", path.display()),
        })?;
    writeln!(file, "{text}")?;
    file.sync_all()
        .with_context(|| format!("cannot write {}", path.display()))
}

impl Key {
    /// The private half in base64.
    fn written(&self, encoding: Encoding) -> anyhow::Result<Zeroizing<String>> {
        Ok(match (self, encoding) {
            (Key::Signing(key), Encoding::Raw) => key.to_seed_base64(),
            (Key::Signing(key), Encoding::Pair) => key.to_pair_base64(),
            (Key::Signing(key), Encoding::Pkcs8) => key.to_pkcs8_base64(),
            (Key::Encryption(key), Encoding::Raw) => key.to_raw_base64(),
            (Key::Encryption(key), Encoding::Pkcs8) => key.to_pkcs8_base64(),
            (Key::Encryption(_), Encoding::Pair) => {
                bail!("only signing keys are written as a pair; take --encoding raw or pkcs8")
            }
        })
    }

    fn show(&self, file: &Path, json: bool) {
        let (kind, fingerprint, raw, spki, published) = match self {
            Key::Signing(key) => {
                let public = key.verifying_key();
                let published = is_published(&public);
                let (raw, spki) = (public.to_base64(), public.to_spki_base64());
                ("signing", public.fingerprint(), raw, spki, published)
            }
            Key::Encryption(key) => {
                let public = key.public_key();
                let published = is_published_encryption(&public);
                let (raw, spki) = (public.to_base64(), public.to_spki_base64());
                ("encryption", public.fingerprint(), raw, spki, published)
            }
        };
        if json {
            output::json(&json!({
                "file": file,
                "kind": kind,
                "fingerprint": fingerprint,
                "public_base64": raw,
                "public_spki_base64": spki,
                "published": published,
            }));
            return;
        }
        println!("private key          {}", file.display());
        println!("for                  {kind}");
        println!("fingerprint          {fingerprint}");
        println!("public, 32 bytes     {raw}");
        println!("public, SPKI DER     {spki}");
        if published {
            println!("published            everybody has this private key: production refuses it");
        }
    }
}
