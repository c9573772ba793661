#!/usr/bin/env python3
"""Makes alanine_dipeptide.pdb and alanine_dipeptide.xml in this folder: acetyl-L-alanine-N-methylamide, 22 atoms, with
Amber ff99SB-ILDN and the GBSA-OBC model of amber99_obc.xml, without constraints or cutoffs. Needs OpenMM's Python
module (Debian: python3-simtk); run it with Debian's python3."""
import math
import pathlib

import numpy as np
from openmm import Context, LocalEnergyMinimizer, Platform, VerletIntegrator, XmlSerializer, unit
from openmm.app import ForceField, NoCutoff, PDBFile, Topology
from openmm.app.element import Element

folder = pathlib.Path(__file__).resolve().parent

# name, element, residue, then the atoms that it is placed from: distance to a (nm), angle to a, b and dihedral to a, b, c
# (degrees). The backbone is that of the C7eq minimum: phi = -80, psi = 80, omega = 180.
ATOMS = [
    ("HH31", "H", "ACE", None),
    ("CH3", "C", "ACE", (0, 0.109)),
    ("HH32", "H", "ACE", (1, 0.109, 0, 109.5)),
    ("HH33", "H", "ACE", (1, 0.109, 0, 109.5, 2, 120)),
    ("C", "C", "ACE", (1, 0.152, 0, 109.5, 2, -120)),
    ("O", "O", "ACE", (4, 0.123, 1, 120.5, 0, 0)),
    ("N", "N", "ALA", (4, 0.1335, 1, 116.6, 0, 180)),
    ("H", "H", "ALA", (6, 0.101, 4, 119.8, 1, 0)),
    ("CA", "C", "ALA", (6, 0.145, 4, 121.9, 1, 180)),
    ("HA", "H", "ALA", (8, 0.109, 6, 109.5, 4, 40)),
    ("CB", "C", "ALA", (8, 0.1525, 6, 109.7, 4, 160)),
    ("HB1", "H", "ALA", (10, 0.109, 8, 109.5, 6, 60)),
    ("HB2", "H", "ALA", (10, 0.109, 8, 109.5, 6, 180)),
    ("HB3", "H", "ALA", (10, 0.109, 8, 109.5, 6, -60)),
    ("C", "C", "ALA", (8, 0.152, 6, 110.1, 4, -80)),
    ("O", "O", "ALA", (14, 0.123, 8, 120.4, 6, -100)),
    ("N", "N", "NME", (14, 0.1335, 8, 116.6, 6, 80)),
    ("H", "H", "NME", (16, 0.101, 14, 119.8, 8, 0)),
    ("C", "C", "NME", (16, 0.145, 14, 121.9, 8, 180)),
    ("H1", "H", "NME", (18, 0.109, 16, 109.5, 14, 60)),
    ("H2", "H", "NME", (18, 0.109, 16, 109.5, 14, 180)),
    ("H3", "H", "NME", (18, 0.109, 16, 109.5, 14, -60)),
]


def placed(x, rule):
    if rule is None:
        return np.zeros(3)
    a, distance = x[rule[0]], rule[1]
    if len(rule) == 2:
        return a + [distance, 0, 0]
    angle = math.radians(rule[3])
    along = (a - x[rule[2]]) / np.linalg.norm(a - x[rule[2]])
    third = x[rule[4]] - x[rule[2]] if len(rule) == 6 else np.array([0.0, 1.0, 0.0])
    side = third - along * np.dot(third, along)
    side /= np.linalg.norm(side)
    dihedral = math.radians(rule[5]) if len(rule) == 6 else 0.0
    up = np.cross(along, side)
    # A dihedral is positive where the far atom turns clockwise, seen along the bond from b to a.
    out = math.cos(dihedral) * side + math.sin(dihedral) * up
    return a - distance * math.cos(angle) * along + distance * math.sin(angle) * out


def dihedral(x, i, j, k, l):
    b1, b2, b3 = x[j] - x[i], x[k] - x[j], x[l] - x[k]
    n1, n2 = np.cross(b1, b2), np.cross(b2, b3)
    return math.degrees(math.atan2(np.dot(np.cross(n1, n2), b2) / np.linalg.norm(b2), np.dot(n1, n2)))


def main():
    topology = Topology()
    chain = topology.addChain()
    residues = {name: topology.addResidue(name, chain) for name in ("ACE", "ALA", "NME")}
    x = np.zeros((0, 3))
    atoms = []
    for name, element, residue, rule in ATOMS:
        atoms.append(topology.addAtom(name, Element.getBySymbol(element), residues[residue]))
        x = np.vstack([x, placed(x, rule)])
        if rule is not None:
            topology.addBond(atoms[rule[0]], atoms[-1])

    force_field = ForceField("amber99sbildn.xml", "amber99_obc.xml")
    system = force_field.createSystem(topology, nonbondedMethod=NoCutoff, constraints=None, removeCMMotion=False)
    context = Context(system, VerletIntegrator(0.001), Platform.getPlatformByName("Reference"))
    context.setPositions(x)
    LocalEnergyMinimizer.minimize(context, 1e-3, 0)
    state = context.getState(getPositions=True, getEnergy=True)
    x = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    x -= x.mean(axis=0)

    handedness = np.dot(np.cross(x[6] - x[8], x[14] - x[8]), x[10] - x[8])
    assert handedness > 0, "not L-alanine"
    print(f"phi {dihedral(x, 4, 6, 8, 14):.1f}, psi {dihedral(x, 6, 8, 14, 16):.1f}, omega {dihedral(x, 1, 4, 6, 8):.1f} and"
          f" {dihedral(x, 8, 14, 16, 18):.1f}, energy {state.getPotentialEnergy()}")
    with open(folder / "alanine_dipeptide.pdb", "w") as file:
        PDBFile.writeFile(topology, x * 10 * unit.angstrom, file)
    (folder / "alanine_dipeptide.xml").write_text(XmlSerializer.serialize(system))


if __name__ == "__main__":
    main()
