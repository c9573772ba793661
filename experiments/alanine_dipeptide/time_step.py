#!/usr/bin/env python3
"""What the time step does to equilibrium: <U> and the energies of bonds and angles (kT) of one rung of alanine dipeptide by
metropolised Langevin dynamics at two time steps, and by Hamiltonian Monte Carlo. With --openmm also by OpenMM's own
LangevinMiddleIntegrator (PyPI: openmm), none of our code. Errors are those of the means of 8 independent chains (of 16 blocks of
time for OpenMM), or by the autocorrelation time where that is larger. Needs numpy. Usage: time_step.py EQUIBOLT FOLDER [RUN...] [--openmm STEPS]"""
import json
import pathlib
import subprocess
import sys
import xml.etree.ElementTree as xml

import numpy as np

systems = pathlib.Path(__file__).resolve().parent.parent.parent / "systems"
kt = 8.31446261815324e-3 * 300  # kJ/mol
common = ["simulate.rungs=1", "simulate.chains=8", "simulate.samples=8000", "simulate.burn_in=160", "simulate.pilot=100",
          "simulate.bias="]
runs = {
    "langevin 2 fs, hydrogens of 3 u": ["simulate.leapfrog_steps=100", "simulate.thinning=1"],
    "langevin 0.5 fs, true masses": ["simulate.leapfrog_steps=400", "simulate.thinning=1", "simulate.timestep_fs=0.5",
                                     "simulate.hydrogen_mass=0"],
    "hmc": ["simulate.mover=hmc", "simulate.leapfrog_steps=50", "simulate.thinning=3"],
}


def terms(x):
    """Energies of all bonds and all angles of configurations (n, 22, 3) in Angstrom, kT."""
    root = xml.parse(systems / "alanine_dipeptide.xml").getroot()
    bonds, angles = np.zeros(len(x)), np.zeros(len(x))
    for bond in root.iter("Bond"):
        if "k" not in bond.attrib or "d" not in bond.attrib:
            continue
        r = np.linalg.norm(x[:, int(bond.get("p1"))] - x[:, int(bond.get("p2"))], axis=1) / 10
        bonds += 0.5 * float(bond.get("k")) * (r - float(bond.get("d"))) ** 2 / kt
    for angle in root.iter("Angle"):
        a = x[:, int(angle.get("p1"))] - x[:, int(angle.get("p2"))]
        b = x[:, int(angle.get("p3"))] - x[:, int(angle.get("p2"))]
        cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        angles += 0.5 * float(angle.get("k")) * (np.arccos(cosine) - float(angle.get("a"))) ** 2 / kt
    return bonds, angles


def inefficiency(series):
    """1 + 2 sum of autocorrelations, up to the first that is not positive."""
    d = series - series.mean()
    total, variance = 1.0, (d * d).mean()
    for lag in range(1, len(d) // 2):
        rho = (d[:-lag] * d[lag:]).mean() / variance
        if rho <= 0:
            break
        total += 2 * rho
    return total


def estimate(values, chain):
    chains = [values[chain == c] for c in np.unique(chain)]
    means = np.array([c.mean() for c in chains])
    between = means.std(ddof=1) / np.sqrt(len(means))
    within = values.std() * np.sqrt(np.mean([inefficiency(c) for c in chains]) / len(values))
    return {"value": round(float(values.mean()), 3), "error": round(float(max(between, within)), 3)}


def summary(x, energy, chain):
    bonds, angles = terms(x)
    return {"configurations": len(x), "energy": estimate(energy, chain), "bonds": estimate(bonds, chain),
            "angles": estimate(angles, chain)}


def ours(program, folder, sets):
    command = [program, "simulate", "alanine_dipeptide-classical", "-q", "-o", str(folder)]
    for one in common + sets:
        command += ["--set", one]
    subprocess.run(command, check=True)
    parts = [np.load(folder / "data" / f"{name}.npz") for name in ("train", "validation", "test")]
    x, energy, chain = (np.concatenate([part[name] for part in parts]) for name in ("x", "energy", "chain"))
    found = summary(x.astype(float), energy, chain)
    found["acceptance"] = round(json.loads((folder / "simulation.json").read_text())["ladder"]["acceptance"][0], 3)
    found["command"] = " ".join(["equibolt", *command[1:3], *[f"--set {one}" for one in common + sets]])
    return found


def sampled(system, structure, femtoseconds, steps, every):
    """Configurations (n, N, 3) in Angstrom and energies (n,) in kT of OpenMM's dynamics at 300 K, each `every` steps."""
    import openmm as mm
    from openmm import unit

    integrator = mm.LangevinMiddleIntegrator(300 * unit.kelvin, 1 / unit.picosecond, femtoseconds * unit.femtosecond)
    integrator.setRandomNumberSeed(1)
    context = mm.Context(system, integrator, mm.Platform.getPlatformByName("Reference"))
    context.setPositions(structure.positions)
    context.setVelocitiesToTemperature(300 * unit.kelvin, 1)
    integrator.step(20000)
    x, energy = [], []
    for _ in range(steps // every):
        integrator.step(every)
        state = context.getState(getPositions=True, getEnergy=True)
        x.append(state.getPositions(asNumpy=True).value_in_unit(unit.angstrom))
        energy.append(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole) / kt)
    return np.array(x), np.array(energy)


def openmm(steps):
    import openmm as mm
    from openmm import app, unit

    system = mm.XmlSerializer.deserialize((systems / "alanine_dipeptide.xml").read_text())
    structure = app.PDBFile(str(systems / "alanine_dipeptide.pdb"))
    for i, j in [(b[0].index, b[1].index) for b in structure.topology.bonds()]:
        heavy, light = (i, j) if system.getParticleMass(i) > system.getParticleMass(j) else (j, i)
        mass = system.getParticleMass(light).value_in_unit(unit.dalton)
        if mass < 2:
            system.setParticleMass(heavy, system.getParticleMass(heavy) - (3 - mass) * unit.dalton)
            system.setParticleMass(light, 3)
    x, energy = sampled(system, structure, 2, steps, 100)
    found = summary(x, energy, np.arange(len(x)) * 16 // len(x))
    found["openmm"] = mm.__version__
    return found


if __name__ == "__main__":
    arguments = sys.argv[1:]
    steps = int(arguments.pop(arguments.index("--openmm") + 1)) if "--openmm" in arguments else 0
    arguments = [a for a in arguments if a != "--openmm"]
    program, folder, chosen = arguments[0], pathlib.Path(arguments[1]), arguments[2:]
    results = {}
    for name, sets in runs.items():
        if not chosen or name.split()[0] in chosen or name in chosen:
            results[name] = ours(program, folder / name.replace(" ", "-").replace(",", ""), sets)
            print(json.dumps({name: results[name]}), flush=True)
    if steps:
        results["openmm LangevinMiddleIntegrator, 2 fs, hydrogens of 3 u"] = openmm(steps)
    print(json.dumps(results, indent=1))
