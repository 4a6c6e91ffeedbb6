//! `signature verify --evidence DIR`: an exported session, checked without anybody's help.
//!
//! First the manifest's own signature, then every file against the manifest, then every
//! signature of a request or an attempt, at the time it was judged or made at. One line for each
//! thing; each that fails names its file. Whose keys they are is printed, not known: a reader
//! compares the fingerprints with the registry.

use std::path::{Component, Path};

use anyhow::bail;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::steps;
use super::{Check, bytes};
use crate::app::cli::output;
use crate::crypto::digest::blake2b_512_base64;
use crate::crypto::keys::VerifyingKey;
use crate::crypto::signature::Header;
use crate::domain::told::told;
use crate::http::admin::evidence::manifest::{
    Callback, Digest, FORMAT, MANIFEST, MANIFEST_AUTHORIZATION, MANIFEST_KEY, Manifest, Request,
    Sent,
};
use crate::protocol::on_cancel::rfc3339;

/// How one thing was found.
enum Found {
    Holds(String),
    NotChecked(String),
    Fails(String),
}

/// One thing with its file.
struct Line {
    file: String,
    found: Found,
}

/// What is checked, and how much is told.
struct Desk<'a> {
    directory: &'a Path,
    explain: bool,
    lines: Vec<Line>,
}

/// Checks all of it; exit code 1 when anything fails.
pub(super) async fn check(directory: &Path, explain: bool, json: bool) -> anyhow::Result<()> {
    let mut desk = Desk {
        directory,
        explain: explain && !json,
        lines: Vec::new(),
    };
    let text = bytes(&directory.join(MANIFEST))?;
    match serde_json::from_slice::<Manifest>(&text) {
        Err(error) => desk.say(MANIFEST, Found::Fails(format!("is no manifest: {error}"))),
        Ok(manifest) if manifest.format != FORMAT => bail!(
            "the manifest has format {}, this release reads {FORMAT}: use a newer release",
            manifest.format
        ),
        Ok(manifest) => desk.all(&manifest).await?,
    }
    desk.finish(json)
}

