#!/usr/bin/env bash
# Counts the instructions of the parts of a payment's path and compares them with a committed baseline.
# Works from any directory; honours CARGO_TARGET_DIR.
set -euo pipefail

case ${1-} in
    -h | --help)
        cat <<'TEXT'
scripts/bench-gate.sh [--accept]

Runs benches/benches/instructions.rs under callgrind and compares its counts with benches/instructions.json. It fails, and says
which, where one is more than 2 % above the baseline. With another compiler or processor than the baseline names it only
shows the counts. Without valgrind or gungraun-runner (scripts/install-tools.sh installs both) it says so and does nothing.

  --accept    make the counts of this machine the baseline
TEXT
        exit 0
        ;;
    '' | --accept) ;;
    *) printf 'bench-gate: %s is no option\n' "$1" >&2; exit 2 ;;
esac
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/switch.sh
. "$root/scripts/switch.sh"

version=$(sed -n '/^name = "gungraun-runner"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$root/Cargo.lock")
runner=$(command -v gungraun-runner || printf '%s' "${CARGO_HOME:-$HOME/.cargo}/bin/gungraun-runner")
if ! command -v valgrind >/dev/null || [ "$("$runner" --version 2>/dev/null)" != "gungraun-runner $version" ]; then
    if [ -n "${1-}${HOLDFAST_NO_SKIPS-}" ]; then
        printf 'bench-gate: valgrind and gungraun-runner %s are needed: scripts/install-tools.sh\n' "$version" >&2
        exit 1
    fi
    printf 'bench-gate: SKIPPED: there is no valgrind, or no gungraun-runner %s (scripts/install-tools.sh)\n' "$version"
    exit 0
fi

target=$(build_directory)
counts=$target/bench-gate
rm -rf "$counts"
mkdir -p "$counts"
# In the profile of the tests and over the whole workspace, so that what they were built with is used again.
build=(--locked --manifest-path "$root/Cargo.toml" --workspace --profile testrelease)
cargo build "${build[@]}" --bin gate
# Every count is new: the directory is, too.
PATH=$(dirname "$runner"):$PATH GUNGRAUN_HOME=$counts cargo bench "${build[@]}" --bench instructions -- \
    --output-format=json --callgrind-args=--cache-sim=no > "$counts/counts.json"
"$target/testrelease/gate" --baseline "$root/benches/instructions.json" --compiler "$(rustc -V)" "$@" < "$counts/counts.json"
