#!/usr/bin/env bash
# Kills, freezes and ends the switch, operators and destinations under load, in an order from a seed, then audits.
# Works from any directory; honours CARGO_TARGET_DIR.
set -euo pipefail

case ${1-} in
    -h | --help)
        cat <<'TEXT'
scripts/drill.sh [KILLS [SEED]]

Runs a switch, two operators and two destinations as processes of their own, and under load strikes one of them at a time
with SIGKILL, SIGSTOP then SIGCONT, or SIGTERM; each fifth time the switch while it writes an index or a snapshot, or starts
from one. Afterwards the auditor must find nothing.

  scripts/drill.sh            fifty strikes, with a seed from the clock
  scripts/drill.sh 200        two hundred
  scripts/drill.sh 50 17      the same again

It builds and runs with scripts/test.sh, which hands the choice to `cargo test`; it takes no options of its own.
TEXT
        exit 0
        ;;
    -*) printf 'drill: %s is no option; see scripts/drill.sh --help\n' "$1" >&2; exit 2 ;;
esac
[ $# -le 2 ] || { printf 'drill: expected at most KILLS and SEED, found %s too\n' "$3" >&2; exit 2; }
for number in "$@"; do
    case $number in '' | *[!0-9]*) printf 'drill: KILLS and SEED are whole numbers, found %s\n' "'$number'" >&2; exit 2 ;; esac
done
export HOLDFAST_DRILL_KILLS=${1:-50} HOLDFAST_DRILL_SEED=${2:-$(date +%s)}
echo "$HOLDFAST_DRILL_KILLS strikes, seed $HOLDFAST_DRILL_SEED"
exec "$(dirname "${BASH_SOURCE[0]}")/test.sh" -p holdfast-tests --test drill -- --nocapture
