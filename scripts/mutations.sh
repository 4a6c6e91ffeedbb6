#!/bin/sh
# Proves that the proofs can fail: applies each patch of tests/mutations to a copy of HEAD,
# builds the server from it, and expects the proof that the patch names to find it out.
#
#   scripts/mutations.sh              all of them
#   scripts/mutations.sh NAME...      some, by the names of their files without .patch
#
# ROUNDS and SEED go to the kill loop. The copy and what is built are below target/mutations.
set -eu

root=$(git -C "$(dirname "$0")" rev-parse --show-toplevel)
work=$root/target/mutations
tree=$work/tree
export CARGO_TARGET_DIR="$work/target"

mkdir -p "$work"
git -C "$root" worktree prune
[ -d "$tree" ] || git -C "$root" worktree add --quiet --detach "$tree" HEAD
trap 'git -C "$root" worktree remove --force "$tree"' EXIT
git -C "$tree" checkout --quiet --force --detach "$(git -C "$root" rev-parse HEAD)"

# These proofs are built once, from what no patch has touched.
(cd "$tree" && cargo build --quiet --example kill_loop --example isolation)
cp "$CARGO_TARGET_DIR/debug/examples/kill_loop" "$CARGO_TARGET_DIR/debug/examples/isolation" "$work"

# Exit code 0 when the proof fails for the right reason: the audit found something, or the server
# itself told at a start that it had lost what it had acknowledged.
found_out() {
    case $1 in
    kill_loop)
        (cd "$tree" && cargo build --quiet --bin beckn-bpp) || return 2
        ! "$work/kill_loop" --server "$CARGO_TARGET_DIR/debug/beckn-bpp" \
            --rounds "${ROUNDS:-12}" --seed "${SEED:-1}" >"$2" 2>&1 &&
            grep -qE '^  [1-9][0-9]* violations$|what came between is lost' "$2"
        ;;
    isolation)
        # As in the test suite: so few hosts, and so much noise, that a slow build keeps its promises.
        (cd "$tree" && cargo build --quiet --bin beckn-bpp) || return 2
        ! "$work/isolation" --server "$CARGO_TARGET_DIR/debug/beckn-bpp" --short --noise-ms 900 \
            --healthy 10 --silent 2 --late 2 --reset 2 --rate 60 --backlog 0 >"$2" 2>&1 &&
            grep -E ' BROKEN$|still owed' "$2" | grep -qv 'bytes/s'
        ;;
    fsync)
        (cd "$tree" && cargo test --quiet --test fsync --no-run) || return 2
        ! (cd "$tree" && cargo test --quiet --test fsync) >"$2" 2>&1 &&
            grep -qE 'without an fdatasync|what came between is lost' "$2"
        ;;
    *) return 2 ;;
    esac
}

failed=0
[ $# -gt 0 ] || set -- $(cd "$root/tests/mutations" && ls -- *.patch | sed 's/\.patch$//')
for name in "$@"; do
    patch=$root/tests/mutations/$name.patch
    proof=$(sed -n 's/^Proof: \([a-z_]*\) .*/\1/p' "$patch")
    git -C "$tree" checkout --quiet --force .
    git -C "$tree" apply "$patch"
    if found_out "$proof" "$work/$name.log"; then
        echo "ok      $name: $proof finds it out"
    else
        echo "FAILED  $name: $proof does not find it out; see $work/$name.log"
        failed=1
    fi
done
exit $failed
