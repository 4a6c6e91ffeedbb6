#!/bin/sh
# Tries each property of terms and money on many made-up orders: ./scripts/properties.sh [CASES]
# Without a number, on a hundred thousand for each. A short form is part of the tests.
set -eu
cd "$(dirname "$0")/.."

PROPTEST_CASES=${1:-100000} cargo test --test terms
