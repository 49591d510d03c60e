# Sourced by bench.sh: what a user would pick instead of a switch, doing hold then commit on this machine. Each server has a
# directory of its own under `data`, listens on loopback alone, and is stopped by its process.
# It needs `root`, `bin`, `data`, `raw`, `seconds`, `say`, and free_port of switch.sh.

# Nothing to run by itself.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    printf 'scripts/peers.sh is a part of scripts/bench.sh: run that, or see its --help\n'
    case ${1-} in -h | --help) exit 0 ;; *) exit 2 ;; esac
fi

peer=''

# Stops the server that runs, if one does.
stop_peer() {
    if [ -n "$peer" ] && kill -0 "$peer" 2>/dev/null; then
        # SIGINT: PostgreSQL ends its clients first.
        kill -INT "$peer" 2>/dev/null || true
        wait "$peer" 2>/dev/null || true
    fi
    peer=''
}

# Says why a peer is not measured, once, here and in the table.
skip_peer() { # name, why
    say "$1 is skipped: $2"
    printf '%s: %s\n' "$1" "$2" >> "$raw/skipped.txt"
}

redis_ready=''
redis_begin() {
    command -v redis-server >/dev/null && command -v redis-cli >/dev/null ||
        { skip_peer Redis 'no redis-server (apt-get install redis-server)'; return; }
    local version
    version=$(redis-server --version | sed -n 's/.*v=\([0-9]*\)\..*/\1/p')
    [ "${version:-0}" -ge 7 ] || { skip_peer Redis "it has functions from 7 on, this is ${version:-unknown}"; return; }
    redis-server --version > "$raw/redis-version.txt"
    redis_ready=1
}

# A fresh Redis, and so many pairs as it can: a function for each half, the append-only file synced before each answer.
redis_run() { # pipeline
    [ -n "$redis_ready" ] || return 0
    local port _
    port=$(free_port)
    mkdir -p "$data/redis"
    redis-server --bind 127.0.0.1 --port "$port" --dir "$data/redis" --appendonly yes --appendfsync always --save '' \
        --auto-aof-rewrite-percentage 0 --daemonize no > "$raw/redis-$1.log" 2>&1 &
    peer=$!
    for _ in $(seq 100); do
        redis-cli -p "$port" ping 2>/dev/null | grep -q PONG && break
        kill -0 "$peer" 2>/dev/null || break
        sleep 0.1
    done
    redis-cli -p "$port" -x FUNCTION LOAD < "$root/benches/peers/hold_commit.lua" > /dev/null
    say "Redis, pipeline $1, 32 connections"
    "$bin/pairs" --address "127.0.0.1:$port" --pipeline "$1" --seconds "$seconds" > "$raw/redis-$1.json"
    stop_peer
    rm -rf "$data/redis"
}

postgres_programs=''
postgres_user=()
# PostgreSQL refuses to run as root: then its own user has the directory.
postgres_begin() {
    local candidate
    for candidate in "$(dirname "$(command -v initdb || printf /nowhere/initdb)")" /usr/lib/postgresql/*/bin; do
        if [ -x "$candidate/initdb" ] && [ -x "$candidate/pgbench" ]; then postgres_programs=$candidate; fi
    done
    [ -n "$postgres_programs" ] || { skip_peer PostgreSQL 'no initdb and pgbench (apt-get install postgresql)'; return; }
    postgres_data=$data/postgres
    if [ "$(id -u)" = 0 ]; then
        local user=postgres
        id "$user" >/dev/null 2>&1 || user=nobody
        postgres_user=(setpriv "--reuid=$user" "--regid=$(id -gn "$user")" --init-groups --)
        mkdir -p "$postgres_data"
        chown "$user" "$postgres_data"
        if ! "${postgres_user[@]}" test -w "$postgres_data"; then
            # Somebody's own directory is above it.
            rmdir "$postgres_data"
            postgres_data=$(mktemp -d /var/tmp/holdfast-postgres.XXXXXX)
            chown "$user" "$postgres_data"
        fi
    fi
    "$postgres_programs/postgres" --version > "$raw/postgres-version.txt"
    "${postgres_user[@]}" "$postgres_programs/initdb" -D "$postgres_data/cluster" -U postgres -A trust -E UTF8 --no-locale \
        > "$raw/postgres-initdb.txt" 2>&1 || { skip_peer PostgreSQL "initdb failed, see $raw/postgres-initdb.txt"; postgres_programs=''; return; }
    postgres_start
    "$postgres_programs/psql" -h 127.0.0.1 -p "$postgres_port" -U postgres -q -v ON_ERROR_STOP=1 -f "$root/benches/peers/hold_commit.sql"
    stop_peer
}

postgres_start() {
    local _
    postgres_port=$(free_port)
    "${postgres_user[@]}" "$postgres_programs/postgres" -D "$postgres_data/cluster" -p "$postgres_port" -k "$postgres_data" \
        -c listen_addresses=127.0.0.1 -c fsync=on -c synchronous_commit=on -c shared_buffers=1GB -c max_wal_size=8GB \
        -c checkpoint_timeout=30min -c max_connections=200 >> "$raw/postgres.log" 2>&1 &
    peer=$!
    for _ in $(seq 300); do
        "$postgres_programs/pg_isready" -q -h 127.0.0.1 -p "$postgres_port" && return
        kill -0 "$peer" 2>/dev/null || break
        sleep 0.1
    done
    fail "PostgreSQL did not start, see $raw/postgres.log"
}

postgres_run() { # clients
    [ -n "$postgres_programs" ] || return 0
    postgres_start
    local load=("$postgres_programs/pgbench" -h 127.0.0.1 -p "$postgres_port" -U postgres -n -M prepared -c "$1" -j 1
        -f "$root/benches/peers/pair.pgbench" -D number=0)
    "${load[@]}" -D "run=$((2 * $1))" -T 1 postgres > /dev/null 2>&1 || fail 'pgbench failed'
    say "PostgreSQL, $1 clients"
    "${load[@]}" -D "run=$((2 * $1 + 1))" -T "$seconds" -r postgres > "$raw/postgres-$1.txt" 2>&1 ||
        { cat "$raw/postgres-$1.txt" >&2; fail 'pgbench failed'; }
    # What pgbench counted must stand in the books.
    "$postgres_programs/psql" -h 127.0.0.1 -p "$postgres_port" -U postgres -At -v ON_ERROR_STOP=1 -c \
        'SELECT sum(held), (SELECT count(*) * 1250 FROM hold WHERE committed) - sum(debits) FROM account' \
        > "$raw/postgres-$1-books.txt"
    grep -qx '0|0' "$raw/postgres-$1-books.txt" || fail "the books of PostgreSQL do not close: $raw/postgres-$1-books.txt"
    stop_peer
}

# TigerBeetle brings a benchmark along, which starts a replica of its own. A pair is two of its transfers.
tigerbeetle_run() {
    command -v tigerbeetle >/dev/null || { skip_peer TigerBeetle 'no tigerbeetle on the PATH'; return; }
    say 'TigerBeetle, its own benchmark, 4 clients'
    (cd "$data" && tigerbeetle benchmark --clients=4 --transfer-count=$((seconds * 300000)) --transfer-pending) \
        > "$raw/tigerbeetle.txt" 2>&1 || skip_peer TigerBeetle "its benchmark failed, see $raw/tigerbeetle.txt"
}

# Takes away what the servers kept.
peers_end() {
    stop_peer
    case ${postgres_data:-} in
        /var/tmp/holdfast-postgres.*) rm -rf "$postgres_data" ;;
    esac
}
