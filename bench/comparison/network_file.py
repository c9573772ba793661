"""A network's weights with inputs, in the .npz layout of tests/golden (and of the worker in C++)."""

import numpy as np


class NetworkFile:
    """Weights by the names of the paper's authors, and (t, x, target) of a batch; all float32."""

    def __init__(self, path, batch=0):
        with np.load(path) as npz:
            self.types = npz["types"].astype(np.int64)  # (N,)
            self.dim, self.hidden, self.layers, self.type_features = (
                int(npz[name]) for name in ("dim", "hidden", "layers", "n_type_features")
            )
            prefix = "weight."
            self.weights = {
                name.removeprefix(prefix): npz[name].astype(np.float32)
                for name in npz.files
                if name.startswith(prefix) and "embedding_out" not in name  # which nothing uses
            }
            end = batch or len(npz["t"])
            self.t = npz["t"][:end].astype(np.float32)  # (B,)
            self.x = npz["x"][:end].astype(np.float32)  # (B, N, D)
            self.target = npz["target"][:end].astype(np.float32)  # (B, N, D)
        self.particles = len(self.types)
        # (N, type_features): what stands beside t in the node input.
        self.one_hot = np.eye(max(self.type_features, 1), dtype=np.float32)[self.types][:, : self.type_features]


def particles(path):
    with np.load(path) as npz:
        return len(npz["types"])


def write_random(path, case, seed=1):
    """A network of `case`'s shape at PyTorch's initialisation, but with position heads that move the particles,
    and `case["batch"]` inputs from the prior."""
    rng = np.random.default_rng(seed)
    h, layers, k = case["hidden"], case["layers"], case["type_features"] + 1
    arrays = {}

    def linear(name, outputs, inputs, bias=True):
        bound = 1 / np.sqrt(inputs)
        arrays[f"weight.{name}.weight"] = rng.uniform(-bound, bound, (outputs, inputs)).astype(np.float32)
        if bias:
            arrays[f"weight.{name}.bias"] = rng.uniform(-bound, bound, outputs).astype(np.float32)

    linear("embedding", h, k)
    for layer in range(layers):
        linear(f"gcl_{layer}.edge_mlp.0", h, 2 * h + 2)
        linear(f"gcl_{layer}.edge_mlp.2", h, h)
        linear(f"gcl_{layer}.att_mlp.0", 1, h)
        linear(f"gcl_{layer}.coord_mlp.0", h, h)
        linear(f"gcl_{layer}.coord_mlp.2", 1, h, bias=False)
        linear(f"gcl_{layer}.node_mlp.0", h, 2 * h)
        linear(f"gcl_{layer}.node_mlp.2", h, h)
    linear("embedding_out", k, h)
    shape = (case["batch"], len(case["types"]), case["dim"])
    for name in ("x", "target"):
        values = rng.normal(size=shape)
        arrays[name] = (values - values.mean(1, keepdims=True)).astype(np.float32)
    arrays["t"] = rng.uniform(size=shape[0]).astype(np.float32)
    numbers = {"dim": case["dim"], "hidden": h, "layers": layers, "n_type_features": case["type_features"]}
    np.savez(
        path,
        types=np.array(case["types"], np.int64),
        **{name: np.int64(value) for name, value in numbers.items()},
        **arrays,
    )