impl Desk<'_> {
    async fn all(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        self.manifest(manifest).await?;
        for (name, digest) in &manifest.files {
            let found = self.file(name, digest);
            self.say(name, found);
        }
        for request in &manifest.requests {
            self.request(request).await?;
        }
        for callback in &manifest.callbacks {
            self.callback(callback).await?;
        }
        Ok(())
    }

    fn say(&mut self, file: &str, found: Found) {
        let file = file.to_owned();
        self.lines.push(Line { file, found });
    }

    /// The list is the exporter's word, under the exporter's key.
    async fn manifest(&mut self, manifest: &Manifest) -> anyhow::Result<()> {
        let signed = Signed {
            body: MANIFEST,
            authorization: MANIFEST_AUTHORIZATION,
            public_key: MANIFEST_KEY,
            at: manifest.exported_at,
        };
        let what = format!(
            "exported by {} at {}",
            manifest.subscriber_id,
            rfc3339(manifest.exported_at)
        );
        self.signature(&signed, &what).await
    }

    fn file(&self, name: &str, digest: &Digest) -> Found {
        let bytes = match self.read(name) {
            Ok(bytes) => bytes,
            Err(error) => return Found::Fails(told(error.as_ref())),
        };
        let found = Digest {
            bytes: bytes.len() as u64,
            blake2b_512: blake2b_512_base64(&bytes),
        };
        match found == *digest {
            true => Found::Holds(format!("{} bytes, as in the manifest", found.bytes)),
            false => Found::Fails(format!(
                "was altered: expected {} bytes with digest {}, got {} with {}",
                digest.bytes, digest.blake2b_512, found.bytes, found.blake2b_512
            )),
        }
    }

    async fn request(&mut self, request: &Request) -> anyhow::Result<()> {
        let at = rfc3339(request.received_at);
        let Some(body) = &request.body else {
            let found = self.erased(request);
            self.say(&request.authorization, found);
            return Ok(());
        };
        let signed = Signed {
            body,
            authorization: &request.authorization,
            public_key: &request.public_key,
            at: request.received_at,
        };
        let what = format!("{} by {}, accepted at {at}", request.action, request.caller);
        self.signature(&signed, &what).await
    }

    /// Of an erased body the digest is left, and that is what was signed.
    fn erased(&self, request: &Request) -> Found {
        let checked = || -> anyhow::Result<()> {
            let text = self.text(&request.authorization)?;
            let header = Header::read(steps::scheme_of(&text), &text)?;
            let key = VerifyingKey::parse(&self.text(&request.public_key)?)?;
            Ok(header.verify_digest(&request.body_digest, 0, &key)?)
        };
        match checked() {
            Ok(()) => Found::Holds(format!(
                "the body was erased; {} signed its digest",
                request.caller
            )),
            Err(error) => Found::Fails(told(error.as_ref())),
        }
    }

    async fn callback(&mut self, callback: &Callback) -> anyhow::Result<()> {
        if callback.body.is_none() {
            let erased = "the bytes of this callback were erased".to_owned();
            self.say(&callback.attempts, Found::NotChecked(erased));
        }
        for sent in &callback.sent {
            self.attempt(sent).await?;
        }
        Ok(())
    }

    async fn attempt(&mut self, sent: &Sent) -> anyhow::Result<()> {
        let (body, public_key) = match (&sent.body, &sent.public_key) {
            (Some(body), Some(key)) => (body, key),
            (None, _) => return Ok(()),
            (_, None) => {
                let why = format!("our key {} is not the server's any more", sent.key_id);
                self.say(&sent.authorization, Found::NotChecked(why));
                return Ok(());
            }
        };
        let signed = Signed {
            body,
            authorization: &sent.authorization,
            public_key,
            at: sent.signed_at,
        };
        let answer = sent
            .status
            .map_or("no answer".to_owned(), |s| s.to_string());
        let at = rfc3339(sent.signed_at);
        let what = format!(
            "attempt {} at {at}: {}, {answer}",
            sent.attempt, sent.outcome
        );
        self.signature(&signed, &what).await
    }

    /// The server's own checks, at the time of then.
    async fn signature(&mut self, signed: &Signed<'_>, what: &str) -> anyhow::Result<()> {
        let mut files = Vec::new();
        for name in [signed.body, signed.authorization, signed.public_key] {
            match self.read(name) {
                Ok(bytes) => files.push(bytes),
                Err(error) => {
                    self.say(signed.body, Found::Fails(told(error.as_ref())));
                    return Ok(());
                }
            }
        }
        let [body, header, key] = &files[..] else {
            return Ok(());
        };
        let asked = Check {
            header: Some(String::from_utf8_lossy(header).into_owned()),
            gateway: false,
            public_key: Some(String::from_utf8_lossy(key).into_owned()),
            registry: None,
            at: None,
            evidence: None,
            json: false,
            body: None,
        };
        let checked = steps::check(&asked, body, signed.at).await?;
        if self.explain {
            println!("{}\n", signed.body);
            checked.print();
            println!();
        }
        let found = match checked.failed() {
            Some(refusal) => Found::Fails(format!(
                "with {} and {}: {refusal}",
                signed.authorization, signed.public_key
            )),
            None => {
                let key = checked.key.as_ref().map(VerifyingKey::fingerprint);
                let key = key.unwrap_or_default();
                Found::Holds(format!("{what}; the signature holds, by key {key}"))
            }
        };
        self.say(signed.body, found);
        Ok(())
    }

    fn text(&self, name: &str) -> anyhow::Result<String> {
        Ok(String::from_utf8(self.read(name)?)?)
    }

    /// A manifest that was tampered with must not lead out of its directory.
    fn read(&self, name: &str) -> anyhow::Result<Vec<u8>> {
        let plain = |part| matches!(part, Component::Normal(_));
        match Path::new(name).components().all(plain) {
            true => bytes(&self.directory.join(name)),
            false => bail!("{name:?} is not below the directory"),
        }
    }

    fn finish(self, json: bool) -> anyhow::Result<()> {
        let failed = self
            .lines
            .iter()
            .filter(|line| matches!(line.found, Found::Fails(_)));
        let failed: Vec<&str> = failed.map(|line| line.file.as_str()).collect();
        if json {
            let items: Vec<Value> = self.lines.iter().map(of_line).collect();
            output::json(&json!({"verified": failed.is_empty(), "items": items}));
        } else {
            self.lines.iter().for_each(print);
        }
        match failed[..] {
            [] => Ok(()),
            _ => bail!(
                "{} of {} checks fail: {}",
                failed.len(),
                self.lines.len(),
                failed.join(", ")
            ),
        }
    }
}

/// What belongs to one signature.
struct Signed<'a> {
    body: &'a str,
    authorization: &'a str,
    public_key: &'a str,
    at: DateTime<Utc>,
}

fn print(line: &Line) {
    let (word, detail) = words(&line.found);
    println!("{word:<7} {:<44} {detail}", line.file);
}

fn of_line(line: &Line) -> Value {
    let (word, detail) = words(&line.found);
    let result = match word {
        "-" => "not checked".to_owned(),
        word => word.to_ascii_lowercase(),
    };
    json!({"file": line.file, "result": result, "detail": detail})
}

fn words(found: &Found) -> (&'static str, &str) {
    match found {
        Found::Holds(detail) => ("ok", detail),
        Found::NotChecked(detail) => ("-", detail),
        Found::Fails(detail) => ("FAILED", detail),
    }
}
