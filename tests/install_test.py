#!/usr/bin/env python3
"""Installs the built tree to a folder of its own; a project that knows nothing but that folder then builds and runs.

Usage: install_test.py BUILD_FOLDER
"""
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent


def call(*arguments):
    done = subprocess.run([str(word) for word in arguments], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{arguments}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def main():
    build = pathlib.Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        prefix, consumer = folder / "prefix", folder / "consumer"
        call("cmake", "--install", build, "--prefix", prefix)
        call("cmake", "-S", ROOT / "tests" / "consumer", "-B", consumer, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={prefix}",
             f"-DHEADERS={prefix / 'include' / 'equibolt'}",
             f"-DEXAMPLE={prefix / 'share' / 'doc' / 'equibolt' / 'examples' / 'own_energy.cc'}")
        call("cmake", "--build", consumer)
        # Whole, it is the test example_own_energy_Slow.
        told = call(consumer / "own_energy", folder / "charges", "train.steps=400", "train.batch=64", "simulate.samples=5000",
                    "evaluate.samples=500")
        fraction = float(re.search(r"effective sample size ([\d.]+)", told)[1])
        assert fraction > 0.9, told
        told = call(consumer / "from_model", prefix / "share" / "equibolt" / "models" / "dw4.safetensors")
        flow, simulated = map(float, re.search(r"log Z ([\d.]+), simulated ([\d.]+)", told).groups())
        assert abs(flow - simulated) < 0.1, told
        version = (ROOT / "VERSION").read_text().split()[0]
        assert call(prefix / "bin" / "equibolt", "--version") == f"equibolt {version}\n"
        for line in call("ldd", prefix / "bin" / "equibolt").splitlines():
            assert "not found" not in line, line
        left = [str(path) for path in prefix.rglob("*") if path.suffix == ".cmake" and str(ROOT) in path.read_text()]
        assert not left, f"the source tree is named in {left}"
        print(f"{len(list((prefix / 'include' / 'equibolt').glob('*.h')))} headers, each alone; {told}", end="")


if __name__ == "__main__":
    main()
