#!/usr/bin/env bash
# Runs the commands of the README as they stand there: every block marked `sh tour`, in order,
# in one shell with an empty working directory of its own inside the checkout.
set -euo pipefail
cd "$(dirname "$0")/.."

root=$PWD
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

awk '/^```sh tour$/ {inside = 1; next} /^```$/ {inside = 0} inside' README.md > "$work/tour.sh"
[ -s "$work/tour.sh" ] || { echo "README.md has no block marked 'sh tour'" >&2; exit 1; }

# The tour runs the mock network in the background and waits until it answers.
cd "$root"
# It waits for a server: one that never comes must not keep it for ever.
TOUR_DIR=$work timeout 600 bash -euo pipefail "$work/tour.sh"
echo "every command of the README's tour passed"
