#!/usr/bin/env bash
# Builds the programs with what the compiler learns from a run of them on this machine.
# Works from any directory; honours CARGO_TARGET_DIR.
set -euo pipefail

usage() {
    cat <<'TEXT'
scripts/pgo.sh [--seconds N]

Profile-guided optimization, for who builds for a machine of their own: builds holdfast, loadgen and audit with counters, plays traffic of
all kinds and then payments at the highest rate against them, and builds them again with what was counted. It takes two release builds
(some minutes each) and about 6 GB beside the usual build; the programs are then in pgo/guided/release of the build directory.

  --seconds N   how long each of the two runs takes (8)

What it brought: docs/PERFORMANCE.md. It needs llvm-profdata of the compiler itself, which it adds with rustup. The usual release build does not need any of this.
TEXT
}

wrong() {
    printf 'pgo: %s\n\n' "$*" >&2
    usage >&2
    exit 2
}

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=scripts/switch.sh
. "$root/scripts/switch.sh"
seconds=8
while [ $# -gt 0 ]; do
    case $1 in
        --seconds) seconds=${2-}; shift ;;
        -h | --help) usage; exit 0 ;;
        *) wrong "$1 is no option" ;;
    esac
    [ $# -eq 0 ] || shift
done
case $seconds in '' | *[!0-9]*) wrong "--seconds needs a whole number, found '$seconds'" ;; esac
seconds=$((10#$seconds))
[ "$seconds" -gt 0 ] || wrong '--seconds needs at least 1'

say() {
    printf 'pgo: %s\n' "$*"
}

fail() {
    printf 'pgo: FAILED: %s\n' "$*" >&2
    exit 1
}

# Its format changes with the compiler's, so it must be the compiler's own.
tools=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin
if [ ! -x "$tools/llvm-profdata" ]; then
    command -v rustup > /dev/null || fail "there is no $tools/llvm-profdata, and no rustup to add it (component llvm-tools)"
    rustup component add llvm-tools
fi

work=$(build_directory)/pgo
mkdir -p "$work"
room_for 'a guided build' 6000 "$work" 'name another CARGO_TARGET_DIR'
rm -rf "$work/counts" "$work/guided.profdata"
mkdir "$work/counts"

build=(cargo build --locked --release --manifest-path "$root/Cargo.toml" -p holdfast -p holdfast-loadgen -p holdfast-audit)
counting="${RUSTFLAGS-} -Cprofile-generate=$work/counts"
say 'building with counters'
# What runs while it builds, such as macros, counts nowhere.
CARGO_TARGET_DIR=$work/counting RUSTFLAGS=$counting LLVM_PROFILE_FILE=/dev/null "${build[@]}"

say 'counting: all kinds of traffic, then payments at the highest rate'
for run in "--seconds $seconds" "--seconds $seconds --rate max"; do
    # shellcheck disable=SC2086 # two or four words
    CARGO_TARGET_DIR=$work/counting RUSTFLAGS=$counting "$root/scripts/demo.sh" $run > "$work/run.log" 2>&1 ||
        fail "scripts/demo.sh $run, see $work/run.log"
done
counts=("$work"/counts/*.profraw)
[ -e "${counts[0]}" ] || fail "the programs left no counts in $work/counts"
"$tools/llvm-profdata" merge --output "$work/guided.profdata" "${counts[@]}"

say 'building with what was counted'
CARGO_TARGET_DIR=$work/guided RUSTFLAGS="${RUSTFLAGS-} -Cprofile-use=$work/guided.profdata" "${build[@]}"
rm -rf "$work/counting" "$work/counts"
say "the programs are in $work/guided/release"
