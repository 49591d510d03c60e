#!/usr/bin/env bash
# Plays fresh seeds through the simulator for as long as asked, and stops at the first that fails.
# Works from any directory; honours CARGO_TARGET_DIR.
set -euo pipefail

usage() {
    cat <<'TEXT'
scripts/sim.sh [SECONDS [SEED]]

Builds the simulator (in the profile testrelease), plays fresh seeds through it, and stops at the first that fails.

  SECONDS    for how long (60)
  SEED       the first seed; without it one from the clock, which it prints

  scripts/sim.sh             one minute
  scripts/sim.sh 3600        an hour
  scripts/sim.sh 600 8000    ten minutes, from seed 8000 on
TEXT
}

wrong() {
    printf 'sim: %s\n\n' "$*" >&2
    usage >&2
    exit 2
}

case ${1-} in
    -h | --help) usage; exit 0 ;;
    -*) wrong "$1 is no option" ;;
esac
[ $# -le 2 ] || wrong "expected at most SECONDS and SEED, found '$3' too"
manifest=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/Cargo.toml
seconds=${1:-60}
from=${2:-$(date +%s)000}
case $seconds in '' | *[!0-9]*) wrong "SECONDS is a whole number, found '$seconds'" ;; esac
case $from in '' | *[!0-9]*) wrong "SEED is a whole number, found '$from'" ;; esac
batch=200

cargo build --locked --manifest-path "$manifest" --profile testrelease -p holdfast-tests --bin sim
target=$(cargo metadata --locked --format-version 1 --no-deps --manifest-path "$manifest" |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
sim=$target/testrelease/sim

echo "fresh seeds from $from on, for $seconds s"
SECONDS=0
played=0
while [ "$SECONDS" -lt "$seconds" ]; do
    "$sim" --seeds "$batch" --from "$((from + played))" >/dev/null
    played=$((played + batch))
    printf '%8d seeds clean after %d s\n' "$played" "$SECONDS"
done
