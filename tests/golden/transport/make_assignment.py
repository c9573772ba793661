"""Optimal assignments by scipy.optimize.linear_sum_assignment: writes assignment.json beside this script.

The costs are integers from a congruential generator that src/transport/assignment_test.cc repeats, so that
only the optimal sums are kept. Run with: python3 make_assignment.py
"""

import json
import pathlib

import numpy as np
from scipy.optimize import linear_sum_assignment


def costs(n, seed, values):
    """n × n integers in [0, values) from the top bits of Knuth's 64-bit generator."""
    state, out = seed, np.empty(n * n)
    for k in range(n * n):
        state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
        out[k] = (state >> 40) * values >> 24
    return out.reshape(n, n)


problems = []
for n in (1, 2, 5, 13, 16, 17, 22, 32, 33, 55, 64, 65, 100, 128, 200, 256):
    for values in (5, n + 1, 1 << 20):
        c = costs(n, n, values)
        rows, columns = linear_sum_assignment(c)
        problems.append({"n": n, "values": values, "optimum": int(c[rows, columns].sum())})
text = "[\n" + ",\n".join("  " + json.dumps(problem) for problem in problems) + "\n]\n"
pathlib.Path(__file__).with_name("assignment.json").write_text(text)
