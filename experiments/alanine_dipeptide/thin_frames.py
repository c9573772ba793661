"""Some of the frames of each chain of a finished simulation, without their forces: thin_frames.py RUN OUTPUT [STRIDE]. A
stride of 5 made classical-frames.npz, a stride of 1 gfn2-frames.npz. Frames of a biased simulation keep their bias."""
import sys

import numpy as np

def main(run, output, stride="10"):
    stride = int(stride)
    columns = {}
    for part in ("train", "validation", "test"):
        data = np.load(f"{run}/data/{part}.npz")
        for chain in np.unique(data["chain"]):
            rows = np.flatnonzero(data["chain"] == chain)  # in the order of time
            kept = np.arange(stride - 1, len(rows), stride)
            found = {"x": data["x"][rows[kept]], "chain": np.full(len(kept), chain, np.int32),
                     "record": kept.astype(np.int32), "energy": data["energy"][rows[kept]]}
            if "bias" in data:
                found["bias"] = data["bias"][rows[kept]]
            for name, values in found.items():
                columns.setdefault(name, []).append(values)
    arrays = {name: np.concatenate(values) for name, values in columns.items()}
    if "bias" in arrays:
        arrays["bias_is"] = data["bias_is"]
    np.savez_compressed(output, **arrays)


if __name__ == "__main__":
    main(*sys.argv[1:])
