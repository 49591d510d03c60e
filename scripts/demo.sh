#!/usr/bin/env bash
# Builds Holdfast, starts a switch, and plays three operators and three acquirers against it.
# Works from any directory; honours CARGO_TARGET_DIR.
set -euo pipefail

usage() {
    cat <<'TEXT'
scripts/demo.sh [--seconds N] [--rate R|max] [--saturation] [--out DIR] [-- LOADGEN-OPTION...]
scripts/demo.sh --drill [--rate R] [--out DIR] [-- LOADGEN-OPTION...]
scripts/demo.sh --serve DIR [--limit N]

  --seconds N    how long to measure (10)
  --rate R|max   operations a second, open loop (20000); max: as fast as the switch completes them, implies --saturation
  --saturation   pay only, no history and no auditor; switch and generator at real-time priority where this user may give it, so
                 that other work of the machine does not count as theirs
  --usual-priority  not that
  --out DIR      keep the results there: summary.json, latency.hlog, latency.hgrm, history/, switch.log, the journal
  --drill        a guided drill: kills the switch twice under load (2000/s), starts it again, joins the records of everybody with the
                 journal, tries that check on damaged records, and says the verdict; half a minute
  --limit N      with --serve: the switch takes N authorizes a second, a third from each operator, and refuses more as busy
  --serve DIR    make configuration, certificates and journal in DIR, and run the switch in the foreground

HOLDFAST_PROFILE names another profile than release to build with, dev for instance.

Exit code: 0 when the run had no errors and the books closed, with --drill when nothing was lost, done twice or left open; otherwise
that of the program that failed.
TEXT
}

