#!/usr/bin/env python3
"""The free energy of alanine dipeptide's state 0 < phi < 2 without any code of equibolt's: OpenMM's own integrator
(LangevinMiddleIntegrator, 300 K, 2 fs, hydrogens of 3 u) under U - F(phi), where F is the guess of umbrella-classical.json,
at most 13 kT; phi then diffuses freely over its barrier, and frames are reweighted. What F is changes the error alone.
Needs OpenMM's Python module (PyPI: openmm) and numpy. Usage: biased_dynamics.py STEPS SEED"""
import json
import pathlib
import sys

import numpy as np
import openmm as mm
from openmm import app, unit

folder = pathlib.Path(__file__).resolve().parent
systems = folder.parent.parent / "systems"
steps, seed = int(sys.argv[1]), int(sys.argv[2])
every, temperature, hydrogen = 50, 300, 3.0
kt = unit.MOLAR_GAS_CONSTANT_R.value_in_unit(unit.kilojoule_per_mole / unit.kelvin) * temperature

system = mm.XmlSerializer.deserialize((systems / "alanine_dipeptide.xml").read_text())
structure = app.PDBFile(str(systems / "alanine_dipeptide.pdb"))
mass = [system.getParticleMass(i).value_in_unit(unit.dalton) for i in range(22)]
for bond in structure.topology.bonds():
    i, j = bond[0].index, bond[1].index
    if mass[i] < 2:
        i, j = j, i
    if mass[j] < 2:
        mass[i] -= hydrogen - mass[j]
        mass[j] = hydrogen
for i in range(22):
    system.setParticleMass(i, mass[i])

rows = np.array([row[:2] for row in json.loads((folder / "umbrella-classical.json").read_text())["profile"]["rows"]])
angle, profile = rows[:, 0], np.minimum(rows[:, 1], 13.0)
grid = np.linspace(-np.pi, np.pi, 721)
bias = -np.interp(grid, np.concatenate([[angle[-1] - 2 * np.pi], angle, [angle[0] + 2 * np.pi]]),
                  np.concatenate([[profile[-1]], profile, [profile[0]]]))
bias = np.convolve(np.concatenate([bias[-9:-1], bias, bias[1:9]]), np.ones(17) / 17, "valid")
bias[0] = bias[-1] = (bias[0] + bias[-1]) / 2
force = mm.CustomCompoundBondForce(4, "bias(dihedral(p1, p2, p3, p4))")
force.addTabulatedFunction("bias", mm.Continuous1DFunction(list(bias * kt), -np.pi, np.pi, True))
force.addBond([4, 6, 8, 14], [])
force.setForceGroup(1)
system.addForce(force)

integrator = mm.LangevinMiddleIntegrator(temperature * unit.kelvin, 1 / unit.picosecond, 2 * unit.femtosecond)
integrator.setRandomNumberSeed(seed)
context = mm.Context(system, integrator, mm.Platform.getPlatformByName("Reference"))
context.setPositions(structure.positions)
context.setVelocitiesToTemperature(temperature, seed)


def dihedral(i, j, k, l):
    b1, b2, b3 = j - i, k - j, l - k
    n1, n2 = np.cross(b1, b2), np.cross(b2, b3)
    return np.arctan2(np.dot(np.cross(n1, n2), b2) / np.linalg.norm(b2), np.dot(n1, n2))


phi, bias_energy, kinetic = [], [], []
for _ in range(steps // every):
    integrator.step(every)
    state = context.getState(getPositions=True, getEnergy=True, groups={1})
    x = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    phi.append(dihedral(x[4], x[6], x[8], x[14]))
    bias_energy.append(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole) / kt)
    kinetic.append(state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole) / (33 * kt))

start = len(phi) // 20
phi, weight = np.array(phi[start:]), np.array(bias_energy[start:])
weight = np.exp(weight - weight.max())
inside = (phi > 0) & (phi < 2)


def free_energy(frames):
    within = weight[frames][inside[frames]].sum()
    return float(-np.log(within / (weight[frames].sum() - within)))


blocks, random = np.array_split(np.arange(len(phi)), 20), np.random.default_rng(0)
resampled = [free_energy(np.concatenate([blocks[k] for k in random.integers(0, 20, 20)])) for _ in range(300)]
print(json.dumps({"openmm": mm.__version__, "nanoseconds": len(phi) * every * 2e-6, "free_energy": free_energy(slice(None)),
                  "error": float(np.std(resampled)), "temperature_over_300_K": float(np.mean(kinetic))}))
