#!/usr/bin/env python3
"""metrics.npz: distances of small sets of samples by numpy and scipy, which analyze/ and runs/ are compared with."""
import pathlib

import numpy as np
from scipy.optimize import linear_sum_assignment, linprog

rng = np.random.default_rng(1)


def transport(cost, p, q):
    """The least Σ c π of all plans π with marginals p and q, by linear programming."""
    n, m = cost.shape
    rows = np.kron(np.eye(n), np.ones(m))
    columns = np.kron(np.ones(n), np.eye(m))
    solved = linprog(cost.ravel(), A_eq=np.vstack([rows, columns]), b_eq=np.concatenate([p, q]), method="highs")
    assert solved.success
    return solved.fun


a, b, log_weights = rng.normal(size=25), 1.5 * rng.normal(size=17) + 0.5, 2 * rng.normal(size=25)
line = (a[:, None] - b) ** 2
uniform = [np.full(n, 1 / n) for n in (25, 17)]
weights = np.exp(log_weights) / np.exp(log_weights).sum()

torus_a, torus_b = rng.vonmises([-1.5, 2.8], [3, 2], (60, 2)), rng.vonmises([-2.5, -3], [2, 4], (60, 2))
difference = (torus_a[:, None] - torus_b + np.pi) % (2 * np.pi) - np.pi
cost = (difference**2).sum(-1)
torus_log_weights = rng.normal(size=60)
edges = np.linspace(-np.pi, np.pi, 13)
maps = [np.histogram2d(x[:, 0], x[:, 1], edges, weights=w / w.sum())[0]
        for x, w in ((torus_a, np.exp(torus_log_weights)), (torus_b, np.ones(60)))]

np.savez(pathlib.Path(__file__).with_name("metrics.npz"), line_a=a, line_b=b, line_log_weights=log_weights,
         line_w2=[np.sqrt(transport(line, *uniform))], line_w2_weighted=[np.sqrt(transport(line, weights, uniform[1]))],
         torus_a=torus_a, torus_b=torus_b, torus_log_weights=torus_log_weights,
         torus_w2=[np.sqrt(cost[linear_sum_assignment(cost)].mean())], torus_tv=[abs(maps[0] - maps[1]).sum() / 2])
