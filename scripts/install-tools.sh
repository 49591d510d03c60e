#!/usr/bin/env bash
# Installs what the tests need beyond Rust, git and a C compiler: the two parts of the Rust toolchain that check format
# and style, and strace, with which one test makes another process's sync fail. Does nothing where all is there.
set -euo pipefail

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

if ! command -v strace >/dev/null; then
    # Without it that one test says that it was skipped: not a reason to stop.
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && { apt-get update && apt-get install -y strace; } >/dev/null 2>&1; then
        printf 'install-tools: strace installed\n'
    else
        printf 'install-tools: strace is missing and could not be installed; one test of broken disks will be skipped\n' >&2
    fi
fi
printf 'install-tools: nothing else is needed\n'
