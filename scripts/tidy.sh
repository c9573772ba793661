#!/usr/bin/env bash
# clang-tidy over all sources, or those given; needs the Debian package clang-tidy and a dev build.
set -euo pipefail
cd "$(dirname "$0")/.."
cmake --preset dev >/dev/null
if [ $# -eq 0 ]; then mapfile -t files < <(git ls-files 'src/*.cc'); else files=("$@"); fi
clang-tidy -p build/dev --quiet "${files[@]}"
