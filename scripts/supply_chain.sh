#!/usr/bin/env bash
# What comes in with the dependencies, by cargo-deny: licences, banned crates and sources against
# deny.toml, then the advisories where their database can be reached. What cannot be checked is
# printed as SKIPPED. Installs nothing: compiling cargo-deny takes many minutes, so without it
# licences, names and sources are checked by `cargo test --test supply_chain`, as every test run does.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

if ! command -v cargo-deny >/dev/null; then
    say "licences, bans, sources (without cargo-deny)"
    cargo test --quiet --test supply_chain
    echo "SKIPPED: advisories and doubled versions: cargo-deny is not on PATH." \
        "'cargo install --locked cargo-deny' installs it" >&2
    exit 0
fi

say "licences, bans, sources"
cargo deny --locked check licenses bans sources

# Fetched on its own, so that a database out of reach is not taken for a finding, nor a finding
# for a database out of reach.
say "advisories"
if ! cargo deny --locked fetch db; then
    echo "SKIPPED: advisories: their database could not be fetched (see above)" >&2
    exit 0
fi
cargo deny --locked check advisories
say "the supply chain passed"
