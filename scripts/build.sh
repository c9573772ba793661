#!/usr/bin/env bash
# Configures and builds a preset of CMakePresets.json: scripts/build.sh release|dev|asan [TARGET...]
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1
shift
cmake --preset "$preset" >/dev/null
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
cmake --build --preset "$preset" "${targets[@]}"
