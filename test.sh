#!/usr/bin/env bash
# Installs what is needed, checks the format, builds, and runs all tests.
# test.sh STAGE... runs some of the stages: format, release, asan, asan_all (sanitizers), fuzz, portable (clang, without OpenMM and xtb),
# cuda (compiles the kernels for GPUs where nvcc is there).
set -euo pipefail
cd "$(dirname "$0")"

format() { scripts/format.sh --check; }

# All tests; none may be skipped for want of software.
release() {
  cmake --preset release -DEQUIBOLT_WERROR=ON -DEQUIBOLT_PCH=ON >/dev/null
  scripts/build.sh release
  rm -rf build/release/results
  EQUIBOLT_NO_SKIPS=1 GTEST_OUTPUT="json:$PWD/build/release/results/" \
    ctest --test-dir build/release -j "$(nproc)" --output-on-failure
  python3 tests/check_skipped.py build/release/results
}

# The rooms that handle memory and foreign bytes themselves; all rooms are the stage asan_all. Names of tests that take long end in
# "Slow".
asan() {
  cmake --preset asan -DEQUIBOLT_FEW_TARGETS=ON -DEQUIBOLT_PCH=ON >/dev/null
  scripts/build.sh asan test_core test_chemistry test_io test_system test_config test_transport test_egnn
  GTEST_FILTER='-*Slow*' ctest --test-dir build/asan -j "$(nproc)" --output-on-failure \
    -R '^(core|chemistry|io|system|config|transport|egnn)$'
}

asan_all() {
  cmake --preset asan -DEQUIBOLT_FEW_TARGETS=ON -DEQUIBOLT_PCH=ON >/dev/null
  scripts/build.sh asan
  GTEST_FILTER='-*Slow*' ctest --test-dir build/asan -j "$(nproc)" --output-on-failure -E Slow
}

# Another compiler, and neither OpenMM nor xtb: the program, and the tests of the rooms that notice.
portable() {
  scripts/build.sh portable equibolt test_core test_chemistry test_io test_system test_config
  GTEST_FILTER='-*Slow*' ctest --test-dir build/portable -j "$(nproc)" --output-on-failure -R '^(core|chemistry|io|system|config)$'
}

cuda() {
  if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then
    cmake --preset cuda -DEQUIBOLT_FEW_TARGETS=ON >/dev/null
    scripts/build.sh cuda equibolt_egnn
  else
    echo "nvcc is not there: the kernels for GPUs are not compiled"
  fi
}

fuzz() { scripts/fuzz.sh 3; }

scripts/install-packages.sh
[ $# -gt 0 ] || set -- format release asan fuzz portable cuda
for stage in "$@"; do
  begun=$SECONDS
  echo "== $stage"
  "$stage"
  echo "== $stage: $((SECONDS - begun)) s"
done
