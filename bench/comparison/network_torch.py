"""The vector field (docs/mathematics.md) in PyTorch, in two forms.

`plain` is what one writes down first: a list of edges, their inputs concatenated, messages summed by index.
`dense` has the (N, N) pairs as axes: W1's parts for h_i and h_j are applied per particle and added by
broadcasting, and sums are sums over an axis.
Weights are a dict by the names of the paper's authors; t (B,), x (B, N, D), one_hot (N, K).
"""

import torch
from torch.nn.functional import linear, silu


def node_input(t, x, one_hot):
    """(B, N, K + 1): the type's one-hot, then t."""
    batch, n = x.shape[:2]
    time = t.reshape(-1, 1, 1).expand(batch, n, 1)
    return torch.cat([one_hot.expand(batch, n, one_hot.shape[1]), time], -1)


def without_mean(v):
    return v - v.mean(1, keepdim=True)


def plain(weights, layers, t, x, one_hot):
    n = x.shape[1]
    i, j = (~torch.eye(n, dtype=torch.bool)).nonzero(as_tuple=True)

    def lin(name, value):
        return linear(value, weights[name + ".weight"], weights.get(name + ".bias"))

    h = lin("embedding", node_input(t, x, one_hot))
    distance_0 = (x[:, i] - x[:, j]).square().sum(-1, keepdim=True)
    y = x
    for layer in range(layers):
        at = f"gcl_{layer}."
        r = y[:, i] - y[:, j]
        distance = r.square().sum(-1, keepdim=True)
        m = torch.cat([h[:, i], h[:, j], distance, distance_0], -1)
        m = silu(lin(at + "edge_mlp.2", silu(lin(at + "edge_mlp.0", m))))
        m = m * torch.sigmoid(lin(at + "att_mlp.0", m))
        f = torch.tanh(lin(at + "coord_mlp.2", silu(lin(at + "coord_mlp.0", m)))) * (15.0 / layers)
        y = y.index_add(1, i, r / ((distance + 1e-8).sqrt() + 1) * f)
        total = torch.zeros_like(h).index_add(1, i, m)
        h = h + lin(at + "node_mlp.2", silu(lin(at + "node_mlp.0", torch.cat([h, total], -1))))
    return without_mean(y - x)


def dense(weights, layers, t, x, one_hot):
    n, width = x.shape[1], weights["embedding.weight"].shape[0]
    others = (1 - torch.eye(n)).reshape(1, n, n, 1)

    def lin(name, value):
        return linear(value, weights[name + ".weight"], weights.get(name + ".bias"))

    def squares(r):
        return r.square().sum(-1, keepdim=True)

    h = lin("embedding", node_input(t, x, one_hot))
    distance_0 = squares(x[:, :, None] - x[:, None])
    y = x
    for layer in range(layers):
        at = f"gcl_{layer}."
        r = y[:, :, None] - y[:, None]  # (B, N, N, D)
        distance = squares(r)
        w1 = weights[at + "edge_mlp.0.weight"]
        of_i = linear(h, w1[:, :width], weights[at + "edge_mlp.0.bias"])
        of_j = linear(h, w1[:, width : 2 * width])
        e = of_i[:, :, None] + of_j[:, None] + distance * w1[:, 2 * width] + distance_0 * w1[:, 2 * width + 1]
        m = silu(lin(at + "edge_mlp.2", silu(e)))
        m = m * (torch.sigmoid(lin(at + "att_mlp.0", m)) * others)
        f = torch.tanh(lin(at + "coord_mlp.2", silu(lin(at + "coord_mlp.0", m)))) * (15.0 / layers)
        y = y + (r / ((distance + 1e-8).sqrt() + 1) * f).sum(2)
        if layer + 1 < layers:  # the last layer's nodes have no effect
            total = m.sum(2)
            h = h + lin(at + "node_mlp.2", silu(lin(at + "node_mlp.0", torch.cat([h, total], -1))))
    return without_mean(y - x)
