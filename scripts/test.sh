#!/usr/bin/env bash
# Everything that must pass before a change lands: format, lints, docs, the whole suite, and the
# commands of the README. Installs what is missing where it may, and says what to install where
# it may not. Needs no network beyond the crates, no database and no service.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

need_rust() {
    command -v cargo >/dev/null || {
        echo "cargo is missing: install Rust from your system or with rustup, then run this again" >&2
        exit 1
    }
    local wanted
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    local found
    found=$(rustc --version | cut -d' ' -f2)
    if [ "$(printf '%s\n%s\n' "$wanted" "$found" | sort -V | head -n 1)" != "$wanted" ]; then
        echo "Rust $wanted or newer is needed, found $found: run 'rustup update'" >&2
        exit 1
    fi
    local tool
    for tool in fmt clippy; do
        cargo "$tool" --version >/dev/null 2>&1 && continue
        local component=$tool
        [ "$tool" = fmt ] && component=rustfmt
        command -v rustup >/dev/null && rustup component add "$component" && continue
        echo "cargo $tool is missing: install the Rust component '$component'" >&2
        exit 1
    done
}

# A program that a proof uses, with its Debian package where that is called otherwise. Without root it is only named: the proof then says SKIPPED,
# and in CI that is a failure.
want() {
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        local package=${2:-$1}
        say "installing $package"
        apt-get install -y "$package" >/dev/null 2>&1 ||
            { apt-get update >/dev/null && apt-get install -y "$package" >/dev/null; }
        return
    fi
    echo "$1 is missing; the proof that uses it is skipped. Install the package '${2:-$1}' to run it" >&2
    [ -z "${CI:-}" ]
}

# A Python with what the signing program of docs/refusals.md imports, in a directory of its own.
want_signing_python() {
    local place=target/signing-python
    "$place/bin/python3" -c 'import cryptography' 2>/dev/null && return
    python3 -c 'import cryptography' 2>/dev/null && return
    say "installing cryptography for Python"
    python3 -m venv "$place" && "$place/bin/python3" -m pip install --quiet cryptography && return
    echo "signing in Python is not proved: install python3 with venv, and reach its packages once" >&2
    [ -z "${CI:-}" ]
}

# The property tester of the booking API, in a directory of its own.
want_schemathesis() {
    local place=target/schemathesis
    "$place/bin/st" --version >/dev/null 2>&1 && return
    say "installing schemathesis"
    python3 -m venv "$place" && "$place/bin/python3" -m pip install --quiet 'schemathesis>=4.32,<5' && return
    echo "the booking API is not tried from outside: install python3 with venv, and reach its packages once" >&2
    [ -z "${CI:-}" ]
}

need_rust
want strace
want jq
want curl
want python3
want_signing_python
want node nodejs

say "format"
cargo fmt --check

# They are applied by scripts/mutations.sh, which takes too long for every day.
say "the mutations still fit"
for patch in tests/mutations/*.patch; do
    git apply --check "$patch"
done

say "lints"
cargo clippy --all-targets --quiet -- -D warnings

say "documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --quiet

say "tests"
cargo test --quiet --no-fail-fast

# Without cargo-deny this says what is skipped: compiling it would take longer than all the rest.
say "supply chain"
./scripts/supply_chain.sh

# The debug build of the tests is enough: what is proved is what a killed process keeps.
say "kill -9 under load"
cargo run --quiet --example kill_loop -- --rounds 20 --seed 1

say "a provider stays in step"
cargo run --quiet --example provider -- --orders 150 --seed 1

say "release build"
cargo build --release --quiet --bin beckn-bpp

say "the booking API from outside"
if command -v curl >/dev/null && want_schemathesis; then ./scripts/schemathesis.sh 60; fi

say "the commands of the README"
cargo run --release --quiet -- mock-network --once
./scripts/readme.sh

say "all passed"
