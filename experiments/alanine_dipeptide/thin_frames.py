"""Some of the frames of each chain of a finished simulation: thin_frames.py RUN OUTPUT [STRIDE]; a stride of 5 made
classical-frames.npz."""
import sys

import numpy as np

def main(run, output, stride="10"):
    stride = int(stride)
    columns = {"x": [], "chain": [], "record": [], "energy": []}
    for part in ("train", "validation", "test"):
        data = np.load(f"{run}/data/{part}.npz")
        for chain in np.unique(data["chain"]):
            rows = np.flatnonzero(data["chain"] == chain)  # in the order of time
            kept = np.arange(stride - 1, len(rows), stride)
            columns["x"].append(data["x"][rows[kept]])
            columns["chain"].append(np.full(len(kept), chain, np.int32))
            columns["record"].append(kept.astype(np.int32))
            columns["energy"].append(data["energy"][rows[kept]])
    np.savez_compressed(output, **{name: np.concatenate(values) for name, values in columns.items()})


if __name__ == "__main__":
    main(*sys.argv[1:])
