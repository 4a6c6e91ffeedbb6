//! `signature sign|verify|explain`: the Beckn scheme by hand.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use url::Url;

use super::{keys, output};
use crate::crypto::digest::blake2b_512_base64;
use crate::crypto::keys::VerifyingKey;
use crate::crypto::signature::{Header, Signer};
use crate::domain::ids::{KeyId, SubscriberId};
use crate::domain::refusal::{Refusal, Word};
use crate::networks::caller;
use crate::registry::{self, Registry};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Print the Authorization header for a body
    Sign {
        /// The private key file
        #[arg(long)]
        key_file: PathBuf,
        /// First part of the keyId
        #[arg(long)]
        subscriber_id: String,
        /// Second part of the keyId
        #[arg(long)]
        key_id: String,
        /// Unix seconds; now by default
        #[arg(long)]
        created: Option<i64>,
        /// Seconds until it expires
        #[arg(long, default_value_t = 300)]
        lifetime: i64,
        /// The exact bytes to sign, or - for standard input
        body: PathBuf,
    },
    /// Say whether a header is valid for a body; exit code 1 when it is not
    Verify(Check),
    /// Say step by step what a server checks, what it expects and what it got
    Explain(Check),
}

/// What is checked, and against which key.
#[derive(Debug, clap::Args)]
pub(super) struct Check {
    /// The Authorization header's value; leave it out for a request that had none
    #[arg(long)]
    header: Option<String>,
    /// The signer's public key in base64 (32 bytes or SPKI)
    #[arg(long, conflicts_with = "registry")]
    public_key: Option<String>,
    /// The registry to look the key up at
    #[arg(long)]
    registry: Option<Url>,
    /// Our time in Unix seconds; now by default
    #[arg(long)]
    at: Option<i64>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// The exact bytes that were signed, or - for standard input
    body: PathBuf,
}

/// One step of the explanation.
struct Step {
    name: &'static str,
    outcome: Result<String, Refusal>,
}

pub(super) async fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::Sign {
            key_file,
            subscriber_id,
            key_id,
            created,
            lifetime,
            body,
        } => {
            let signer = Signer {
                subscriber_id: subscriber_id.clone(),
                key_id: key_id.clone(),
                key: keys::read(key_file)?,
                lifetime_seconds: *lifetime,
            };
            let created = created.unwrap_or_else(|| Utc::now().timestamp());
            println!("{}", signer.authorization(&bytes(body)?, created));
            Ok(())
        }
        Command::Verify(check) => finish(&steps(check).await?, check.json, false),
        Command::Explain(check) => finish(&steps(check).await?, check.json, true),
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

/// The checks of the server in its order, up to the first that fails.
async fn steps(check: &Check) -> anyhow::Result<Vec<Step>> {
    let body = bytes(&check.body)?;
    let now = check
        .at
        .map_or(Some(Utc::now()), |at| DateTime::from_timestamp(at, 0));
    let now = now.context("--at is out of range")?;
    let mut steps = Vec::new();
    let header = match caller::read_header(check.header.as_deref(), now) {
        Ok(header) => header,
        Err(refusal) => {
            steps.push(Step {
                name: "header and time window",
                outcome: Err(refusal),
            });
            return Ok(steps);
        }
    };
    let window = format!(
        "signed by {} with key {}, created {}, expires {}, our time {}",
        header.subscriber_id,
        header.key_id,
        header.created,
        header.expires,
        now.timestamp()
    );
    steps.push(Step {
        name: "header and time window",
        outcome: Ok(window),
    });
    if let Some(outcome) = signer(&header, &body) {
        let failed = outcome.is_err();
        steps.push(Step {
            name: "signer is the caller",
            outcome,
        });
        if failed {
            return Ok(steps);
        }
    }
    let key = match key(check, &header, now).await? {
        Ok(key) => key,
        Err(refusal) => {
            steps.push(Step {
                name: "key",
                outcome: Err(refusal),
            });
            return Ok(steps);
        }
    };
    steps.push(Step {
        name: "key",
        outcome: Ok(format!("fingerprint {}", key.fingerprint())),
    });
    steps.push(Step {
        name: "signature",
        outcome: signature(&header, &body, &key),
    });
    Ok(steps)
}

/// Who the body's context names, when there is a context.
fn signer(header: &Header, body: &[u8]) -> Option<Result<String, Refusal>> {
    let message: Value = serde_json::from_slice(body).ok()?;
    let context = message.get("context")?;
    let named = context["bap_id"]
        .as_str()
        .and_then(|id| SubscriberId::parse(id).ok());
    let same = || format!("context.bap_id is {} too", header.subscriber_id);
    Some(caller::check_signer(header, named.as_ref()).map(|()| same()))
}

async fn key(
    check: &Check,
    header: &Header,
    now: DateTime<Utc>,
) -> anyhow::Result<Result<VerifyingKey, Refusal>> {
    if let Some(text) = &check.public_key {
        let unusable =
            |error: crate::crypto::keys::Error| Refusal::new(Word::KeyNotUsable, error.to_string());
        return Ok(VerifyingKey::parse(text.trim()).map_err(unusable));
    }
    let Some(url) = &check.registry else {
        bail!("name the signer's key with --public-key, or a --registry to look it up at");
    };
    let settings = registry::Settings::at(url.clone());
    let client = super::http_client()?;
    let (id, key) = (
        SubscriberId::parse(&header.subscriber_id)?,
        KeyId::parse(&header.key_id)?,
    );
    let found = Registry::new(settings, client)
        .subscriber(&id, &key, now)
        .await;
    Ok(found
        .map(|s| s.verifying_key.clone())
        .map_err(|error| caller::from_registry(&error)))
}

fn signature(header: &Header, body: &[u8], key: &VerifyingKey) -> Result<String, Refusal> {
    header
        .verify(body, key)
        .map_err(|error| caller::from_signature(&error))?;
    let digest = blake2b_512_base64(body);
    let signed = header.signing_string(&digest);
    Ok(format!(
        "verified over the {} bytes of the body; the signed text is\n{signed}",
        body.len()
    ))
}

fn finish(steps: &[Step], json: bool, explain: bool) -> anyhow::Result<()> {
    let failed = steps.iter().find_map(|step| step.outcome.as_ref().err());
    if json {
        print_json(steps, failed);
    } else if explain {
        print_steps(steps);
    } else if failed.is_none() {
        println!("verified");
    }
    match failed {
        Some(refusal) => bail!("{refusal}"),
        None => Ok(()),
    }
}

fn print_json(steps: &[Step], failed: Option<&Refusal>) {
    let shown = |step: &Step| match &step.outcome {
        Ok(text) => json!({"step": step.name, "ok": true, "detail": text}),
        Err(refusal) => json!({"step": step.name, "ok": false,
            "reason": refusal.word.as_str(), "detail": refusal.detail}),
    };
    output::json(&json!({
        "verified": failed.is_none(),
        "reason": failed.map(|refusal| refusal.word.as_str()),
        "steps": steps.iter().map(shown).collect::<Vec<_>>(),
    }));
}

fn print_steps(steps: &[Step]) {
    for step in steps {
        match &step.outcome {
            Ok(text) => println!(
                "ok      {}: {}",
                step.name,
                text.replace('\n', "\n          ")
            ),
            Err(refusal) => println!("FAILED  {}: {refusal}", step.name),
        }
    }
}