wrong() {
    printf 'demo: %s\n\n' "$*" >&2
    usage >&2
    exit 2
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/switch.sh
. "$root/scripts/switch.sh"
seconds=''
rate=''
drill=0
saturation=0
usual_priority=0
out=''
serve=''
limit=''
extra=()
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=${2-}; [ -n "$seconds" ] || wrong "--seconds needs a whole number, found ''"; shift ;;
        --rate) rate=${2-}; [ -n "$rate" ] || wrong "--rate needs a whole number or max, found ''"; shift ;;
        --drill) drill=1 ;;
        --saturation) saturation=1 ;;
        --usual-priority) usual_priority=1 ;;
        --out) out=${2-}; [ -n "$out" ] || wrong '--out needs a directory'; shift ;;
        --limit) limit=${2-}; [ -n "$limit" ] || wrong "--limit needs a whole number, found ''"; shift ;;
        --serve) serve=${2-}; [ -n "$serve" ] || wrong '--serve needs a directory'; shift ;;
        --) shift; extra=("$@"); break ;;
        -h | --help) usage; exit 0 ;;
        *) wrong "$1 is no option" ;;
    esac
    [ $# -eq 0 ] || shift
done
if [ "$drill" = 1 ]; then
    [ -z "$serve$limit$seconds" ] && [ "$usual_priority" = 0 ] && [ "$saturation" = 0 ] && [ "$rate" != max ] || wrong '--drill goes with --rate R, --out and options of loadgen drill'
    rate=${rate:-2000}
    # How long it sends, for the room it takes.
    seconds=20
fi
if [ -n "$serve" ]; then
    [ -z "$rate$seconds$out" ] && [ "$saturation$usual_priority" = 00 ] && [ ${#extra[@]} = 0 ] ||
        wrong '--serve goes with --limit only: it runs the switch, and loadgen is yours to start'
fi
rate=${rate:-20000}
seconds=${seconds:-10}
case $seconds in *[!0-9]*) wrong "--seconds needs a whole number, found '$seconds'" ;; esac
case $rate in max) ;; *[!0-9]*) wrong "--rate needs a whole number or max, found '$rate'" ;; esac
[ "$((10#$seconds))" -gt 0 ] || wrong '--seconds needs at least 1'
[ "$rate" = max ] || [ "$((10#$rate))" -gt 0 ] || wrong '--rate needs at least 1'
case $limit in *[!0-9]*) wrong "--limit needs a whole number, found '$limit'" ;; esac
[ -z "$limit" ] || [ -n "$serve" ] || wrong '--limit goes with --serve'
[ -z "$limit" ] || [ "$limit" -ge 3 ] || wrong '--limit needs one a second for each of three operators'
# Without leading zeros, which would make them octal.
seconds=$((10#$seconds))
[ "$rate" = max ] || rate=$((10#$rate))
[ -z "$limit" ] || limit=$((10#$limit))
[ "$rate" != max ] || saturation=1
priority=0
if [ "$saturation" = 1 ] && [ "$usual_priority" = 0 ] && may_go_first; then
    priority=$real_time_priority
fi

say() {
    printf 'demo: %s\n' "$*"
}

fail() {
    printf 'demo: FAILED: %s\n' "$*" >&2
    exit "${code:-1}"
}

# What the switch makes memory ready for, about 6 KB for each payment a second: the rate asked for, and no more than a quarter of
# what the machine has to spare.
expected_rate() {
    local available_kb most wanted=400000
    available_kb=$(sed -n 's/^MemAvailable: *\([0-9]*\).*/\1/p' /proc/meminfo)
    most=$((${available_kb:-500000} / 24))
    [ "$rate" = max ] || wanted=$rate
    [ "$wanted" -le "$most" ] || wanted=$most
    printf '%s' "$wanted"
}

# Beside segments made in advance and the frames of so many seconds: at most so much journal for each operation (330 bytes at a
# million a second, as scripts/bench.sh reckons), and where they are audited, what histories and the journal's dump take, too.
needed_mb() {
    local most=1000000 bytes=330
    [ "$rate" = max ] || most=$rate
    [ "$saturation" = 1 ] || bytes=2500
    printf '%s' $(((seconds + 3) * (most / 1000 * bytes / 1000 + 15) + 1500))
}

configuration() {
    local directory=$1
    switch_configuration "$directory/certs" "$directory/journal"
    [ "$priority" = 0 ] || printf '\n[transport]\nreal_time_priority = %s\n' "$priority"
    printf '\n[requests]\nexpected_rate_per_s = %s\n' "$(expected_rate)"
    if [ -n "$limit" ]; then
        printf '\n[sessions]\nauthorizes_per_s = %s\n' $((limit / 3))
    fi
    switch_participants
}

# The value of a number or text in summary.json.
summary() {
    sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" "$out/summary.json" | head -n 1
}

[ -z "$out" ] || { [ ! -e "$out/journal" ] && [ ! -e "$out/config.toml" ]; } || { printf 'demo: %s holds an earlier run: name another --out\n' "$out" >&2; exit 2; }

profile=${HOLDFAST_PROFILE:-release}
say 'building (the first time takes some minutes)'
cargo build --locked --profile "$profile" --manifest-path "$root/Cargo.toml" -p holdfast -p holdfast-loadgen -p holdfast-audit
target=$(build_directory)
case $profile in dev) bin=$target/debug ;; *) bin=$target/$profile ;; esac

keep=1
if [ -n "$serve" ]; then
    work=$serve
elif [ -n "$out" ]; then
    work=$out
else
    # Beside the build, because /tmp may be memory, and a journal there is on no disk.
    mkdir -p "$target/demo"
    work=$(mktemp -d "$target/demo/run.XXXXXX")
    keep=0
fi
mkdir -p "$work"
work=$(cd "$work" && pwd)
out=$work
if [ -z "$serve" ]; then
    # In a shell of its own, whose end is not yet this one's: an empty directory would stay.
    (room_for "a run of $seconds s" "$(needed_mb)" "$work" 'name another --out, fewer --seconds or a lower --rate') || {
        [ "$keep" = 1 ] || rmdir "$work"
        exit 1
    }
fi
[ -z "$limit" ] || [ ! -e "$work/holdfast.toml" ] || wrong "$work has a configuration already: --limit needs another directory"
if [ ! -e "$work/holdfast.toml" ]; then
    configuration "$work" > "$work/holdfast.toml.new"
    mv "$work/holdfast.toml.new" "$work/holdfast.toml"
fi
[ -e "$work/certs/ca.pem" ] || { mkdir -p "$work/certs" && "$bin/holdfast" certs "$work/certs" --config "$work/holdfast.toml" > /dev/null; }
listen=$(configured listen "$work/holdfast.toml")
admin=$(configured admin "$work/holdfast.toml")

if [ -n "$serve" ]; then
    ! "$bin/holdfast" status --admin "$admin" > /dev/null 2>&1 || fail "a switch answers on http://$admin already: one that runs in $work, or another that has its port"
    say "its journal grows by about 0.4 KB for each payment in $work/journal, where $(free_mb "$work") MB are free"
    say "switch on $listen, admin on http://$admin (status, metrics)"
    for number in 1 2 3; do
        say "payment IDs: shop-1@acq-$number leads to acquirer-$number, shop-1@mps-$number to operator-$number"
    done
    say "in another terminal: $bin/loadgen run --switch $listen --certs $work/certs --admin $admin -r 20000 -d 10s"
    say "to look and to operate: $bin/holdfast status --admin $admin"
    exec "$bin/holdfast" serve --config "$work/holdfast.toml"
fi

switch=''
cleanup() {
    local status=$?
    trap - EXIT INT TERM
    if [ -n "$switch" ] && kill -0 "$switch" 2>/dev/null; then
        kill -TERM "$switch" 2>/dev/null || true
        wait "$switch" 2>/dev/null || true
    fi
    if [ "$keep" = 0 ]; then
        if [ "$status" = 0 ]; then rm -rf "$work"; else say "what there is to look at is in $work"; fi
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Kills, and whoever was told what; `loadgen` starts the switch itself, because it must start it again.
drilled() {
    local code=0 found=0
    say "step 1 of 3: load of $rate operations/s by three operators and three acquirers; the switch is killed (SIGKILL) twice and started again"
    "$bin/loadgen" drill --start "'$bin/holdfast' serve --config '$work/holdfast.toml'" --switch "$listen" --admin "$admin" \
        --certs "$work/certs" --kill switch --kills 2 --every 5s -r "$rate" -o "$work" ${extra[@]+"${extra[@]}"} || code=$?
    case $code in
        0 | 3 | 4 | 5) ;;
        *) fail "the drill ended with $code" ;;
    esac
    say 'step 2 of 3: the same check again, on what the drill left'
    "$bin/loadgen" check "$work" || found=$?
    case $found in
        0 | 5) ;;
        *) code=$found; fail "the check ended with $found" ;;
    esac
    say 'step 3 of 3: would it notice? one request is left out of a copy of the records'
    local noticed=0
    "$bin/loadgen" check "$work" --mutate lose > "$work/mutated.txt" 2>&1 || noticed=$?
    tail -n 2 "$work/mutated.txt"
    [ "$noticed" = 5 ] || { code=1; fail 'the damage was not found: the check cannot be believed'; }
    case $code/$found in
        0/0) say 'CLEAN: the switch was killed twice under load; nothing was lost, nothing done twice, nothing left open' ;;
        3/0) fail 'nothing was lost, but an objective was missed' ;;
        4/0) fail 'nothing was lost, and it cannot be judged: see above (nothing was in flight, or too few faults came)' ;;
        *) code=5; fail 'FAULTY: see the findings above' ;;
    esac
}

