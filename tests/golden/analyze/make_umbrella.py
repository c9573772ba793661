#!/usr/bin/env python3
"""Writes umbrella.npz in the folder of this script: angles of a short umbrella sampling of alanine dipeptide, and what
pymbar 3.1 makes of them. Usage: make_umbrella.py RUN/umbrella.npz, of a run with 40 windows of 100 kT/rad²."""
import os
import sys

import numpy as np
from pymbar import MBAR

stiffness = 100.0
angles = np.load(sys.argv[1])["angles"][100:160].astype(np.float32)  # (blocks, windows), rad
windows = angles.shape[1]
centre = 2 * np.pi * np.arange(windows) / windows - np.pi
phi = angles.T.ravel().astype(float)
difference = (phi[None, :] - centre[:, None] + np.pi) % (2 * np.pi) - np.pi
u_kn = np.vstack([0.5 * stiffness * difference**2, np.zeros(len(phi))])  # the last state is the unbiased one
solution = MBAR(u_kn, np.append(np.full(windows, len(angles)), 0), relative_tolerance=1e-12)
population = solution.getWeights()[(phi > 0) & (phi < 2), -1].sum()
overlap = solution.computeOverlap()["matrix"]
np.savez(os.path.join(os.path.dirname(os.path.abspath(__file__)), "umbrella.npz"), angles=angles, stiffness=stiffness,
         free_energy=-np.log(population / (1 - population)), overlap=[overlap[w, (w + 1) % windows] for w in range(windows)])
