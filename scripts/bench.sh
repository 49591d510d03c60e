#!/usr/bin/env bash
# Measures Holdfast beside what this machine can do and what one would pick instead, in one go.
# Works from any directory; honours CARGO_TARGET_DIR, and HOLDFAST_PROGRAMS for programs that are built.
set -euo pipefail
export LC_ALL=C

usage() {
    cat <<'TEXT'
scripts/bench.sh [--seconds N] [--json FILE] [--limits FILE] [--remember S] [--usual-priority] [--out DIR]

Runs, in turns and in one go, at MTU 1,452 with Cubic, and prints one table with ratios:

  the raw relay of the same frames over the same links           five times, the median counts
  Holdfast with its journal in memory: nothing is durable        three times
  Holdfast, saturated, every answer synced before it leaves      five times
  Redis and PostgreSQL doing hold then commit, where they are    their best of several settings
  Holdfast at half its rate, open loop; one request at a time    once each

  --seconds N      how long each is measured (10)
  --json FILE      the figures as JSON
  --limits FILE    JSON lines with the figures of the limits laboratory of the same minutes, to compare with; then the relay
                   with one link a side must reach 0.9 of the laboratory's
  --remember S     seconds for which Holdfast remembers ids; each run fills them before it measures (30: less is quicker,
                   and not what the figures are quoted for)
  --usual-priority relay, switch and generator run as any program; otherwise at real-time priority, where this user may (Redis
                   and PostgreSQL always run as any program)
  --out DIR        where the raw outputs stay; otherwise in a new directory beside the build, which is printed

Exit code: 0 when everything was measured and the books closed; 4 where a measurement is invalid (the table says which);
otherwise that of what failed.
TEXT
}

wrong() {
    printf 'bench: %s\n\n' "$*" >&2
    usage >&2
    exit 2
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
seconds=10
json=''
limits=''
remember=30
usual_priority=0
out=''
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=${2-}; shift ;;
        --json) json=${2-}; [ -n "$json" ] || wrong '--json needs a file'; shift ;;
        --limits) limits=${2-}; [ -f "$limits" ] || wrong "--limits needs a file, and there is no '$limits'"; shift ;;
        --remember) remember=${2-}; shift ;;
        --usual-priority) usual_priority=1 ;;
        --out) out=${2-}; [ -n "$out" ] || wrong '--out needs a directory'; shift ;;
        -h | --help) usage; exit 0 ;;
        *) wrong "$1 is no option" ;;
    esac
    [ $# -eq 0 ] || shift
done
case $seconds in '' | 0 | *[!0-9]*) wrong "--seconds needs a whole number from 1 on, found '$seconds'" ;; esac
case $remember in '' | *[!0-9]*) wrong "--remember needs a whole number, found '$remember'" ;; esac
[ "$remember" -ge 5 ] || wrong '--remember needs 5 or more'

say() { printf 'bench: %s\n' "$*" >&2; }
fail() {
    printf 'bench: FAILED: %s\n' "$*" >&2
    exit 1
}

# shellcheck source=scripts/switch.sh
. "$root/scripts/switch.sh"
# shellcheck source=scripts/peers.sh
. "$root/scripts/peers.sh"

priority=0
in_front=()
if [ "$usual_priority" = 0 ] && may_go_first; then
    priority=$real_time_priority
    in_front=(chrt -r "$priority")
    say "relay, switch and generator run at real-time priority $priority"
else
    say 'relay, switch and generator run at usual priority'
fi

# The switch remembers for a second longer than an id may be used; two more until the load has begun and is steady.
skew_s=1
fill=$((remember + skew_s + 2))

if [ -n "${HOLDFAST_PROGRAMS:-}" ]; then
    bin=$HOLDFAST_PROGRAMS
    target=$bin
