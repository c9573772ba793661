"""Whether all contenders compute the same, from the same weights."""

import os
import tempfile

import numpy as np

from contenders import ContenderError

# Largest error of an array, |a - b| / |b|: single precision with a nearly coincident pair among the inputs; and
# where the form says so, products in bfloat16 (through five layers of random weights all programs' loss moves by 2 %).
TOLERANCE = {"v": 2e-5, "divergence": 1e-4, "loss": 2e-5, "grad_loss": 1e-4}
BF16_TOLERANCE = {"v": 2e-2, "divergence": 5e-2, "loss": 5e-2, "grad_loss": 5e-2}


def results(process, **request):
    """The arrays that an operation gives: the gradient of all weights as one."""
    with tempfile.TemporaryDirectory() as folder:
        output = os.path.join(folder, "out.npz")
        process.ask(do="check", output=output, **request)
        with np.load(output) as npz:
            return joined({name: npz[name].astype(np.float64) for name in npz.files})


def joined(arrays):
    """Arrays of the kinds in TOLERANCE alone, grad_loss.* in one."""
    names = sorted(name for name in arrays if name.startswith("grad_loss.") and "embedding_out" not in name)
    kinds = {name: arrays[name].ravel() for name in arrays if name in TOLERANCE}
    if names:
        kinds["grad_loss"] = {name: arrays[name].ravel() for name in names}
    return kinds


def flat(value, like):
    """Arrays of weights that have no effect may be absent: their gradient is zero."""
    if not isinstance(value, dict):
        return value
    return np.concatenate([value.get(name, np.zeros_like(like[name])) for name in like])


def errors(found, expected):
    """By kind, |found - expected| / |expected|; NaN where the shapes differ or something is missing."""
    out = {}
    for kind, reference in expected.items():
        value = found.get(kind)
        if value is None:
            out[kind] = float("nan")
            continue
        if isinstance(reference, dict):
            value, reference = flat(value, reference), flat(reference, reference)
        same = value.shape == reference.shape
        out[kind] = float(np.linalg.norm(value - reference) / np.linalg.norm(reference)) if same else float("nan")
    return out


def within(found, form):
    limits = BF16_TOLERANCE if "bf16" in form else TOLERANCE
    return all(error <= limits[kind] for kind, error in found.items())  # NaN is not


EXPECTED = {"velocity": ("v",), "loss_gradient": ("loss", "grad_loss"), "divergence": ("v", "divergence")}


def check_form(process, name, form, operation, network, expected, batch=None):
    """One line of the report: {"contender", "form", "operation", "network", "errors", "ok"}."""
    line = {"contender": name, "form": form, "operation": operation, "network": os.path.basename(network)}
    try:
        found = results(process, network=network, operation=operation, form=form, batch=batch)
        line["errors"] = errors(found, {kind: expected[kind] for kind in EXPECTED[operation]})
        line["ok"] = within(line["errors"], form)
    except ContenderError as error:
        line["error"], line["ok"] = str(error), False
    return line


def golden(path):
    with np.load(path) as npz:
        return joined({name: npz[name] for name in npz.files})


def check_golden(contenders, name, operation, networks, log):
    """A contender against networks with results by another program. Forms that take long to compile are checked
    with the cases alone (check_case)."""
    process = contenders.any_process(name)
    lines = []
    for network in networks:
        for form in contenders.forms(name, operation):
            if form.startswith("compiled"):
                continue
            line = check_form(process, name, form, operation, network, golden(network))
            log(line)
            lines.append(line)
    return lines


def check_case(contenders, case, operation, network, forms, batch, log):
    """The forms [(contender, form, threads)] on a case's own network, against equibolt."""
    first = contenders.names[0]
    reference = contenders.any_process(first)
    form = contenders.forms(first, operation)[0]
    expected = results(reference, network=network, operation=operation, form=form, batch=batch)
    lines = []
    for name, form, threads in forms:
        process = contenders.process(name, threads)
        line = check_form(process, name, form, operation, network, expected, batch) | {"threads": threads, "case": case}
        log(line)
        lines.append(line)
    return lines
