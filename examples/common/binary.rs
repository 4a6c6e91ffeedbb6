//! Which program to start: cargo puts examples into a directory beside the programs, so the one
//! built with the same profile is found from where this one is.

#![allow(dead_code, reason = "each program uses a part of it")]

use std::path::PathBuf;

use anyhow::{Context as _, ensure};

/// The server built beside this program, or a ceiling (`examples/ceiling`).
pub fn beside(ceiling: bool) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("where this program is")?;
    let examples = own.parent().context("where this program is")?;
    Ok(match ceiling {
        true => examples.join("ceiling"),
        false => examples.join("..").join("beckn-bpp"),
    })
}

/// The server to start: the one named, else the one beside.
pub fn server(named: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    checked(match named {
        Some(named) => named.clone(),
        None => beside(false)?,
    })
}

/// The program, if it is there.
pub fn checked(program: PathBuf) -> anyhow::Result<PathBuf> {
    let advice = "build it with `cargo build` (and --release, as this), or name another";
    ensure!(
        program.is_file(),
        "there is no {}: {advice}",
        program.display()
    );
    Ok(program)
}
