//! `transaction export`: the files of a session, written as the server gives them.
//!
//! Nothing is interpreted but the names, which must stay below the directory, and the manifest,
//! for the summary.

use std::fs::{self, DirBuilder};
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::app::cli::admin::Client;
use crate::app::cli::output;
use crate::http::admin::evidence::manifest::{MANIFEST, Manifest};

pub(super) async fn run(client: &Client, path: &str, out: &Path, json: bool) -> anyhow::Result<()> {
    make(out)?;
    let answer = client.get(path).await?;
    let files = answer["files"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    for file in files {
        write(out, file)?;
    }
    let manifest = fs::read(out.join(MANIFEST)).context("the server sent no manifest")?;
    if json {
        output::json(&serde_json::from_slice(&manifest)?);
        return Ok(());
    }
    print(&serde_json::from_slice(&manifest)?, files.len(), out);
    Ok(())
}

/// Evidence names people: the directory is the owner's alone. One with files of another export
/// in it would prove nothing.
fn make(out: &Path) -> anyhow::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    let made = builder.create(out).and_then(|()| fs::read_dir(out));
    let mut entries = made.with_context(|| format!("cannot write to {}", out.display()))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => bail!("{} is not empty; name a new directory", out.display()),
    }
}

fn write(out: &Path, file: &Value) -> anyhow::Result<()> {
    let name = PathBuf::from(file["name"].as_str().unwrap_or_default());
    let plain = |part| matches!(part, Component::Normal(_));
    if name.as_os_str().is_empty() || !name.components().all(plain) {
        bail!("the server names a file that is none: {}", name.display());
    }
    let bytes = STANDARD.decode(file["base64"].as_str().unwrap_or_default());
    let path = out.join(name);
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let written = fs::write(
        &path,
        bytes.context("the server sent a file that is no base64")?,
    );
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn print(manifest: &Manifest, files: usize, out: &Path) {
    let requests = manifest
        .requests
        .iter()
        .map(|request| request.body.is_none());
    let callbacks = manifest
        .callbacks
        .iter()
        .map(|callback| callback.body.is_none());
    println!(
        "transaction {} on {}: {}, {}, {files} files in {}",
        manifest.transaction_id,
        manifest.network,
        counted("request", requests),
        counted("callback", callbacks),
        out.display()
    );
    println!(
        "check them with: beckn-bpp signature verify --evidence {}",
        out.display()
    );
}

/// `2 requests`, or `2 requests (1 erased)`.
fn counted(what: &str, erased: impl Iterator<Item = bool>) -> String {
    let erased: Vec<bool> = erased.collect();
    let plural = if erased.len() == 1 { "" } else { "s" };
    let all = format!("{} {what}{plural}", erased.len());
    match erased.iter().filter(|erased| **erased).count() {
        0 => all,
        gone => format!("{all} ({gone} erased)"),
    }
}
