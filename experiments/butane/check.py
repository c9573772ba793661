#!/usr/bin/env python3
"""<U> and the energy of all bonds (kT) of n-butane by metropolised Langevin dynamics, by Hamiltonian Monte Carlo, and by OpenMM's own
LangevinMiddleIntegrator, none of our code. Errors as in ../alanine_dipeptide/time_step.py. Needs openmm (PyPI) and numpy.
Usage: check.py EQUIBOLT FOLDER, where make_butane.py FOLDER has been run."""
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "alanine_dipeptide"))
from time_step import estimate, kt, sampled  # noqa: E402

common = ["simulate.rungs=1", "simulate.chains=8", "simulate.samples=32000"]
runs = {"langevin 2 fs, hydrogens of 3 u": [], "hmc": ["simulate.mover=hmc", "simulate.leapfrog_steps=50", "simulate.thinning=3"]}


def bonds(folder, x):
    """Of configurations (n, 14, 3) in Angstrom, kT."""
    total = np.zeros(len(x))
    for bond in xml.parse(folder / "butane.xml").getroot().iter("Bond"):
        if "k" in bond.attrib and "d" in bond.attrib:
            r = np.linalg.norm(x[:, int(bond.get("p1"))] - x[:, int(bond.get("p2"))], axis=1) / 10
            total += 0.5 * float(bond.get("k")) * (r - float(bond.get("d"))) ** 2 / kt
    return total


def ours(program, folder, name, sets):
    config, output = folder / "check.toml", folder / f"check-{name.split()[0]}"
    if not config.exists():
        subprocess.run([program, "init", "--structure", folder / "butane.pdb", "--energy", f"openmm:{folder / 'butane.xml'}",
                        "-o", config], check=True)
    command = [program, "simulate", config, "-q", "-o", output]
    for one in common + sets:
        command += ["--set", one]
    subprocess.run(command, check=True)
    parts = [np.load(output / "data" / f"{part}.npz") for part in ("train", "validation", "test")]
    x, energy, chain = (np.concatenate([part[key] for part in parts]) for key in ("x", "energy", "chain"))
    return {"energy": estimate(energy, chain), "bonds": estimate(bonds(folder, x.astype(float)), chain), "settings": common + sets}


def openmm(folder, steps=4000000):
    import openmm as mm
    from openmm import app

    system = mm.XmlSerializer.deserialize((folder / "butane.xml").read_text())
    x, energy = sampled(system, app.PDBFile(str(folder / "butane.pdb")), 1, steps, 200)
    block = np.arange(len(x)) * 16 // len(x)
    return {"energy": estimate(energy, block), "bonds": estimate(bonds(folder, x), block),
            "settings": f"{steps} steps of 1 fs, 1/ps", "openmm": mm.__version__}


if __name__ == "__main__":
    program, folder = sys.argv[1], pathlib.Path(sys.argv[2]).resolve()
    results = {name: ours(program, folder, name, sets) for name, sets in runs.items()}
    results["openmm LangevinMiddleIntegrator"] = openmm(folder)
    print(json.dumps(results, indent=1))
