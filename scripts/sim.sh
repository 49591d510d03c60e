#!/usr/bin/env bash
# Plays fresh seeds through the simulator for as long as asked, and stops at the first that fails:
#   scripts/sim.sh             one minute
#   scripts/sim.sh 3600        an hour
#   scripts/sim.sh 600 8000    ten minutes, from seed 8000 on
# Without a first seed it takes one from the clock, and says which. Works from any directory; honours CARGO_TARGET_DIR.
set -euo pipefail
manifest=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/Cargo.toml
seconds=${1:-60}
from=${2:-$(date +%s)000}
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
