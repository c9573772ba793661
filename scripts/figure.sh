#!/usr/bin/env bash
# Makes docs/figures/lj13.svg, the figure of README.md: energies and pair distances of LJ13 as the network of models/ draws
# them, the same reweighted, and a simulation's. About five minutes on two cores: scripts/figure.sh [FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-$(mktemp -d)}
program=build/release/equibolt

"$program" simulate lj13 -o "$folder/lj13" --set simulate.samples=40000
"$program" evaluate models/lj13.safetensors --data "$folder/lj13/data/test.npz" -n 20000 -o "$folder/evaluation" \
  --set flow.divergence_nodes=16 --set evaluate.test_samples=5000
python3 - "$folder" <<'END'
import json, pathlib, sys
folder = pathlib.Path(sys.argv[1])
evaluation = json.loads((folder / "evaluation" / "evaluation.json").read_text())
for name in ("energy", "distance"):
    h = evaluation[f"{name}_histogram"]
    columns = [h[part][what] for part in ("test", "samples", "reweighted") for what in ("density", "error")]
    width = (h["high"] - h["low"]) / len(columns[0])
    rows = [[f"{value:.4g}" for value in (h["low"] + (k + 0.5) * width, *row)] for k, row in enumerate(zip(*columns))]
    (folder / f"{name}.dat").write_text("".join(" ".join(row) + "\n" for row in rows))
END
mkdir -p docs/figures
gnuplot <<END
set terminal svg size 760,310 font "sans-serif,12" background "#ffffff"
set encoding utf8
set output "docs/figures/lj13.svg"
set border 3
set tics nomirror out
set key top right samplen 2
set yrange [0:]
set ylabel "density"
set multiplot layout 1,2 margins 0.11,0.98,0.2,0.95 spacing 0.1
set xlabel "energy, kT"
set xrange [-65:-10]
plot "$folder/energy.dat" using 1:2 with boxes lc rgb "#0072b2" fs solid 0.25 noborder title "simulation", \
  "" using 1:4 with histeps lw 2 lc rgb "#d55e00" title "flow", \
  "" using 1:6 with points pt 7 ps 0.35 lc rgb "#009e73" title "flow, reweighted", \
  "" using 1:(\$6-\$7):(0):(2*\$7) with vectors nohead lc rgb "#009e73" notitle
unset ylabel
set xlabel "distance of two particles"
set xrange [0.7:4]
plot "$folder/distance.dat" using 1:2 with boxes lc rgb "#0072b2" fs solid 0.25 noborder notitle, \
  "" using 1:4 with histeps lw 2 lc rgb "#d55e00" notitle, \
  "" using 1:6 with points pt 7 ps 0.35 lc rgb "#009e73" notitle
END
echo "docs/figures/lj13.svg, from $folder"
