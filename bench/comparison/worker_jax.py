"""The contender `jax` of bench/compare: everything under jit. XLA takes as many threads as
the process may use processors."""

import functools

import jax
import jax.numpy as jnp

import network_jax
from worker import serve

def by_jvp(v, x):
    """Forward tangents of one sample, (N, D), all at once."""
    basis = jnp.eye(x.size).reshape(x.size, *x.shape)
    value, columns = jax.vmap(lambda e: jax.jvp(v, (x,), (e,)), out_axes=(None, 0))(basis)
    return value, jnp.trace(columns.reshape(x.size, x.size))


def by_linearize(v, x, chunk):
    """The same by the linearised map, whose coefficients are computed once, `chunk` tangents at a time."""
    value, forward = jax.linearize(v, x)
    columns = jax.lax.map(forward, jnp.eye(x.size).reshape(x.size, *x.shape), batch_size=chunk)
    return value, jnp.trace(columns.reshape(x.size, x.size))


def by_vjp(v, x):
    """Reverse rows."""
    value, backward = jax.vjp(v, x)
    rows = jax.vmap(lambda e: backward(e)[0])(jnp.eye(x.size).reshape(x.size, *x.shape))
    return value, jnp.trace(rows.reshape(x.size, x.size))


DIVERGENCES = {"jvp": by_jvp, "vjp": by_vjp} | {
    f"linearize{chunk}": functools.partial(by_linearize, chunk=chunk) for chunk in (4, 8, 16)
}
FORMS = {
    "velocity": ["plain", "dense", "each-dense"],
    "loss_gradient": ["plain", "dense", "each-dense", "bf16-dense"],
    "divergence": [
        "jvp-dense", "linearize8-dense", "each-jvp-dense", "each-vjp-dense",
        "each-linearize4-dense", "each-linearize8-dense", "each-linearize16-dense",
    ],
}  # fmt: skip


def prepare(network, operation, form):
    jax.clear_caches()
    parts = form.split("-")
    weights = {name: jnp.asarray(value) for name, value in network.weights.items()}
    t, x, target, one_hot = (jnp.asarray(a) for a in (network.t, network.x, network.target, network.one_hot))
    function = network_jax.plain if "plain" in parts else network_jax.dense
    dtype = jnp.bfloat16 if "bf16" in parts else jnp.float32

    def field(w, time, y):  # of one sample
        return function(w, network.layers, time, y, one_hot, dtype)

    # All samples at once, or one after another, so that arrays stay in the caches.
    def over_samples(f):
        return (lambda *a: jax.lax.map(lambda b: f(*b), a)) if "each" in parts else jax.vmap(f)

    if operation == "velocity":
        run = jax.jit(lambda w: {"v": over_samples(functools.partial(field, w))(t, x)})
    elif operation == "loss_gradient":

        def loss(w):
            return jnp.mean((over_samples(functools.partial(field, w))(t, x) - target) ** 2)

        def run_loss(w):
            value, gradients = jax.value_and_grad(loss)(w)
            return {"loss": value} | {f"grad_loss.{name}": g for name, g in gradients.items()}

        run = jax.jit(run_loss)
    elif operation == "divergence":
        method = DIVERGENCES[next(part for part in parts if part in DIVERGENCES)]

        def run_divergence(w):
            one = lambda time, y: method(lambda z: field(w, time, z), y)  # noqa: E731
            v, divergence = over_samples(one)(t, x)
            return {"v": v, "divergence": divergence}

        run = jax.jit(run_divergence)
    else:
        raise ValueError(f"no operation {operation!r}")
    out = {}

    def call():
        out.update(jax.block_until_ready(run(weights)))

    return call, lambda: out


serve(FORMS, prepare, {"jax": jax.__version__})
