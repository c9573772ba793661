#!/usr/bin/env bash
# Installs what is needed, builds, and runs all tests, the quick ones under sanitizers, the format check and the fuzz targets.
set -euo pipefail
cd "$(dirname "$0")"

scripts/install-packages.sh
scripts/format.sh --check
scripts/build.sh release
ctest --test-dir build/release -j "$(nproc)" --output-on-failure
scripts/build.sh asan
# Names of tests that take long end in "Slow".
GTEST_FILTER='-*Slow*' ctest --test-dir build/asan -j "$(nproc)" --output-on-failure -E Slow
scripts/fuzz.sh 3
