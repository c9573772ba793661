#!/usr/bin/env python3
"""Writes free_energy.npz: BAR and MBAR of a few harmonic samples by pymbar 3.1, in the folder of this script."""
import os

import numpy as np
from pymbar import BAR, MBAR

random = np.random.RandomState(1)
centre = np.array([0.0, 1.0, 2.5, 1.5])
stiffness = np.array([1.0, 2.0, 0.7, 5.0])
n_k = np.array([20, 15, 25, 0])  # the last state is only reweighted to
x = np.concatenate([random.normal(c, k**-0.5, n) for c, k, n in zip(centre, stiffness, n_k)])
u_kn = 0.5 * stiffness[:, None] * (x[None, :] - centre[:, None]) ** 2
solution = MBAR(u_kn, n_k, relative_tolerance=1e-12)
f, error = solution.getFreeEnergyDifferences()[:2]

forward = (u_kn[1] - u_kn[0])[:20]
reverse = (u_kn[0] - u_kn[1])[20:35]
bar, bar_error = BAR(forward, reverse, relative_tolerance=1e-14)
np.savez(os.path.join(os.path.dirname(os.path.abspath(__file__)), "free_energy.npz"), u_kn=u_kn, n_k=n_k,
         f=f[0], error=error, overlap=solution.computeOverlap()["matrix"],
         forward=forward, reverse=reverse, bar=bar, bar_error=bar_error)
