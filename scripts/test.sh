#!/usr/bin/env bash
# Runs every test with `cargo test`, in the profile that has the settings of a release: what production runs is what is
# tested. Arguments go to `cargo test` (for one test: scripts/test.sh -p holdfast-core name_of_the_test).
# Works from any directory; honours CARGO_TARGET_DIR.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The end-to-end tests start these programs and look for them beside themselves.
cargo build --locked --workspace --bins --profile testrelease

if [ $# -eq 0 ]; then
    set -- --workspace
fi
exec cargo test --locked --profile testrelease "$@"