else
    say 'building (the first time takes some minutes)'
    cargo build --locked --release --manifest-path "$root/Cargo.toml" -p holdfast -p holdfast-loadgen -p holdfast-benches \
        --bin holdfast --bin loadgen --bin relay --bin pairs --bin figures
    target=$(build_directory)
    bin=$target/release
fi
for program in holdfast loadgen relay pairs figures; do
    [ -x "$bin/$program" ] || fail "there is no $bin/$program"
done

if [ -n "$out" ]; then
    raw=$out
    [ ! -e "$raw/bench.json" ] || wrong "$raw holds an earlier run: name another --out"
else
    # Beside the build, because /tmp may be memory, and a journal there is on no disk.
    raw=$target/bench/$(date -u +%Y-%m-%dT%H-%M-%SZ)
fi
mkdir -p "$raw"
raw=$(cd "$raw" && pwd)
data=$raw/data
mkdir -p "$data"
volatile=''

switch=''
load=''
sampler=''
cleanup() {
    local status=$? process
    trap - EXIT INT TERM
    for process in $sampler $load $switch; do
        kill -TERM "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
    peers_end
    rm -rf "$data"
    [ -z "$volatile" ] || rm -rf "$volatile"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Room for one run at a time at a million a second: two facts of each payment, and segments made in advance.
journal_bytes_max=330
needed_mb=$(((fill + seconds + 3) * journal_bytes_max + 1500))
room_for 'each run' "$needed_mb" "$data" 'name another --out, or fewer --seconds'
# Memory for what is remembered, and as much to spare; ready before the measurement where there is enough.
available_mb=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
expected=$((available_mb * 1000000 / 4 / (90 * (remember + 2 * skew_s))))
[ "$expected" -le 1000000 ] || expected=1000000
say "memory is made ready for $expected ids a second, remembered for $remember s"

# The journal in memory, for as long as there is memory for it.
memory_mb=0
if [ -d /dev/shm ] && [ -w /dev/shm ]; then
    memory_mb=$((available_mb - expected * 90 * (remember + 2 * skew_s) / 1000000 - 2500))
    [ "$(free_mb /dev/shm)" -ge "$memory_mb" ] || memory_mb=$(free_mb /dev/shm)
fi
volatile_fill=$(((memory_mb - 1500) / journal_bytes_max - seconds - 3))
[ "$volatile_fill" -le "$fill" ] || volatile_fill=$fill
if [ "$volatile_fill" -lt 1 ]; then
    say "Holdfast without syncs is skipped: its journal needs $(((seconds + 4) * journal_bytes_max + 1500)) MB of memory in /dev/shm"
    printf 'Holdfast without syncs: too little memory in /dev/shm\n' >> "$raw/skipped.txt"
elif [ "$volatile_fill" -lt "$fill" ]; then
    say "Holdfast without syncs is filled for $volatile_fill s only: its journal is in memory"
fi
[ "$volatile_fill" -lt 1 ] || volatile=$(mktemp -d /dev/shm/holdfast-bench.XXXXXX)

# The switch's processor time and memory, twice a second since the load began.
sample() { # process, file
    printf 'ticks_per_s %s page_bytes %s\n' "$(getconf CLK_TCK)" "$(getconf PAGESIZE)" > "$2"
    local text fields
    while text=$(cat "/proc/$1/stat" 2>/dev/null); do
        read -r -a fields <<< "${text##*) }"
        printf '%s %s %s\n' "$EPOCHREALTIME" $((fields[11] + fields[12])) "${fields[21]}" >> "$2"
        sleep 0.5
    done
}

# One run of switch and generator with closed books.
holdfast_run() { # name, directory of the journal, warm-up, options of loadgen...
    local name=$1 journal=$2/journal warm_up=$3 dir=$raw/$1 code=0
    shift 3
    mkdir -p "$dir"
    {
        switch_configuration "$data/certs" "$journal"
        printf '\n[requests]\nwindow_max_ms = %s\nskew_max_ms = %s\nbudget_max_ms = 5000\nexpected_rate_per_s = %s\n' \
            $((remember * 1000)) $((skew_s * 1000)) "$expected"
        [ "$priority" = 0 ] || printf '\n[transport]\nreal_time_priority = %s\n' "$priority"
        switch_participants
    } > "$dir/holdfast.toml"
    [ -e "$data/certs/ca.pem" ] || { mkdir -p "$data/certs" && "$bin/holdfast" certs "$data/certs" --config "$dir/holdfast.toml" > /dev/null; }
    local admin
    admin=$(configured admin "$dir/holdfast.toml")
    "$bin/holdfast" serve --config "$dir/holdfast.toml" > "$dir/switch.log" 2>&1 &
    switch=$!
    switch_is_ready "$bin" "$switch" "$admin" || { tail -n 20 "$dir/switch.log" >&2; fail 'the switch did not start'; }
    say "Holdfast, $name"
    sample "$switch" "$dir/samples.txt" &
    sampler=$!
    ${in_front[@]+"${in_front[@]}"} "$bin/loadgen" run --switch "$(configured listen "$dir/holdfast.toml")" --certs "$data/certs" --admin "$admin" \
        -d "${seconds}s" -w "${warm_up}s" --mix pay:1 --no-history --expires "${remember}s" --plain -q -o "$dir" "$@" \
        > "$dir/loadgen.txt" 2>&1 &
    load=$!
    wait "$load" || code=$?
    load=''
    "$bin/holdfast" status --admin "$admin" --json > "$dir/status.json"
    kill "$sampler" 2>/dev/null || true
    wait "$sampler" 2>/dev/null || true
    sampler=''
    # 4: the measurement is invalid; the table says so.
    case $code in
        0 | 4) ;;
        *) cat "$dir/loadgen.txt" >&2; fail "the load generator ended with $code" ;;
    esac
    kill -TERM "$switch"
    wait "$switch" || fail "the switch ended with $?; see $dir/switch.log"
    switch=''
    rm -rf "$journal"
}

