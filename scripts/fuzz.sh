#!/usr/bin/env bash
# Searches for an input that breaks a property of fuzz/properties: ./scripts/fuzz.sh [SECONDS] [TARGET]...
# Runs each target (or those named) for SECONDS (60 unless given), prints what it did as a table,
# and ends with 1 if anything was found. Installs cargo-fuzz where it is missing. What is learnt is
# kept in fuzz/corpus, so that the next run begins where this one ended.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s\n' "$*"; }

seconds=${1:-60}
shift || true
case $seconds in
'' | *[!0-9]* | 0*)
    echo "expected a number of seconds, got '$seconds': ./scripts/fuzz.sh [SECONDS] [TARGET]..." >&2
    exit 2
    ;;
esac

# libFuzzer is C++, and its coverage is a flag that stable Rust has only behind this variable.
export RUSTC_BOOTSTRAP=1
command -v c++ >/dev/null || {
    echo "c++ is missing: libFuzzer is compiled with it. Install the package 'g++', then run this again" >&2
    exit 1
}
command -v cargo-fuzz >/dev/null || {
    say "installing cargo-fuzz"
    cargo install cargo-fuzz --locked
}

# One rule for this script and tests/properties.rs: a target's own, or that of its first word.
dictionary() {
    local own="fuzz/dictionaries/$1.dict"
    [ -e "$own" ] || own="fuzz/dictionaries/${1%%_*}.dict"
    echo "$own"
}

known=$(cargo fuzz list)
targets=("$@")
[ $# -gt 0 ] || mapfile -t targets <<<"$known"
for target in "${targets[@]}"; do
    grep -qx -- "$target" <<<"$known" || {
        echo "there is no target '$target'; there are:" $known >&2
        exit 2
    }
done

scratch=$(mktemp -d -p "$([ -w /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")")
trap 'rm -rf "$scratch"' EXIT

# Address checks the unsafe code of what we depend on; ours has none.
build=(--sanitizer "${FUZZ_SANITIZER:-address}")
say "building (the first time takes minutes)"
[ $# -gt 0 ] || cargo fuzz build "${build[@]}"
for target in "$@"; do
    cargo fuzz build "${build[@]}" "$target"
done

say "$seconds s for each of ${#targets[@]} targets"
row='%-16s %14s %10s %9s %7s  %s\n'
# shellcheck disable=SC2059
printf "$row" target executions a-second coverage corpus findings
found=0
for target in "${targets[@]}"; do
    corpus="fuzz/corpus/$target" log="$scratch/$target.log" verdict=0
    mkdir -p "$corpus"
    TMPDIR=$scratch cargo fuzz run "${build[@]}" "$target" "$corpus" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -dict="$(dictionary "$target")" -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 >"$log" 2>&1 || verdict=$?
    stat() { sed -n "s/^stat::$1: *//p" "$log" | tail -n 1; }
    last() { sed -n "s/^#[0-9].* $1: \([0-9]*\).*/\1/p" "$log" | tail -n 1; }
    outcome=0
    if [ "$verdict" != 0 ]; then
        outcome="1, see below"
        found=$((found + 1))
        cp "$log" "$scratch/$target.found"
    fi
    # shellcheck disable=SC2059
    printf "$row" "$target" "$(stat number_of_executed_units)" "$(stat average_exec_per_sec)" \
        "$(last cov)" "$(last corp)" "$outcome"
done

for log in "$scratch"/*.found; do
    [ -e "$log" ] || continue
    say "found by $(basename "$log" .found)"
    grep -vE '^(#|INFO|stat::|\s*$)' "$log" | tail -n 40
done
[ "$found" = 0 ] || {
    echo "$found of ${#targets[@]} targets found something: the input is in fuzz/artifacts" >&2
    exit 1
}
say "nothing found"
