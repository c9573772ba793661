"""Every tenth frame of each chain of a finished simulation: thin_frames.py RUN OUTPUT made classical-frames.npz."""
import sys

import numpy as np

STRIDE = 10


def main(run, output):
    columns = {"x": [], "chain": [], "record": [], "energy": []}
    for part in ("train", "validation", "test"):
        data = np.load(f"{run}/data/{part}.npz")
        for chain in np.unique(data["chain"]):
            rows = np.flatnonzero(data["chain"] == chain)  # in the order of time
            kept = np.arange(STRIDE - 1, len(rows), STRIDE)
            columns["x"].append(data["x"][rows[kept]])
            columns["chain"].append(np.full(len(kept), chain, np.int32))
            columns["record"].append(kept.astype(np.int32))
            columns["energy"].append(data["energy"][rows[kept]])
    np.savez_compressed(output, **{name: np.concatenate(values) for name, values in columns.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