relay_run() { # name, links
    say "raw relay, $2 links a side"
    ${in_front[@]+"${in_front[@]}"} "$bin/relay" --seconds "$seconds" --links "$2" --window 4096 --mtu 1452 > "$raw/$1.json"
}

printf '{"seconds": %s, "window_s": %s, "warm_up_s": %s, "volatile_warm_up_s": %s, "mtu": 1452, "mix": "pay:1", "real_time_priority": %s}\n' \
    "$seconds" "$remember" "$fill" "$volatile_fill" "$priority" > "$raw/bench.json"
redis_begin
postgres_begin
pipelines=(1 16 64 256)
clients=(8 32 64)
for round in 1 2 3 4 5; do
    say "round $round of 5"
    relay_run "relay-$round" 3
    if [ -n "$limits" ] && [ $((round % 2)) = 1 ]; then relay_run "relay-one-link-$round" 1; fi
    if [ -n "$volatile" ] && [ $((round % 2)) = 1 ]; then
        holdfast_run "volatile-$round" "$volatile" "$volatile_fill" -r max --window 4096
    fi
    holdfast_run "durable-$round" "$data" "$fill" -r max --window 4096
    [ "$round" -gt ${#pipelines[@]} ] || redis_run "${pipelines[round - 1]}"
    [ "$round" -gt ${#clients[@]} ] || postgres_run "${clients[round - 1]}"
done
tigerbeetle_run
half=$("$bin/figures" "$raw" --half-rate)
holdfast_run half "$data" "$fill" -r "$half"
holdfast_run single "$data" 1 -r max --window 1
peers_end

say "the raw outputs are in $raw"
arguments=("$raw")
[ -z "$json" ] || arguments+=(--json "$json")
[ -z "$limits" ] || arguments+=(--limits "$limits")
"$bin/figures" "${arguments[@]}" | tee "$raw/table.txt"
