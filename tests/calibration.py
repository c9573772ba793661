#!/usr/bin/env python3
"""Whether the error bars of evaluations are honest, by repetition: prints a table. No test of test.sh: it takes minutes.

Usage: calibration.py BUILD_FOLDER [--work FOLDER] [--json FILE] [--system NAME]...

Draws samples from the shipped networks (and, for the harmonic system, from a network that was not trained, whose weights are those of
two Gaussians), simulates held-out data with another seed, and splits both into disjoint sets of n. BUILD_FOLDER/bench/calibration
computes each estimate from every pair of sets. Honest error bars have z_deviation, the standard deviation of (value − exact)/error, about
1, and within_95, the share with |z| < 1.96, about 0.95. No training; about five minutes of two cores. What has been made in --work is
used again.
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
HARMONIC = """
[system]
kind = "harmonic"
particles = 4
dim = 2
stiffness = 2.0
[simulate]
samples = 880000
[network]
hidden = 4
layers = 1
[train]
steps = 1
batch = 4
learning_rate = 1e-12
[flow]
method = "rk4"
steps = 2
[evaluate]
samples = 100000
test_samples = 110000
"""
# Flow samples, test densities, sizes of the sets, and the exact ln(Z/Z_prior): −(f/2) ln k for Gaussians, by quadrature for DW4.
SYSTEMS = {
    "harmonic": (None, None, (50, 1000), -3 * 0.6931471805599453),
    "dw4": (40000, 40000, (50, 400), 24.153601),
    "lj13": (40000, 40000, (100, 400), None),
}


def call(*arguments):
    subprocess.run([str(argument) for argument in arguments], check=True, stdout=subprocess.DEVNULL)


def files_of(system, equibolt, work):
    """samples.npz and test_densities.npz of a system."""
    folder = work / f"{system}-evaluation"
    if system == "harmonic":
        folder = work / "harmonic"
        (work / "harmonic.toml").write_text(HARMONIC)
        call(equibolt, "run", work / "harmonic.toml", "-o", folder, "-q")
    else:
        samples, densities, _, _ = SYSTEMS[system]
        data = work / f"{system}-data"
        call(equibolt, "simulate", system, "-o", data, "-q", "--set", "seed=5", "--set", "simulate.chains=32",
             "--set", f"simulate.samples={int(densities * 1.2)}")
        # A simulation's training data is as good as its test data for a network of another seed's.
        call(equibolt, "evaluate", ROOT / "models" / f"{system}.safetensors", "--data", data / "data" / "train.npz", "-n", samples,
             "-o", folder, "-q", "--set", f"evaluate.test_samples={densities}")
    return folder / "samples.npz", folder / "test_densities.npz"


def rows_of(system, build, work):
    files = files_of(system, build / "equibolt", work)
    _, _, sizes, exact = SYSTEMS[system]
    for n in sizes:
        known = [] if exact is None else [exact]
        printed = subprocess.run([str(a) for a in (build / "bench" / "calibration", *files, n, *known)], check=True,
                                 stdout=subprocess.PIPE, text=True).stdout
        for line in printed.splitlines():
            yield {"system": system, **json.loads(line)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--system", action="append", choices=SYSTEMS)
    options = parser.parse_args()
    work = options.work or pathlib.Path(tempfile.mkdtemp())
    work.mkdir(parents=True, exist_ok=True)
    rows = [row for system in options.system or SYSTEMS for row in rows_of(system, options.build, work)]
    print("| system | n | estimate | sets | without error bar | spread | mean error | z | within 95 % |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        found = "mean" in row
        shown = [f"{row[key]:.{digits}f}" if found else "–"
                 for key, digits in (("deviation", 4), ("mean_error", 4), ("z_deviation", 2), ("within_95", 2))]
        print("|", " | ".join([row["system"], str(row["n"]), f"`{row['estimate']}`", str(row["repetitions"]),
                               str(row["without_error_bar"]), *shown]), "|")
    if options.json:
        options.json.write_text(json.dumps({"command": "tests/calibration.py build/release --json experiments/calibration.json",
                                            "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
