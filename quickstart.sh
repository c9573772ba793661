#!/usr/bin/env bash
# From a fresh Debian 12 to reweighted equilibrium samples: installs packages, builds, and runs the preset dw4.
set -euo pipefail
cd "$(dirname "$0")"

scripts/install-packages.sh
scripts/build.sh release equibolt
build/release/equibolt run dw4 -o runs/dw4
echo
echo "The results are in runs/dw4:"
echo "  samples.npz      configurations, log density, energy and weight of each sample"
echo "  evaluation.json  effective sample size, free energy, likelihoods"
echo "The program is build/release/equibolt; see build/release/equibolt --help"