if [ "$drill" = 1 ]; then
    drilled
    [ "$keep" = 0 ] || say "what there is to look at is in $work: report.html, history/, journal.jsonl, switch.log"
    exit 0
fi

"$bin/holdfast" serve --config "$work/holdfast.toml" > "$work/switch.log" 2>&1 &
switch=$!
switch_is_ready "$bin" "$switch" "$admin" || { tail -n 20 "$work/switch.log" >&2; fail 'the switch did not start'; }
say "switch on $listen, admin on http://$admin, journal in $work/journal"

load=(run --switch "$listen" --certs "$work/certs" --admin "$admin" -r "$rate" -d "${seconds}s" -o "$work")
if [ "$saturation" = 1 ]; then
    load+=(--mix pay:1 --no-history)
fi
say "three operators and three acquirers, $rate operations/s for $seconds s"
in_front=()
# A configuration that was there before may say otherwise, and one without the other would starve.
if [ "$priority" != 0 ] && [ "$(configured real_time_priority "$work/holdfast.toml")" = "$priority" ]; then
    in_front=(chrt -r "$priority")
    say "switch and generator at real-time priority $priority"
fi
code=0
${in_front[@]+"${in_front[@]}"} "$bin/loadgen" "${load[@]}" ${extra[@]+"${extra[@]}"} || code=$?
case $code in
    0) ;;
    4) printf '\ndemo: THE MEASUREMENT IS INVALID: see the table. The books count all the same.\n\n' >&2 ;;
    5) fail 'the books do not close' ;;
    *) fail "the load generator ended with $code" ;;
esac
code=1
[ "$(summary books)" = closed ] || fail 'the books do not close'
[ "$(summary errors)" = 0 ] || fail "$(summary errors) errors"

"$bin/holdfast" status --admin "$admin" --json > "$work/status.json"
kill -TERM "$switch"
wait "$switch" || fail "the switch ended with $?; see $work/switch.log"
switch=''
say 'the switch has drained and stopped'

if [ "$saturation" = 0 ]; then
    "$bin/holdfast" journal verify "$work/journal" || fail 'the journal is not clean'
    "$bin/holdfast" journal dump "$work/journal" > "$work/journal.jsonl"
    verdict=clean
    "$bin/audit" "$work" --journal-dump "$work/journal.jsonl" --status "$work/status.json" || verdict=faulty
    sed -i "s/\"audit\": *\"not_run\"/\"audit\": \"$verdict\"/" "$work/summary.json" "$work/run.json"
    "$bin/loadgen" report "$work" > /dev/null
    [ "$verdict" = clean ] || fail 'the auditor found faults'
fi
shed=$(summary shed)
case $shed in
    0) say 'no errors, books closed' ;;
    *) say "no errors, books closed; $shed operations were shed: the generator or the switch could not keep up" ;;
esac
# The last thing read is the thing remembered: figures that do not count must not end on a good note.
case $(summary measurement) in
    valid) ;;
    suspect) printf '\ndemo: THE MEASUREMENT IS SUSPECT: read the remarks below the table before quoting a figure.\n\n' >&2 ;;
    *) printf '\ndemo: THE MEASUREMENT IS INVALID: its latencies and rates mean nothing. The books count all the same.\n\n' >&2 ;;
esac
