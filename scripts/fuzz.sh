#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for some seconds on the files under tests: scripts/fuzz.sh [SECONDS]
# New inputs are kept in build/fuzz/corpus; one that fails is named by libFuzzer and lies in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER=clang++ -DEQUIBOLT_FUZZ=ON >/dev/null
cmake --build build/fuzz --target fuzz
for format in npy npz safetensors model config structure; do
  seeds=tests/golden/io
  [ $format = model ] && seeds=models
  [ $format = config ] && seeds=presets
  [ $format = structure ] && seeds=tests/golden/structures
  mkdir -p build/fuzz/corpus/$format
  echo "fuzzing $format for $seconds s"
  (cd build/fuzz && tests/fuzz/fuzz_$format corpus/$format ../../$seeds -max_total_time="$seconds" \
    -timeout=10 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1 2>&1 | grep -E "number_of_executed|ERROR|SUMMARY" || true)
done
if compgen -G "build/fuzz/crash-*" || compgen -G "build/fuzz/oom-*" || compgen -G "build/fuzz/timeout-*"; then exit 1; fi
