"""The vector field (docs/mathematics.md) of one sample in JAX, in the two forms of network_torch.py.

Weights are a dict by the names of the paper's authors; t is a number, x (N, D), one_hot (N, K). `dtype` is the
precision of the edges' products (their sums, and all else, are float32).
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax.nn import sigmoid, silu


def linear(weights, name, value):
    out = value @ weights[name + ".weight"].T
    return out + weights[name + ".bias"] if name + ".bias" in weights else out


def start(weights, t, x, one_hot):
    time = jnp.broadcast_to(t, (len(x), 1))
    return linear(weights, "embedding", jnp.concatenate([one_hot, time], -1))


def without_mean(v):
    return v - v.mean(0)


def plain(weights, layers, t, x, one_hot, dtype=jnp.float32):
    n = len(x)
    i, j = np.nonzero(~np.eye(n, dtype=bool))
    lin = lambda name, value: linear(weights, name, value)  # noqa: E731
    h = start(weights, t, x, one_hot)
    distance_0 = jnp.sum((x[i] - x[j]) ** 2, -1, keepdims=True)
    y = x
    for layer in range(layers):
        at = f"gcl_{layer}."
        r = y[i] - y[j]
        distance = jnp.sum(r**2, -1, keepdims=True)
        m = jnp.concatenate([h[i], h[j], distance, distance_0], -1)
        m = silu(lin(at + "edge_mlp.2", silu(lin(at + "edge_mlp.0", m))))
        m = m * sigmoid(lin(at + "att_mlp.0", m))
        f = jnp.tanh(lin(at + "coord_mlp.2", silu(lin(at + "coord_mlp.0", m)))) * (15.0 / layers)
        y = y + jax.ops.segment_sum(r / (jnp.sqrt(distance + 1e-8) + 1) * f, i, n)
        total = jax.ops.segment_sum(m, i, n)
        h = h + lin(at + "node_mlp.2", silu(lin(at + "node_mlp.0", jnp.concatenate([h, total], -1))))
    return without_mean(y - x)


def dense(weights, layers, t, x, one_hot, dtype=jnp.float32):
    n, width = len(x), weights["embedding.weight"].shape[0]
    others = 1 - jnp.eye(n)[:, :, None]
    lin = lambda name, value: linear(weights, name, value)  # noqa: E731

    def edge_product(name, value):
        product = jnp.matmul(
            value.astype(dtype), weights[name + ".weight"].T.astype(dtype), preferred_element_type=jnp.float32
        )
        return product + weights[name + ".bias"]

    h = start(weights, t, x, one_hot)
    distance_0 = jnp.sum((x[:, None] - x[None]) ** 2, -1, keepdims=True)
    y = x
    for layer in range(layers):
        at = f"gcl_{layer}."
        r = y[:, None] - y[None]  # (N, N, D)
        distance = jnp.sum(r**2, -1, keepdims=True)
        w1 = weights[at + "edge_mlp.0.weight"]
        of_i = h @ w1[:, :width].T + weights[at + "edge_mlp.0.bias"]
        of_j = h @ w1[:, width : 2 * width].T
        e = of_i[:, None] + of_j[None] + distance * w1[:, 2 * width] + distance_0 * w1[:, 2 * width + 1]
        m = silu(edge_product(at + "edge_mlp.2", silu(e)))
        m = m * (sigmoid(lin(at + "att_mlp.0", m)) * others)
        f = jnp.tanh(lin(at + "coord_mlp.2", silu(edge_product(at + "coord_mlp.0", m)))) * (15.0 / layers)
        y = y + jnp.sum(r / (jnp.sqrt(distance + 1e-8) + 1) * f, 1)
        if layer + 1 < layers:  # the last layer's nodes have no effect
            total = m.sum(1)
            h = h + lin(at + "node_mlp.2", silu(lin(at + "node_mlp.0", jnp.concatenate([h, total], -1))))
    return without_mean(y - x)
