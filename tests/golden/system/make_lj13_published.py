#!/usr/bin/env python3
"""Makes lj13_published.npz: numbers about 2000 configurations of LJ13 that the paper's authors published (their validation
set, 10^4 configurations; every fifth is used). The set itself is not part of this repository.

Usage: make_lj13_published.py lj13_val.npy

float32 arrays (2000,): r12 and r6, the sums over pairs of d^-12 and d^-6; square, the sum over particles of the squared
distance from the centre; mean_distance, the mean over pairs.
"""
import pathlib
import sys

import numpy as np

x = np.load(sys.argv[1]).astype(float).reshape(-1, 13, 3)[::5]
i, j = np.triu_indices(13, 1)
d = np.linalg.norm(x[:, i] - x[:, j], axis=-1)
square = ((x - x.mean(1, keepdims=True)) ** 2).sum((1, 2))
arrays = {"r12": (d**-12).sum(1), "r6": (d**-6).sum(1), "square": square, "mean_distance": d.mean(1)}
np.savez_compressed(pathlib.Path(__file__).parent / "lj13_published.npz", **{k: v.astype("f4") for k, v in arrays.items()})
