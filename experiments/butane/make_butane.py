#!/usr/bin/env python3
"""n-Butane as an OpenMM System with the terms of OPLS-AA (Jorgensen, Maxwell and Tirado-Rives 1996), and its structure:
make_butane.py FOLDER writes butane.xml and butane.pdb. Needs openmm (PyPI) and numpy. Lorentz-Berthelot rules, as OpenMM
combines by them, where OPLS takes geometric means: an example, not a reference force field."""
import itertools
import pathlib
import sys

import numpy as np
import openmm as mm
from openmm import app, unit

BONDS = {"CC": (0.1529, 224262.4), "CH": (0.1090, 284512.0)}  # nm, kJ/mol/nm^2
ANGLES = {"CCC": (112.7, 488.273), "CCH": (110.7, 313.8), "HCH": (107.8, 276.144)}  # degrees, kJ/mol/rad^2
TORSIONS = {"CCCC": (2.9288, -1.4644, 0.2092, -1.6736), "CCCH": (0.6276, 1.8828, 0.0, -2.5104),
            "HCCH": (0.6276, 1.8828, 0.0, -2.5104)}  # Ryckaert-Bellemans, kJ/mol
NONBONDED = {"C": (0.35, 0.276144), "H": (0.25, 0.12552)}  # nm, kJ/mol


def structure():
    """Elements, bonds and all-trans positions (nm): a zigzag of carbons, then their hydrogens."""
    half, rise = 0.1529 * np.sin(np.radians(112.7 / 2)), 0.1529 * np.cos(np.radians(112.7 / 2))
    carbons = np.array([[k * half, (k % 2) * rise, 0.0] for k in range(4)])
    elements, x, bonds = ["C"] * 4, list(carbons), [(0, 1), (1, 2), (2, 3)]
    for k in range(4):
        near = [carbons[j] - carbons[k] for j in (k - 1, k + 1) if 0 <= j < 4]
        out = -sum(v / np.linalg.norm(v) for v in near)
        out /= np.linalg.norm(out)
        side = np.array([0.0, 0.0, 1.0])
        if len(near) == 2:
            directions = [0.58 * out + s * 0.815 * side for s in (1, -1)]
        else:
            across = np.cross(out, side)
            directions = [0.33 * out + 0.94 * (np.cos(a) * across + np.sin(a) * side) for a in np.radians([0, 120, 240])]
            # One hydrogen anti to the next but one carbon: the rotation about the end bond at its minimum.
            if np.dot(directions[0], carbons[2 if k == 0 else 1] - carbons[1 if k == 0 else 2]) > 0:
                directions = [0.33 * out - 0.94 * (np.cos(a) * across + np.sin(a) * side) for a in np.radians([0, 120, 240])]
        for direction in directions:
            bonds.append((k, len(elements)))
            elements.append("H")
            x.append(carbons[k] + 0.109 * direction / np.linalg.norm(direction))
    return elements, bonds, np.array(x)


def kind(elements, atoms):
    name = "".join(elements[a] for a in atoms)
    return min(name, name[::-1])


def main(folder):
    elements, bonds, x = structure()
    n = len(elements)
    near = [{j for b in bonds for j in b if i in b and j != i} for i in range(n)]
    system = mm.System()
    for element in elements:
        system.addParticle(12.011 if element == "C" else 1.008)
    bond, angle, torsion, pairs = mm.HarmonicBondForce(), mm.HarmonicAngleForce(), mm.RBTorsionForce(), mm.NonbondedForce()
    for i, j in bonds:
        bond.addBond(i, j, *BONDS[kind(elements, (i, j))])
    for j in range(n):
        for i, k in itertools.combinations(sorted(near[j]), 2):
            theta, stiffness = ANGLES[kind(elements, (i, j, k))]
            angle.addAngle(i, j, k, np.radians(theta), stiffness)
    for j, k in bonds:
        for i, l in itertools.product(near[j] - {k}, near[k] - {j}):
            torsion.addTorsion(i, j, k, l, *TORSIONS[kind(elements, (i, j, k, l))], 0.0, 0.0)
    for i, element in enumerate(elements):
        carbons = sum(elements[j] == "C" for j in near[i])
        charge = 0.06 if element == "H" else (-0.18 if carbons == 1 else -0.12)
        pairs.addParticle(charge, *NONBONDED[element])
    pairs.createExceptionsFromBonds(bonds, 0.5, 0.5)
    for force in (bond, angle, torsion, pairs):
        system.addForce(force)

    topology = app.Topology()
    residue = topology.addResidue("BUT", topology.addChain("A"))
    counts = {"C": 0, "H": 0}
    atoms = []
    for element in elements:
        counts[element] += 1
        atoms.append(topology.addAtom(f"{element}{counts[element]}", app.Element.getBySymbol(element), residue))
    for i, j in bonds:
        topology.addBond(atoms[i], atoms[j])
    context = mm.Context(system, mm.VerletIntegrator(0.001), mm.Platform.getPlatformByName("Reference"))
    context.setPositions(x)
    mm.LocalEnergyMinimizer.minimize(context, 1e-3)
    state = context.getState(getPositions=True, getEnergy=True)
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    (folder / "butane.xml").write_text(mm.XmlSerializer.serialize(system))
    with open(folder / "butane.pdb", "w") as file:
        app.PDBFile.writeFile(topology, state.getPositions(), file)
    print(state.getPotentialEnergy())


if __name__ == "__main__":
    main(sys.argv[1])
