"""A surrogate without what it was fitted to, a hundredth of the size: thin_surrogate.py INPUT OUTPUT. It made
surrogates/alanine_dipeptide-gfn2.npz of the output of `equibolt surrogate alanine_dipeptide --data relaxed.npz`; more
rounds can be added to the whole file only."""
import sys

import numpy as np

if __name__ == "__main__":
    source, output = sys.argv[1:]
    arrays = dict(np.load(source))
    for name in ("x", "difference", "gradient"):
        del arrays[name]
    np.savez(output, **arrays)
