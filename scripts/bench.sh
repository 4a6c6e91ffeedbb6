#!/usr/bin/env bash
# How fast is the server, next to the least that any correct server must do (examples/ceiling)?
# Both run in turn, on this machine, each with a new store, ROUNDS times; medians are compared.
# Prints Markdown. Every run is bounded, and one that loses or alters a callback ends the script.
#
#   ROUNDS=5 COUNT=20000 RATE=1000 RATE_SECONDS=10 MEMORY_COUNT=200000 ./scripts/bench.sh
#
# MEMORY_COUNT=0 leaves the memory run out; BAP_HOSTS=8 spreads the callbacks over eight hosts, each
# of which gets eight at a time at most. Nothing else should run on the machine meanwhile.
set -euo pipefail
cd "$(dirname "$0")/.."

rounds=${ROUNDS:-5}
count=${COUNT:-20000}
rate=${RATE:-1000}
rate_seconds=${RATE_SECONDS:-10}
memory_count=${MEMORY_COUNT:-200000}
hosts=${BAP_HOSTS:-1}

for tool in jq awk cargo; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: install the package '$tool'" >&2; exit 1; }
done

say() { printf '%s\n' "$*" >&2; }

say "building"
cargo build --release --quiet --bin beckn-bpp --example load --example ceiling
target=$(cargo metadata --format-version 1 --no-deps | jq -r .target_directory)
load=$target/release/examples/load

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# One run; its figures go to the file of that name.
run() {
    local name=$1
    shift
    timeout 900 "$load" --json "$@" >>"$work/$name" ||
        { echo "the run '$name' failed" >&2; tail -n 1 "$work/$name" >&2; exit 1; }
}

for round in $(seq "$rounds"); do
    say "round $round of $rounds: ceiling"
    run ceiling --ceiling --count "$count" --concurrency 64
    say "round $round of $rounds: server"
    run server --bap-hosts "$hosts" --count "$count" --concurrency 64
    say "round $round of $rounds: server, $rate a second"
    run paced --bap-hosts "$hosts" --rate "$rate" --seconds "$rate_seconds"
done
if [ "$memory_count" -gt 0 ]; then
    say "memory: $memory_count cancels"
    run memory --bap-hosts "$hosts" --count "$memory_count" --concurrency 64
fi

# The median of a figure over the rounds.
median() { jq -s "map($2) | sort | .[(length - 1) / 2 | floor]" "$work/$1"; }
whole() { awk -v x="$1" 'BEGIN { printf "%.0f", x }'; }
two() { awk -v x="$1" 'BEGIN { printf "%.2f", x }'; }
ratio() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", (b > 0 ? a / b : 0) }'; }
# at_least VALUE TARGET, at_most VALUE TARGET
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { print (a >= b ? "met" : "MISSED") }'; }
at_most() { awk -v a="$1" -v b="$2" 'BEGIN { print (a < b ? "met" : "MISSED") }'; }

accepted=$(median server .accepted_per_second)
delivered=$(median server .delivered_per_second)
top_accepted=$(median ceiling .accepted_per_second)
top_delivered=$(median ceiling .delivered_per_second)
ack=$(median paced '.ack_ms.p99')
attempt=$(median paced '.ack_to_callback_ms.p99')
cpu=$(median server .processor_us_per_request)
top_cpu=$(median ceiling .processor_us_per_request)

row() { printf '| %s | %s | %s | %s |\n' "$@"; }

machine() {
    local model disk
    model=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    disk=$(df --output=fstype,source . | tail -n 1 | tr -s ' ')
    printf '%s, %s cores, Linux %s, %s; %s; load %s\n' "${model:-unknown processor}" "$(nproc)" \
        "$(uname -r)" "$disk" "$(rustc --version | cut -d' ' -f1,2)" "$(cut -d' ' -f1 /proc/loadavg)"
}

echo "Machine: $(machine)"
echo "Medians of $rounds rounds of $count cancels from 64 clients, $rate a second for $rate_seconds s;"
echo "generator, server and BAP ($hosts hosts) share the machine."
echo
row measure "server (ceiling)" target ""
row --- --- --- ---
row "accepted a second" "$(whole "$accepted") ($(whole "$top_accepted"))" "4000" "$(at_least "$accepted" 4000)"
share=$(ratio "$accepted" "$top_accepted")
row "accepted, share of the ceiling" "$share" "0.6" "$(at_least "$share" 0.6)"
row "delivered a second" "$(whole "$delivered") ($(whole "$top_delivered"))" "2500" "$(at_least "$delivered" 2500)"
share=$(ratio "$delivered" "$top_delivered")
row "delivered, share of the ceiling" "$share" "0.6" "$(at_least "$share" 0.6)"
row "processor time a request, us" "$(whole "$cpu") ($(whole "$top_cpu"))" "" "$(ratio "$cpu" "$top_cpu") x"
row "ACK at $rate/s, p99 ms" "$(two "$ack")" "< 10" "$(at_most "$ack" 10)"
row "ACK to first attempt at $rate/s, p99 ms" "$(two "$attempt")" "< 50" "$(at_most "$attempt" 50)"
refused=$(jq -s 'map(.errors | add // 0) | add' "$work/server" "$work/paced")
row "requests refused" "$refused" "0" "$(at_most "$refused" 1)"
row "orders taken in a second" "$(whole "$(median server .intake_per_second)")" "" ""
if [ "$memory_count" -gt 0 ]; then
    peak=$(median memory '.peak_bytes / 1000000')
    row "memory after $memory_count cancels, MB" "$(whole "$peak")" "< 150" "$(at_most "$peak" 150)"
fi
