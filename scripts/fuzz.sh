#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for some seconds on the files under tests/fuzz/seeds, models, presets ...:
#   scripts/fuzz.sh [SECONDS [FORMAT...]]     before a release: scripts/fuzz.sh 1200
# New inputs are kept in build/clang/fuzz/corpus; those that fail lie in build/clang/fuzz/found, and the script fails.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
[ $# -eq 0 ] || shift
scripts/build.sh clang fuzz
python3 tests/fuzz/run.py build/clang/tests/fuzz "$seconds" --work build/clang/fuzz "$@"
