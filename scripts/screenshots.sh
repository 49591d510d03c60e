#!/usr/bin/env bash
# Makes the pictures in docs/ anew: the report of a ten-second demonstration, drawn by chromium without a window.
#   scripts/screenshots.sh [RATE]      operations a second, 5000 where none is given
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
rate=${1:-5000}
command -v chromium >/dev/null || { printf 'screenshots: chromium is missing; scripts/install-tools.sh installs it\n' >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$root/scripts/demo.sh" --seconds 10 --rate "$rate" --out "$work/demo" -- --slo 'p99<50ms' --slo 'errors<0.01%'
chromium --headless --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/browser" \
    --window-size=1200,2700 --screenshot="$root/docs/report.png" "file://$work/demo/report.html" 2>/dev/null
printf 'docs/report.png\n'
