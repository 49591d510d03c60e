# Sourced by scripts that start a switch to play against: three operators and three acquirers on loopback.
# It needs `root`, the directory of the repository.

# Nothing to run by itself.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    printf 'scripts/switch.sh is a part of scripts/bench.sh, scripts/demo.sh and scripts/soak.sh: run those, or see their --help\n'
    case ${1-} in -h | --help) exit 0 ;; *) exit 2 ;; esac
fi

# What measured runs give switch and generator, where they may.
real_time_priority=5

# Whether this user may give it, on a machine that has another core for everything else and keeps a share of each.
may_go_first() {
    [ "$(nproc)" -ge 2 ] && [ "$(cat /proc/sys/kernel/sched_rt_runtime_us 2>/dev/null || echo -1)" -ge 0 ] &&
        chrt -r "$real_time_priority" true 2>/dev/null
}

# A port that no socket of this machine has.
free_port() {
    local port hex
    while :; do
        port=$((20000 + RANDOM % 12000))
        hex=$(printf ':%04X ' "$port")
        cat /proc/net/{udp,udp6,tcp,tcp6} 2>/dev/null | grep -qi "$hex" || break
    done
    printf '%s' "$port"
}

# The beginning of a configuration, for a directory of certificates and one of the journal.
switch_configuration() { # certificates, journal
    cat <<TEXT
name = "switch"
listen = ["127.0.0.1:$(free_port)"]
admin = "127.0.0.1:$(free_port)"

[journal]
directory = "$2"

[tls]
certificate = "$1/switch.pem"
key = "$1/switch.key"
ca = "$1/ca.pem"
TEXT
}

# Who takes part and where payment IDs lead. Caps are far above what any run moves.
switch_participants() {
    local number
    for number in 1 2 3; do
        cat <<TEXT

[[participants]]
name = "operator-$number"
number = $number
roles = ["originates", "receives"]
caps = { EUR = "1000000000000.00", USD = "1000000000000.00" }
limits = { level_1 = {}, level_2 = {}, level_3 = {}, level_4 = {} }

[[routes]]
mps = "mps-$number"
destination = "operator-$number"
TEXT
    done
    for number in 1 2 3; do
        cat <<TEXT

[[participants]]
name = "acquirer-$number"
number = $((10 + number))
roles = ["receives"]
caps = { EUR = "1000000000000.00", USD = "1000000000000.00" }

[[routes]]
mps = "acq-$number"
destination = "acquirer-$number"
TEXT
    done
}

# The value of a key of a configuration, without its quotes and brackets.
configured() { # key, file
    sed -n "s/^$1 = //p" "$2" | tr -d '"[]' | head -n 1
}

# The directory in which cargo builds.
build_directory() {
    cargo metadata --locked --format-version 1 --no-deps --manifest-path "$root/Cargo.toml" |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# Waits until a switch answers on its admin address; fails where its process has ended or it takes a minute.
switch_is_ready() { # programs, process, admin
    local _
    for _ in $(seq 600); do
        kill -0 "$2" 2>/dev/null || return 1
        if "$1/holdfast" status --admin "$3" > /dev/null 2>&1; then return 0; fi
        sleep 0.1
    done
    return 1
}

# Megabytes that are free where a directory is.
free_mb() { # directory
    df -Pm "$1" | awk 'NR == 2 { print $4 }'
}

# Says what a run needs of a directory before it begins; fails, saying so, where that is not free. It needs `say` and `fail`.
room_for() { # what needs it, megabytes, directory, what else could be done
    local free
    free=$(free_mb "$3")
    say "$1 may need $2 MB of $3, which has $free MB free"
    [ "$free" -gt "$2" ] || fail "there is too little room: $4"
}
