#!/usr/bin/env bash
# The booking API from outside: requests made up from its OpenAPI document, good and bad, against a
# running mock network. Every answer must be one that the document has, and none a 5xx.
# `scripts/schemathesis.sh 500` tries so many of each operation.
set -euo pipefail
cd "$(dirname "$0")/.."

examples=${1:-100}
binary=${BINARY:-target/release/beckn-bpp}
place=target/schemathesis
[ -x "$place/bin/st" ] || {
    python3 -m venv "$place"
    "$place/bin/python3" -m pip install --quiet 'schemathesis>=4.32,<5'
}

data=$(mktemp -d)
server=
trap 'kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf "$data"' EXIT

# Eight ports in a row that the system gives to nobody by itself; the first try is nearly always good.
start() {
    port=$((20000 + RANDOM % 10000))
    "$binary" mock-network --data "$data" --port "$port" > "$data/log" 2>&1 &
    server=$!
    for _ in $(seq 300); do
        grep -q 'Ctrl-C' "$data/log" && return 0
        kill -0 "$server" 2>/dev/null || return 1
        sleep 0.2
    done
    return 1
}
start || start || start || { cat "$data/log" >&2; exit 1; }

base="http://127.0.0.1:$port"
token=$(cat "$data/admin.token")
for state in Pending AwaitingProvider Confirmed InProgress Completed NoShow Failed; do
    curl -sf -X PUT "http://127.0.0.1:$((port + 1))/orders/bkg_$state" -H "Authorization: Bearer $token" \
        -d "{\"booking\": {\"status\": \"$state\", \"external_reference\": \"ref.$state\",
            \"price\": {\"value\": \"120.00\", \"currency\": \"EUR\"}}}" >/dev/null
done

# Members that the contract does not have are let pass as long as the JSON is sound: no character
# U+0000, no number too long to be kept, not nested too deeply. A schema cannot say that of members
# that it does not name, so whether good requests are taken is shown by tests/api/bookings alone.
without=positive_data_acceptance
try() {
    "$place/bin/st" --config-file "$data/schemathesis.toml" run "$base/v1/openapi.json" \
        --header "Authorization: Bearer $(cat "$data/api.key")" \
        --checks all --exclude-checks "$without" \
        --max-examples "$examples" --seed 1 --continue-on-failure "$@"
}
touch "$data/schemathesis.toml"
try
# And the same of bookings that are there. Wrong keys were tried: more of them in this minute are told
# to wait (429).
without+=,ignored_auth
for booking in bkg_Pending bkg_InProgress ext:ref.Completed bkg_7f1a9c3b8d4e4f21; do
    printf '[parameters]\nbooking_id = "%s"\n' "$booking" > "$data/schemathesis.toml"
    try --phases coverage,fuzzing
done
kill -0 "$server"
