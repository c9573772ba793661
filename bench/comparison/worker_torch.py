"""The contenders `plain` and `torch` of bench/compare: worker_torch.py THREADS [PEER]

`plain` is PyTorch as one writes it down: the network in the file PEER (which defines Egnn and
divergence_by_rows), unchanged, or else network_torch.plain, eager, with one reverse row per coordinate for the
divergence. `torch` are the faster forms that newer versions allow.
"""

import ast
import functools
import pathlib
import sys

import torch

import network_torch
from worker import serve

threads = int(sys.argv[1])
torch.set_num_threads(threads)
torch._dynamo.config.cache_size_limit = 1000


def definitions_of(path):
    """The peer's file without the call of its main program at the end."""
    tree = ast.parse(pathlib.Path(path).read_text(), path)
    tree.body = [node for node in tree.body if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant)]
    names = {"__name__": "peer"}
    exec(compile(tree, path, "exec"), names)
    return names


peer = definitions_of(sys.argv[2]) if len(sys.argv) > 2 else None


def peer_name(name):
    """The peer's name of a weight."""
    if not name.startswith("gcl_"):
        return name
    parts = {"edge_mlp": "edge", "att_mlp": "gate", "coord_mlp": "coord", "node_mlp": "node"}
    layer, part, rest = name.removeprefix("gcl_").split(".", 2)
    return f"layers.{layer}.{parts[part]}.{rest}"


def peer_network(network):
    """The peer's module with the weights of `network`, and its parameters by their usual names."""
    module = peer["Egnn"](network.particles, network.dim, network.hidden, network.layers)
    state = {peer_name(name): torch.from_numpy(value) for name, value in network.weights.items()}
    module.load_state_dict(module.state_dict() | state)
    parameters = dict(module.named_parameters())
    return module, {name: parameters[peer_name(name)] for name in network.weights}


def by_rows(v, x):
    """One reverse row per coordinate."""
    x = x.clone().requires_grad_(True)
    flat = v(x).reshape(len(x), -1)
    rows = (
        torch.autograd.grad(flat[:, k].sum(), x, retain_graph=True)[0].reshape(len(x), -1)[:, k]
        for k in range(flat.shape[1])
    )
    return flat.detach().reshape(x.shape), sum(rows)


def unit_vectors(x):
    size = x[0].numel()
    return torch.eye(size).reshape(size, 1, *x.shape[1:]).expand(size, *x.shape).contiguous()


def by_jvp(v, x, chunk):
    """Forward tangents, `chunk` at a time."""
    with torch.no_grad():
        columns = torch.func.vmap(lambda e: torch.func.jvp(v, (x,), (e,))[1], chunk_size=chunk)(unit_vectors(x))
        return v(x), torch.einsum("kbk->b", columns.reshape(len(columns), len(x), -1))


def by_vjp(v, x, chunk):
    """Reverse rows through one graph, `chunk` at a time."""
    value, rows_of = torch.func.vjp(v, x)
    rows = torch.func.vmap(lambda e: rows_of(e)[0], chunk_size=chunk)(unit_vectors(x))
    return value, torch.einsum("kbk->b", rows.reshape(len(rows), len(x), -1))


DIVERGENCES = {"rows": by_rows}
for chunk in (4, 16):
    DIVERGENCES[f"jvp{chunk}"] = functools.partial(by_jvp, chunk=chunk)
    DIVERGENCES[f"vjp{chunk}"] = functools.partial(by_vjp, chunk=chunk)

# Without compiled lists of edges, tangents of lists of edges and all rows at once, which were not the best for case A.
FORMS = {
    "velocity": ["peer", "eager-plain", "eager-dense", "compiled-dense"],
    "loss_gradient": ["peer", "eager-plain", "eager-dense", "compiled-dense", "bf16-eager-dense", "compiled-bf16-dense"],
    "divergence": ["peer", "jvp16-dense", "vjp4-dense", "vjp16-dense", "compiled-jvp16-dense", "compiled-vjp16-dense"],
}


def prepare(network, operation, form):
    torch._dynamo.reset()
    t, x, target, one_hot = map(torch.from_numpy, (network.t, network.x, network.target, network.one_hot))
    if form == "peer" and (peer is None or network.type_features > 0):  # the peer's network knows no types
        form = "rows-plain" if operation == "divergence" else "eager-plain"
    if form == "peer":
        module, weights = peer_network(network)
        field = functools.partial(module, t)
    else:
        weights = {name: torch.from_numpy(value).requires_grad_() for name, value in network.weights.items()}
        function = network_torch.dense if "dense" in form else network_torch.plain

        def field(y):
            return function(weights, network.layers, t, y, one_hot)

    parts = form.split("-")
    compiled = torch.compile if "compiled" in parts else lambda f: f
    out = {}
    if operation == "velocity":
        run = compiled(field)

        def call():
            with torch.no_grad():
                out["v"] = run(x)

    elif operation == "loss_gradient":
        bf16 = torch.autocast("cpu", torch.bfloat16, enabled="bf16" in parts)
        run = compiled(lambda y: (field(y) - target).square().mean())

        def call():
            for value in weights.values():
                value.grad = None
            with bf16:
                out["loss"] = run(x)
            out["loss"].backward()

    elif operation == "divergence":
        if form == "peer":
            run = lambda y: (field(y), peer["divergence_by_rows"](module, t, y))  # noqa: E731
        else:
            method = DIVERGENCES[next(part for part in parts if part in DIVERGENCES)]
            run = compiled(lambda y: method(field, y))
            for value in weights.values():
                value.requires_grad_(False)

        def call():
            out["v"], out["divergence"] = run(x)

    else:
        raise ValueError(f"no operation {operation!r}")

    def results():
        gradients = {f"grad_loss.{n}": w.grad for n, w in weights.items() if w.grad is not None}
        return {name: value.detach() for name, value in (out | gradients).items()}

    return call, results


serve(FORMS, prepare, {"torch": torch.__version__, "cpu_capability": torch.backends.cpu.get_cpu_capability()})
