#!/usr/bin/env bash
# Runs every test with `cargo test`, in the profile that has the settings of a release: what production runs is what is
# tested. Arguments go to `cargo test` (for one test: scripts/test.sh -p holdfast-core name_of_the_test).
# Works from any directory; honours CARGO_TARGET_DIR.
set -euo pipefail

case ${1-} in
    -h | --help)
        cat <<'TEXT'
scripts/test.sh [CARGO-TEST-ARGUMENT...]

Builds the programs and runs every test (in the profile testrelease). Arguments go to `cargo test`:

  scripts/test.sh -p holdfast-core                  the tests of one crate
  scripts/test.sh -p holdfast-tests --test kills    the tests of one file
  scripts/test.sh -p holdfast-core NAME -- --nocapture

A test that this machine does not allow (a filesystem of its own size, strace, a browser, real-time priority) counts as passed and is named at the
end. With HOLDFAST_NO_SKIPS=1 it fails. Every other argument than --help is one of `cargo test`, which refuses what it does not know.
TEXT
        exit 0
        ;;
esac
manifest=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/Cargo.toml

# The end-to-end tests start the programs of this build. All targets, so that no dependency is built once with the features
# of the programs and once with those of the tests.
cargo build --locked --manifest-path "$manifest" --workspace --all-targets --profile testrelease
target=$(cargo metadata --locked --format-version 1 --no-deps --manifest-path "$manifest" |
    sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
export HOLDFAST_PROGRAMS=$target/testrelease

if [ $# -eq 0 ]; then
    set -- --workspace
fi
HOLDFAST_SKIPPED=$(mktemp)
export HOLDFAST_SKIPPED
trap 'rm -f "$HOLDFAST_SKIPPED"' EXIT
code=0
cargo test --locked --manifest-path "$manifest" --profile testrelease --no-fail-fast "$@" || code=$?
# The last thing that is read: what passed because it was not run has shown nothing.
if [ -s "$HOLDFAST_SKIPPED" ]; then
    printf '\ntest: tests that were SKIPPED: %s, because this machine does not allow them (HOLDFAST_NO_SKIPS=1 makes that a failure):\n' \
        "$(wc -l < "$HOLDFAST_SKIPPED")"
    sort "$HOLDFAST_SKIPPED" | sed 's/^SKIPPED: /  /'
else
    printf '\ntest: no test was skipped\n'
fi
exit "$code"
