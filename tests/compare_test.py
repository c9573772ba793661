#!/usr/bin/env python3
"""bench/compare without the other contenders: what is checked, measured, written, resumed and printed.

    compare_test.py COMPARE_WORKER
"""
import json
import math
import pathlib
import subprocess
import sys
import tempfile

root = pathlib.Path(__file__).resolve().parent.parent
worker = sys.argv[1]
sys.path.insert(0, str(root / "bench/comparison"))
import check  # noqa: E402
import measure  # noqa: E402

# A contender that is wrong by FACTOR in the arrays called NAME.
WRONG = """#!{python}
import json, subprocess, sys
import numpy as np
real = subprocess.Popen([{worker!r}, sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
for line in sys.stdin:
    print(line, file=real.stdin, end="", flush=True)
    answer, request = real.stdout.readline(), json.loads(line)
    if request["do"] == "check":
        with np.load(request["output"]) as npz:
            arrays = dict(npz)
        for name in arrays:
            if name.startswith({name!r}):
                arrays[name] = arrays[name] * {factor}
        np.savez(request["output"], **arrays)
    print(answer, end="", flush=True)
"""


def compare(*words, status=0):
    command = [sys.executable, root / "bench/comparison/main.py", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == status, f"{command}: status {done.returncode}, expected {status}\n{done.stderr}"
    return done


with tempfile.TemporaryDirectory() as folder:
    folder = pathlib.Path(folder)
    output = folder / "result.json"
    quick = ["--contenders", "equibolt", "--threads", 1, "--rounds", 2, "--seconds", 0.001]
    once = [*quick, "--worker", worker, "--cases", "A", "-o", output]

    # Stopped at once, then the rest; a finished result is not touched.
    compare(*once, "--minutes", 0, status=75)
    printed = compare(*once).stdout
    before = output.read_text()
    compare(*once)
    assert output.read_text() == before

    result = json.loads(before)
    assert sorted(result["cells"]) == ["A/divergence", "A/loss_gradient", "A/velocity"]
    for key, entry in result["golden"].items():
        assert entry["ok"] and entry["networks"] >= 2 and not entry["failed"], key
        assert 0 < min(entry["worst"].values()) <= max(entry["worst"].values()) < 1e-4, entry
    for key, cell in result["cells"].items():
        assert 0 < cell["work"]["needed"] < cell["work"]["written"], key
        assert cell["peaks"]["1"]["fp32_gflops"] > 0.1 and cell["peaks"]["1"]["memory_gbytes"] > 0.01
        for entry in cell["rates"]:
            rates = entry["samples_per_second"]
            assert len(rates) == 2 and all(0 < rate < 1e7 for rate in rates), entry
    assert "| A | velocity and divergence | fp32 | 1 |" in printed, printed
    both = compare("--report", output, output).stdout
    assert "Agreement of 2 runs" in both and "| 0 % |" in both, both

    assert "--output" in compare(*once, "--rounds", 3, status=1).stderr  # other settings, the same file
    compare(*once[:-1], folder / "none.json", "--operations", "speed", status=2)

    # Wrong ones are found out, also those that give NaN, and those that die.
    wrong = folder / "wrong"
    for name, factor, operation in [
        ("v", "1.0001", "velocity"),
        ("v", "np.nan", "velocity"),
        ("divergence", "1.001", "divergence"),
        ("grad_loss.gcl_1.node_mlp.0.weight", "0.9", "loss_gradient"),
    ]:
        wrong.write_text(WRONG.format(python=sys.executable, worker=worker, name=name, factor=factor))
        wrong.chmod(0o755)
        out = folder / "wrong.json"
        done = compare(*quick, "--worker", wrong, "--operations", operation, "--cases", "A", "-o", out, status=5)
        assert "not the same" in done.stderr and not json.loads(out.read_text())["golden"][f"equibolt/{operation}"]["ok"]
        out.unlink()
    wrong.write_text("#!/bin/sh\nexit 7\n")
    assert "status 7" in compare(*quick, "--worker", wrong, "-o", folder / "dead.json", status=5).stderr

assert check.within({"v": 1e-6}, "fp32") and not check.within({"v": math.nan}, "fp32")
assert check.within({"v": 1e-3}, "bf16") and not check.within({"v": 1e-3}, "fp32")
lines = [
    {"contender": name, "form": form, "threads": 1} | ({"rate": rate} if rate else {"error": "no"})
    for name, form, rate in [
        ("equibolt", "fp32", 10), ("equibolt", "bf16", 30), ("torch", "a", 5), ("torch", "b", 4.5), ("torch", "c", 4.4),
        ("torch", "d", 1), ("torch", "e", 0), ("torch", "bf16-a", 2),
    ]
]  # fmt: skip
chosen = measure.best(lines, 1)
assert chosen == [("equibolt", "fp32"), ("equibolt", "bf16"), ("torch", "a"), ("torch", "b"), ("torch", "bf16-a")], chosen
print("bench/compare: checked, measured, resumed, printed; 5 wrong contenders found out")
