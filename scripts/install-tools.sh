#!/usr/bin/env bash
# Installs what the tests need beyond Rust, git and a C compiler: the two parts of the Rust toolchain that check format
# and style; and, where it may, what single tests need: strace and a browser. Does nothing where all is there.
set -euo pipefail

case ${1-} in
    -h | --help)
        cat <<'TEXT'
scripts/install-tools.sh

Installs what the tests need beyond Rust, git and a C compiler, and does nothing where all is there:

  rustfmt, clippy              with rustup; without them it fails
  strace, chromium, valgrind   with apt-get, as root; what is missing it names with the tests that are skipped without it
  gungraun-runner              with cargo, in the version of Cargo.lock, where valgrind is

It takes no arguments.
TEXT
        exit 0
        ;;
    '') ;;
    *) printf 'install-tools: it takes no arguments, found %s; see scripts/install-tools.sh --help\n' "$1" >&2; exit 2 ;;
esac

missing=()
for tool in cargo git; do
    command -v "$tool" >/dev/null || missing+=("$tool")
done
command -v cc >/dev/null || command -v gcc >/dev/null || command -v clang >/dev/null || missing+=('a C compiler (cc)')
if [ ${#missing[@]} -gt 0 ]; then
    printf 'install-tools: please install first: %s\n' "${missing[*]}" >&2
    exit 1
fi

for component in rustfmt clippy; do
    tool="cargo-${component#rust}"
    if ! command -v "$tool" >/dev/null; then
        command -v rustup >/dev/null || {
            printf 'install-tools: %s is missing and there is no rustup to add it\n' "$component" >&2
            exit 1
        }
        rustup component add "$component"
    fi
done

# What single tests need: without it they say that they were skipped, which is no reason to stop.
optional() { # command, Debian's package, what it is for
    command -v "$1" >/dev/null && return
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null &&
        { apt-get update && apt-get install -y --no-install-recommends "$2"; } >/dev/null 2>&1; then
        printf 'install-tools: %s installed\n' "$1"
    else
        printf 'install-tools: %s is missing and could not be installed; skipped will be: %s\n' "$1" "$3" >&2
    fi
}
optional strace strace 'a sync that fails in another process'
optional chromium chromium 'the report of a run in a browser'
optional valgrind valgrind 'the gate of instruction counts'

# It counts what scripts/bench-gate.sh compares, and must have the version of the library that it runs.
version=$(sed -n '/^name = "gungraun-runner"$/{n;s/^version = "\(.*\)"$/\1/p;}' "$(dirname "${BASH_SOURCE[0]}")/../Cargo.lock")
runner=$(command -v gungraun-runner || printf '%s' "${CARGO_HOME:-$HOME/.cargo}/bin/gungraun-runner")
if command -v valgrind >/dev/null && [ "$("$runner" --version 2>/dev/null)" != "gungraun-runner $version" ]; then
    if cargo install --locked --quiet gungraun-runner --version "=$version" >/dev/null 2>&1; then
        printf 'install-tools: gungraun-runner %s installed\n' "$version"
    else
        printf 'install-tools: gungraun-runner %s could not be installed; skipped will be: the gate of instruction counts\n' "$version" >&2
    fi
fi
printf 'install-tools: nothing else is needed\n'
