#!/usr/bin/env bash
# What comes in with the dependencies: licences, banned crates and sources against deny.toml, then
# the advisories where their database can be reached. What cannot be checked is printed as
# SKIPPED; without cargo-deny that is a failure in CI. Installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

if ! command -v cargo-deny >/dev/null; then
    echo "SKIPPED: licences, bans, sources and advisories: cargo-deny is not on PATH." \
        "Install it with 'cargo install --locked cargo-deny', then run this again" >&2
    [ -z "${CI:-}" ]
    exit
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
