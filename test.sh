#!/usr/bin/env bash
# Installs what is needed, checks the format, builds, and runs all tests.
# test.sh STAGE... runs some of the stages: format, release, clang (with sanitizers, without OpenMM and xtb), cuda (compiles the
# kernels for GPUs where nvcc is there), and asan_all (sanitizers in all rooms), which is not run unless it is named.
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

# Everything under GCC's sanitizers. Names of tests that take long end in "Slow".
asan_all() {
  cmake --preset asan -DEQUIBOLT_FEW_TARGETS=ON -DEQUIBOLT_PCH=ON >/dev/null
  scripts/build.sh asan
  GTEST_FILTER='-*Slow*' ctest --test-dir build/asan -j "$(nproc)" --output-on-failure -E Slow
}

# Another compiler, its sanitizers, and neither OpenMM nor xtb: the program, the tests of the rooms that handle memory and foreign
# bytes themselves, and the fuzz targets for a moment.
clang() {
  cmake --preset clang -DEQUIBOLT_PCH=ON >/dev/null
  scripts/build.sh clang equibolt fuzz test_core test_chemistry test_io test_system test_config test_transport test_egnn
  GTEST_FILTER='-*Slow*' ctest --test-dir build/clang -j "$(nproc)" --output-on-failure \
    -R '^(core|chemistry|io|system|config|transport|egnn)$'
  scripts/fuzz.sh 3
}

cuda() {
  if command -v nvcc >/dev/null || [ -x /usr/local/cuda/bin/nvcc ]; then
    scripts/build.sh cuda src/egnn/cuda_vector_field.o
  else
    echo "nvcc is not there: the kernels for GPUs are not compiled"
  fi
}

scripts/install-packages.sh
[ $# -gt 0 ] || set -- format release clang cuda
for stage in "$@"; do
  begun=$SECONDS
  echo "== $stage"
  "$stage"
  echo "== $stage: $((SECONDS - begun)) s"
done
