"""The pairings of src/transport/transport_bench.cc with scipy and numpy, for comparison.

    python3 bench/transport_scipy.py [configurations.npy]

Prints the median processor time of one assignment (scipy.optimize.linear_sum_assignment) and of one pair of
eq. 14 (assignment, Kabsch's rotation by numpy.linalg.svd, the distance left), for Gaussians against compact
clusters of n particles; the file, (B, 39), takes the place of the clusters of 13. Run with OMP_NUM_THREADS=1.
"""

import sys
import time

import numpy as np
from scipy.optimize import linear_sum_assignment


def clusters(rng, count, n):
    """Points in a ball no closer than 0.85, by throwing again."""
    out = []
    while len(out) < count:
        points = []
        for _ in range(3000 * n):
            x = 0.65 * n ** (1 / 3) * rng.uniform(-1, 1, 3)
            if x @ x < (0.65 * n ** (1 / 3)) ** 2 and all(((x - y) ** 2).sum() > 0.85**2 for y in points):
                points.append(x)
                if len(points) == n:
                    out.append(points)
                    break
    return np.array(out)


def median_time(function, arguments):
    times = []
    for argument in arguments:
        start = time.process_time()
        function(*argument)
        times.append(time.process_time() - start)
    return np.median(times)


def eq14(x0, x1):
    _, columns = linear_sum_assignment(-x0 @ x1.T)
    x1 = x1[columns]
    u, s, vt = np.linalg.svd(x0.T @ x1)
    if np.linalg.det(u @ vt) < 0:
        s[-1] = -s[-1]
    return (x0**2).sum() + (x1**2).sum() - 2 * s.sum()


rng = np.random.default_rng(0)
print("   n   assignment   pair of eq. 14")
for n in (13, 22, 55, 256):
    count = 20 if n == 256 else 200
    if n == 13 and len(sys.argv) > 1:
        x1 = np.load(sys.argv[1])[:count].reshape(-1, 13, 3)
    else:
        x1 = clusters(rng, min(count, 10), n)[rng.integers(0, min(count, 10), count)]
    x0 = rng.normal(size=(len(x1), n, 3))
    x0, x1 = (x - x.mean(axis=1, keepdims=True) for x in (x0, x1))
    assignment = median_time(linear_sum_assignment, [(-a @ b.T,) for a, b in zip(x0, x1)])
    print(f"{n:4d} {1e6 * assignment:9.1f} µs {1e6 * median_time(eq14, zip(x0, x1)):13.1f} µs")
