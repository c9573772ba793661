#!/usr/bin/env python3
"""Makes egnn_layers.npz and egnn_plane.npz: random networks of the kind in src/egnn/spec/reference.h and what PyTorch's
automatic differentiation in float64 makes of them. First it does the same for egnn_tiny.npz and egnn_one_layer.npz, which
another program made, and ends unless the results agree. Needs PyTorch, the Debian package python3-torch 1.13 for instance.
"""
import pathlib

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent
CASES = {  # N, D, hidden, layers, types, batch
    "egnn_layers": (13, 3, 8, 4, 3, 2),
    "egnn_plane": (22, 2, 7, 3, 0, 2),
}


def silu(x):
    return x * torch.sigmoid(x)


def linear(weights, name, x):
    y = x @ weights[name + ".weight"].T
    return y + weights[name + ".bias"] if name + ".bias" in weights else y


def velocity(weights, layers, one_hot, t, x):
    """v (N, D) of one configuration x (N, D), by the paper's equations; edges i←j are all i ≠ j."""
    n = len(x)
    i, j = [torch.tensor(side) for side in zip(*((a, b) for a in range(n) for b in range(n) if a != b))]
    h = linear(weights, "embedding", torch.cat([one_hot, t.expand(n, 1)], 1))
    y, d2_input = x, ((x[i] - x[j]) ** 2).sum(1, keepdim=True)
    for layer in range(layers):
        def mlp(name, z, layer=layer):
            return linear(weights, f"gcl_{layer}.{name}", z)
        difference = y[i] - y[j]
        d2 = (difference ** 2).sum(1, keepdim=True)
        m = silu(mlp("edge_mlp.2", silu(mlp("edge_mlp.0", torch.cat([h[i], h[j], d2, d2_input], 1)))))
        m = m * torch.sigmoid(mlp("att_mlp.0", m))
        phi = torch.tanh(mlp("coord_mlp.2", silu(mlp("coord_mlp.0", m)))) * 15 / layers
        y = y.index_add(0, i, difference / (torch.sqrt(d2 + 1e-8) + 1) * phi)
        gathered = torch.zeros_like(h).index_add(0, i, m)
        h = h + mlp("node_mlp.2", silu(mlp("node_mlp.0", torch.cat([h, gathered], 1))))
    u = y - x
    return u - u.mean(0)


def results(case):
    """What a golden file holds beside its inputs."""
    weights = {name[7:]: torch.tensor(case[name], requires_grad=True) for name in case if name.startswith("weight.")}
    types, features, layers = torch.tensor(case["types"]), int(case["n_type_features"]), int(case["layers"])
    one_hot = torch.nn.functional.one_hot(types, features).double() if features else torch.zeros(len(types), 0).double()
    t, target, cot_v = (torch.tensor(case[name]) for name in ("t", "target", "cot_v"))
    x = torch.tensor(case["x"], requires_grad=True)

    def field(b, x_b):
        return velocity(weights, layers, one_hot, t[b], x_b)

    v = torch.stack([field(b, x[b]) for b in range(len(x))])
    loss = ((v - target) ** 2).mean()
    out = {"v": v, "loss": loss}
    for prefix, scalar in (("vjp", (v * cot_v).sum()), ("grad_loss", loss)):
        gradients = torch.autograd.grad(scalar, [x, *weights.values()], retain_graph=True, allow_unused=True)
        out[prefix + "_x"] = gradients[0]
        for (name, weight), gradient in zip(weights.items(), gradients[1:]):
            out[f"{prefix}.{name}"] = torch.zeros_like(weight) if gradient is None else gradient
    jacobian = [torch.autograd.functional.jacobian(lambda x_b, b=b: field(b, x_b), x[b].detach()) for b in range(len(x))]
    out["divergence"] = torch.stack([torch.einsum("idid->", j) for j in jacobian])
    return {name: value.detach().numpy() for name, value in out.items()}


def check(name):
    case = dict(np.load(FOLDER / f"{name}.npz"))
    for array, found in results(case).items():
        expected = case[array]
        error = np.linalg.norm(found - expected) / max(np.linalg.norm(expected), 1e-300)
        if not (error <= 1e-11 or np.linalg.norm(found - expected) == 0):
            raise SystemExit(f"{name}: {array} differs by {error:.1e} of its size")
    print(f"{name}: agrees to 1e-11")


def make(name, n, dim, hidden, layers, features, batch):
    random = np.random.default_rng(list(name.encode()))

    def numbers(array):  # float32 can hold them
        return np.asarray(array, np.float32).astype(np.float64)

    shapes = {"embedding": (hidden, features + 1)}
    for layer in range(layers):
        for part, shape in (("edge_mlp.0", (hidden, 2 * hidden + 2)), ("edge_mlp.2", (hidden, hidden)),
                            ("att_mlp.0", (1, hidden)), ("coord_mlp.0", (hidden, hidden)), ("coord_mlp.2", (1, hidden)),
                            ("node_mlp.0", (hidden, 2 * hidden)), ("node_mlp.2", (hidden, hidden))):
            shapes[f"gcl_{layer}.{part}"] = shape
    shapes["embedding_out"] = (features + 1, hidden)
    case = {"dim": np.int64(dim), "hidden": np.int64(hidden), "layers": np.int64(layers),
            "n_type_features": np.int64(features),
            "types": random.integers(0, features, n) if features else np.zeros(n, np.int64)}
    for part, shape in shapes.items():
        bound = 1 / np.sqrt(shape[1])
        case[f"weight.{part}.weight"] = numbers(random.uniform(-bound, bound, shape))
        if not part.endswith("coord_mlp.2"):
            case[f"weight.{part}.bias"] = numbers(random.uniform(-bound, bound, shape[0]))
    case["t"] = numbers(random.uniform(size=batch))
    for array in ("x", "target", "cot_v"):
        case[array] = numbers(random.normal(size=(batch, n, dim)))
    case["x"][0, 1] = numbers(case["x"][0, 0] + 1e-3)  # a pair that nearly coincides
    case |= results(case)
    np.savez_compressed(FOLDER / f"{name}.npz", **case)
    print(f"{name}: divergence {case['divergence']}, |v| {np.linalg.norm(case['v']):.3g}")


for name in ("egnn_tiny", "egnn_one_layer"):
    check(name)
for name, shape in CASES.items():
    make(name, *shape)
