#!/usr/bin/env bash
# Lets payments pass through a switch with a short memory, watches its resident memory, and fails where that is not flat.
# Works from any directory; honours CARGO_TARGET_DIR, and HOLDFAST_PROGRAMS for programs that are built.
set -euo pipefail

usage() {
    cat <<'TEXT'
scripts/soak.sh [PAYMENTS [RATE [DIR]]]

Builds Holdfast, lets payments pass through a switch with a short memory, watches its resident memory, and fails where that is not flat.

  PAYMENTS    how many in all (50000000)
  RATE        how many a second (20000); PAYMENTS take at least 30 s
  DIR         where everything is written, and kept; otherwise in a new directory beside the build, removed where all is well

  scripts/soak.sh                       fifty million payments at 20,000 a second: 42 minutes, about 30 GB of disk
  scripts/soak.sh 2000000 20000         two million: 100 seconds
  scripts/soak.sh 50000000 20000 DIR    in DIR, which is kept

The window is 5 s, so that what is decided leaves memory while it runs; what left is in the archive. The first third warms up; flat is what
in the last third is at most 5 % and 16 MiB above the highest of the second. It checks first that the disk has room.

Exit code: 0 where memory is flat, 2 where the arguments are not understood, 1 otherwise.
TEXT
}

wrong() {
    printf 'soak: %s\n\n' "$*" >&2
    usage >&2
    exit 2
}

case ${1-} in
    -h | --help) usage; exit 0 ;;
    -*) wrong "$1 is no option" ;;
esac
[ $# -le 3 ] || wrong "expected at most PAYMENTS, RATE and DIR, found '$4' too"
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
payments=${1:-50000000}
rate=${2:-20000}
work=${3:-}
case $payments in '' | *[!0-9]*) wrong "PAYMENTS is a whole number, found '$payments'" ;; esac
case $rate in '' | *[!0-9]*) wrong "RATE is a whole number, found '$rate'" ;; esac
# Without leading zeros, which would make them octal.
payments=$((10#$payments))
rate=$((10#$rate))
[ "$rate" -gt 0 ] || wrong 'RATE is at least 1'
seconds=$((payments / rate))
# A sample each so many seconds: some hundreds in all, and at least thirty.
every=$((seconds / 300 + 1))

say() { printf 'soak: %s\n' "$*"; }
fail() {
    printf 'soak: FAILED: %s\n' "$*" >&2
    exit 1
}
[ "$seconds" -ge 30 ] || fail "$payments payments at $rate/s take $seconds s; at least 30 show something"

if [ -n "${HOLDFAST_PROGRAMS:-}" ]; then
    bin=$HOLDFAST_PROGRAMS
    target=$bin
else
    cargo build --locked --release --manifest-path "$root/Cargo.toml" -p holdfast -p holdfast-loadgen
    target=$(cargo metadata --locked --format-version 1 --no-deps --manifest-path "$root/Cargo.toml" |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
    bin=$target/release
fi
keep=1
if [ -z "$work" ]; then
    # Beside the build, because /tmp may be memory, and a journal there is on no disk.
    mkdir -p "$target/soak"
    work=$(mktemp -d "$target/soak/run.XXXXXX")
    keep=0
fi
mkdir -p "$work"
work=$(cd "$work" && pwd)
[ ! -e "$work/journal" ] || fail "$work holds an earlier run"

# Two facts of each payment, and its frames' share: at most 450 bytes of the journal at this rate; 120 of an index. Beside
# it segments made in advance and three snapshots.
needed_mb=$((payments * 570 / 1000000 + 2000))
# shellcheck source=scripts/switch.sh
. "$root/scripts/switch.sh"
say "$payments payments at $rate/s take $seconds s"
room_for 'their journal' "$needed_mb" "$work" 'name another directory, or fewer payments'

listen=127.0.0.1:$(free_port)
admin=127.0.0.1:$(free_port)
{
    cat <<TEXT
name = "switch"
listen = ["$listen"]
admin = "$admin"

[journal]
directory = "$work/journal"
segment_bytes = 67108864
snapshot_segments = 2
full_reserve_bytes = 16777216

[tls]
certificate = "$work/certs/switch.pem"
key = "$work/certs/switch.key"
ca = "$work/certs/ca.pem"

[requests]
window_max_ms = 5000
skew_max_ms = 1000
budget_max_ms = 5000
expected_rate_per_s = $rate
TEXT
    switch_participants
} > "$work/holdfast.toml"
mkdir -p "$work/certs"
"$bin/holdfast" certs "$work/certs" --config "$work/holdfast.toml" > /dev/null

switch=''
load=''
cleanup() {
    local status=$? process
    trap - EXIT INT TERM
    for process in $load $switch; do
        kill -TERM "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    if [ "$keep" = 0 ]; then
        if [ "$status" = 0 ]; then rm -rf "$work"; else say "what there is to look at is in $work"; fi
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

"$bin/holdfast" serve --config "$work/holdfast.toml" > "$work/switch.log" 2>&1 &
switch=$!
for _ in $(seq 600); do
    kill -0 "$switch" 2>/dev/null || { tail -n 20 "$work/switch.log" >&2; fail 'the switch did not start'; }
    if "$bin/holdfast" status --admin "$admin" > /dev/null 2>&1; then break; fi
    sleep 0.1
done

"$bin/loadgen" run --switch "$listen" --certs "$work/certs" --admin "$admin" -r "$rate" -d "${seconds}s" \
    --mix pay:1 --no-history --plain -o "$work/load" > "$work/load.log" 2>&1 &
load=$!

number() { sed -n "s/.*\"$1\": *\([0-9]*\).*/\1/p" "$work/status.json" | head -n 1; }
printf '%8s %12s %12s %12s %12s\n' seconds resident_KiB remembered unindexed archived | tee "$work/memory.txt"
SECONDS=0
while kill -0 "$load" 2>/dev/null; do
    sleep "$every"
    resident=$(awk '/^VmRSS:/ { print $2 }' "/proc/$switch/status")
    "$bin/holdfast" status --admin "$admin" --json > "$work/status.json" || continue
    printf '%8d %12d %12d %12d %12d\n' "$SECONDS" "$resident" \
        "$(number remembered)" "$(number unindexed)" "$(number archived)" | tee -a "$work/memory.txt"
done
code=0
wait "$load" || code=$?
load=''
# 4: the generator missed its rate. The payments have passed all the same.
[ "$code" = 0 ] || [ "$code" = 4 ] || { tail -n 20 "$work/load.log" >&2; fail "the load generator ended with $code"; }
kill -TERM "$switch"
wait "$switch" || fail "the switch ended with $?"
switch=''

awk -v seconds="$seconds" '
    NR == 1 { next }
    $1 > seconds / 3 && $1 <= seconds * 2 / 3 && $2 > middle { middle = $2 }
    $1 > seconds * 2 / 3 && $1 <= seconds && $2 > last { last = $2 }
    { archived = $5 }
    END {
        printf "soak: resident at most %d MiB in the second third, %d MiB in the last; %d ids archived\n",
            middle / 1024, last / 1024, archived
        exit !(archived > 0 && middle > 0 && last <= middle * 1.05 + 16384)
    }' "$work/memory.txt" || fail 'resident memory is not flat, or nothing was archived'
say "flat over $payments payments"
