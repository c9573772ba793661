"""Assignments, alignments and couplings beside scipy and numpy, on the same pairs in the same run.

    python3 bench/transport_scipy.py BUILD LJ13.npy LJ55.npy

BUILD is the folder of a release build with bench_transport and bench_egnn; the files hold configurations of the target,
(B, N, 3) or (B, 3 N), or are a run's data/test.npz. Pairs are Gaussians against these, and for 22 and 256 particles against
compact clusters. Prints processor times of one thread: of one assignment and of one pair of eq. 14 (assignment, Kabsch's
rotation, the distance left) the median with the quartiles of 200 problems by scipy.optimize.linear_sum_assignment and
numpy.linalg.svd, and the mean over as many by bench_transport with the spread of five repetitions; then the time that
each coupling takes of a training step. Run with OMP_NUM_THREADS=1 on a quiet machine.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy.optimize import linear_sum_assignment


def clusters(rng, count, n):
    """Points in a ball no closer than 0.85, by throwing again."""
    out = []
    while len(out) < count:
        points = np.zeros((0, 3))
        for _ in range(3000 * n):
            x = 0.65 * n ** (1 / 3) * rng.uniform(-1, 1, 3)
            if x @ x < (0.65 * n ** (1 / 3)) ** 2 and (((points - x) ** 2).sum(axis=1) > 0.85**2).all():
                points = np.vstack([points, x])
                if len(points) == n:
                    out.append(points)
                    break
    return np.array(out)


def times_of(function, arguments):
    times = []
    for argument in arguments:
        start = time.process_time()
        function(*argument)
        times.append(1e6 * (time.process_time() - start))
    return "{1:8.1f} ({0:.1f}–{2:.1f})".format(*np.percentile(times, (25, 50, 75)))


def eq14(x0, x1):
    _, columns = linear_sum_assignment(-x0 @ x1.T)
    x1 = x1[columns]
    u, s, vt = np.linalg.svd(x0.T @ x1)
    if np.linalg.det(u @ vt) < 0:
        s[-1] = -s[-1]
    return (x0**2).sum() + (x1**2).sum() - 2 * s.sum()


def kabsch(x0, x1):
    u, _, vt = np.linalg.svd(x0.T @ x1)
    u[:, -1] *= np.linalg.det(u @ vt)
    return u @ vt


def configurations(path, n):
    data = np.load(path)
    return np.asarray(data["x"] if path.endswith("npz") else data, np.float64).reshape(-1, n, 3)


def benchmark(program, pattern, environment):
    """The runs of a benchmark by name, each a dict, with the repetitions' mean and standard deviation."""
    text = subprocess.run(
        [program, f"--benchmark_filter={pattern}", "--benchmark_repetitions=5", "--benchmark_min_time=0.05",
         "--benchmark_format=json"],
        check=True, capture_output=True, text=True, env={**os.environ, **environment}).stdout
    runs = {}
    for run in json.loads(text)["benchmarks"]:
        runs.setdefault(run["run_name"], {})[run.get("aggregate_name", "")] = run
    return runs


def spread(run, scale=1.0):
    return f"{scale * run['median']['cpu_time']:8.2f} ± {scale * run['stddev']['cpu_time']:.2f}"


def main():
    build, lj13, lj55 = sys.argv[1:]
    rng = np.random.default_rng(0)
    x1 = {13: configurations(lj13, 13), 55: configurations(lj55, 55), 22: clusters(rng, 50, 22),
          256: clusters(rng, 4, 256)}
    with tempfile.TemporaryDirectory() as folder:
        pairs = {}
        for n in (13, 22, 55, 256):
            count = 20 if n == 256 else 200
            data = x1[n][rng.permutation(len(x1[n]))][np.arange(count) % len(x1[n])]
            prior = rng.normal(size=data.shape)
            pairs[n] = [x - x.mean(axis=1, keepdims=True) for x in (prior, data)]
            for name, x in zip(("x0", "x1"), pairs[n]):
                np.save(pathlib.Path(folder) / f"{name}_{n}.npy", x)
        environment = {"EQUIBOLT_PAIRS": folder}
        transport = benchmark(f"{build}/src/transport/bench_transport", "assignment|alignment|costs|coupling", environment)
    steps = benchmark(f"{build}/src/egnn/bench_egnn", "loss_gradient/threads:1/", {})

    print("µs, one thread            scipy and numpy         equibolt")
    for n in (13, 22, 55, 256):
        x0, data = pairs[n]
        theirs = times_of(linear_sum_assignment, [(-a @ b.T,) for a, b in zip(x0, data)])
        print(f"assignment, n = {n:3d}  {theirs:>24}  {spread(transport[f'assignment_of_particles/{n}'])}")
        size = 20 if n == 256 else 200
        theirs = times_of(linear_sum_assignment, [(rng.uniform(size=(n, n)),) for _ in range(size)])
        print(f"  of random costs     {theirs:>22}  {spread(transport[f'assignment_of_random_costs/{n}'])}")
        costs = transport.get(f"equivariant_costs/n:{n}/batch:32/alternate:0")
        ours = spread(costs, 1 / 32**2) if costs else "       -"
        print(f"pair of eq. 14, n = {n:3d}{times_of(eq14, zip(x0, data)):>22}  {ours}")
    theirs = times_of(kabsch, zip(*pairs[13]))
    print(f"alignment in 3-D      {theirs:>22}  {spread(transport['alignment_in_3d'], 1e-3)}")

    print("\nµs a sample, one thread: the step (forward, backward), the coupling, and its share of both")
    cases = (("LJ13, h 32, L 3", "A/", 13, 0), ("LJ55, h 64, L 5", "B/", 55, 0),
             ("22 typed atoms, h 64, L 5", "M/", 22, 1))
    for title, name, n, typed in cases:
        step = 1e6 / next(run for key, run in steps.items() if key.startswith(name))["median"]["samples/s"]
        for batch in (32, 256):
            for kind, coupling in enumerate(("independent", "ot", "equivariant_ot", "aligned")):
                run = transport[f"coupling/kind:{kind}/n:{n}/batch:{batch}/typed:{typed}"]
                each = run["median"]["cpu_time"] / batch
                print(f"{title:26} B {batch:3d}  {coupling:15} step {step:8.1f}  coupling {each:8.2f}"
                      f" ± {run['stddev']['cpu_time'] / batch:.2f}  {100 * each / (each + step):5.1f} %"
                      f"  {1e6 / each:9.3g} samples/s" + (f"  {1e6 * batch / each:9.3g} pairs/s" if kind == 2 else ""))


main()
