#!/usr/bin/env python3
"""Writes the arrays of src/io's tests with numpy, in the folder of this script."""
import os

import numpy as np

os.chdir(os.path.dirname(os.path.abspath(__file__)))
x = (np.arange(24).reshape(2, 3, 4) - 7.5) / 4
np.save("f8.npy", x)
np.save("f4.npy", x.astype("f4"))
np.save("f8_fortran.npy", np.asfortranarray(x))
np.save("i8.npy", np.arange(5) - 2)
np.save("i4.npy", np.arange(5, dtype="i4") - 2)
np.save("u1.npy", np.arange(5, dtype="u1"))
np.save("bool.npy", np.array([True, False, True]))
np.save("scalar.npy", np.float64(0.25))
np.save("empty.npy", np.zeros((0, 3)))
for version in ((2, 0), (3, 0)):
    with open(f"f8_v{version[0]}.npy", "wb") as file:
        np.lib.format.write_array(file, x, version=version)
np.savez("stored.npz", x=x, n=np.arange(5) - 2)
np.savez_compressed("deflated.npz", x=x, zeros=np.zeros(2000))
