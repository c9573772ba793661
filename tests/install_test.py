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
        for path in prefix.rglob("*.cmake"):
            text = path.read_text()
            assert str(ROOT) not in text, f"the source tree is named in {path}"
            libraries = re.findall(r"/[\w/.+-]*/lib[\w+-]+\.(?:so|a)\b", text.replace("${_IMPORT_PREFIX}/", ""))
            assert not libraries, f"{path} names libraries where this machine has them: {libraries}"
        for package in ("equibolt", "libequibolt-dev"):
            notice = (prefix / "share" / "doc" / package / "copyright").read_text()
            for name in ("CLI11", "Random123", "xxHash", "highway", "Eigen", "toml++", "nlohmann-json", "fmt"):
                assert f"Files: third-party/{name}\n" in notice, f"no notice of {name} in the copyright file of {package}"
        dead = [f"{page.relative_to(prefix)}: {link}" for page in (prefix / "share" / "doc").rglob("*.md")
                for link in re.findall(r"\]\(([^)\s#]+)[^)]*\)", page.read_text())
                if not re.match(r"[a-z]+:", link) and not (page.parent / link).exists()]
        assert not dead, f"links in the installed documentation lead nowhere: {dead}"
        assert not list(prefix.rglob("libequibolt_report.a")), "a library for the program alone is installed"
        print(f"{len(list((prefix / 'include' / 'equibolt').glob('*.h')))} headers, each alone; {told}", end="")


if __name__ == "__main__":
    main()
