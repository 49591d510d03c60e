#!/usr/bin/env bash
# Makes the pictures in docs/ anew from a ten-second demonstration: its report, drawn by chromium without a window, and the live
# screen as it stood at the end, drawn by the code that draws it.
set -euo pipefail

usage() {
    cat <<'TEXT'
scripts/screenshots.sh [RATE]

Makes docs/report.png and docs/live.svg anew: the report of a ten-second demonstration, drawn by chromium, and the live screen as it stood
at its end. It needs chromium (scripts/install-tools.sh) and builds what scripts/demo.sh does.

  RATE    operations a second (5000)

HOLDFAST_PROFILE=dev takes a debug build (release where it is not set).
TEXT
}

wrong() {
    printf 'screenshots: %s\n\n' "$*" >&2
    usage >&2
    exit 2
}

case ${1-} in
    -h | --help) usage; exit 0 ;;
    -*) wrong "$1 is no option" ;;
esac
[ $# -le 1 ] || wrong "expected a rate at most, found '$2' too"
root=$(cd "$(dirname "$0")/.." && pwd)
rate=${1:-5000}
case $rate in *[!0-9]*) wrong "RATE is a whole number, found '$rate'" ;; esac
command -v chromium >/dev/null || { printf 'screenshots: chromium is missing; scripts/install-tools.sh installs it\n' >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# An objective that is missed makes no picture worse.
"$root/scripts/demo.sh" --seconds 10 --rate "$rate" --out "$work/demo" -- --slo 'p99<100ms' --slo 'errors<0.01%' --decline-rate 0.03 --plain ||
    [ -e "$work/demo/report.html" ]
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/browser" \
    --window-size=1200,2560 --force-device-scale-factor=0.85 --screenshot="$root/docs/report.png" "file://$work/demo/report.html" 2>/dev/null
printf 'docs/report.png\n'
profile=${HOLDFAST_PROFILE:-release}
cargo run --quiet --locked --profile "$profile" --manifest-path "$root/Cargo.toml" -p holdfast-loadgen --example live_picture -- "$work/demo" > "$work/live.svg"
mv "$work/live.svg" "$root/docs/live.svg"
printf 'docs/live.svg\n'
