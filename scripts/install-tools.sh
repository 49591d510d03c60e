#!/usr/bin/env bash
# Installs what the tests need beyond Rust, git and a C compiler: the two parts of the Rust toolchain that check format
# and style. Does nothing where all is there.
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
printf 'install-tools: nothing else is needed\n'
