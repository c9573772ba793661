#!/usr/bin/env python3
"""Valine dipeptide, acetyl-L-valine-N-methylamide, 28 atoms, with Amber ff99SB-ILDN and the GBSA-OBC model of
amber99_obc.xml, without constraints or cutoffs: make_valine_dipeptide.py FOLDER writes valine.xml and valine.pdb. Needs
openmm (PyPI) and numpy; it is made as systems/make_alanine_dipeptide.py makes alanine dipeptide."""
import pathlib
import sys

from openmm import Context, LocalEnergyMinimizer, Platform, VerletIntegrator, XmlSerializer, unit
from openmm.app import ForceField, NoCutoff, PDBFile, Topology
from openmm.app.element import Element

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "systems"))
from make_alanine_dipeptide import ATOMS as ALANINE, placed

# As there: the atoms of alanine dipeptide to CB, the side chain, then the rest with its rules moved by six atoms.
SIDE_CHAIN = [
    ("HB", "H", "VAL", (10, 0.109, 8, 109.5, 6, -60)),
    ("CG1", "C", "VAL", (10, 0.1526, 8, 109.5, 6, 60)),
    ("HG11", "H", "VAL", (12, 0.109, 10, 109.5, 8, 60)),
    ("HG12", "H", "VAL", (12, 0.109, 10, 109.5, 8, 180)),
    ("HG13", "H", "VAL", (12, 0.109, 10, 109.5, 8, -60)),
    ("CG2", "C", "VAL", (10, 0.1526, 8, 109.5, 6, 180)),
    ("HG21", "H", "VAL", (16, 0.109, 10, 109.5, 8, 60)),
    ("HG22", "H", "VAL", (16, 0.109, 10, 109.5, 8, 180)),
    ("HG23", "H", "VAL", (16, 0.109, 10, 109.5, 8, -60)),
]


def atoms():
    first, last, shift = ALANINE[:11], ALANINE[14:], len(SIDE_CHAIN) - 3

    def moved(rule):
        return tuple(value + shift if place in (0, 2, 4) and value >= 14 else value for place, value in enumerate(rule))

    named = first + SIDE_CHAIN + [(name, element, residue, moved(rule)) for name, element, residue, rule in last]
    return [(name, element, residue.replace("ALA", "VAL"), rule) for name, element, residue, rule in named]


def main(folder):
    topology = Topology()
    chain, residues, x, added = topology.addChain("A"), {}, [], []
    for name, element, residue, rule in atoms():
        if residue not in residues:
            residues[residue] = topology.addResidue(residue, chain, str(len(residues) + 1))
        added.append(topology.addAtom(name, Element.getBySymbol(element), residues[residue]))
        x.append(placed(x, rule))
        if rule is not None:
            topology.addBond(added[rule[0]], added[-1])
    system = ForceField("amber99sbildn.xml", "amber99_obc.xml").createSystem(topology, nonbondedMethod=NoCutoff,
                                                                             constraints=None, removeCMMotion=False)
    context = Context(system, VerletIntegrator(0.001), Platform.getPlatformByName("Reference"))
    context.setPositions([tuple(point) for point in x] * unit.nanometer)
    LocalEnergyMinimizer.minimize(context, 1e-3)
    state = context.getState(getPositions=True, getEnergy=True)
    folder = pathlib.Path(folder)
    folder.mkdir(exist_ok=True)
    (folder / "valine.xml").write_text(XmlSerializer.serialize(system))
    with open(folder / "valine.pdb", "w") as file:
        PDBFile.writeFile(topology, state.getPositions(), file)
    print(state.getPotentialEnergy())


if __name__ == "__main__":
    main(sys.argv[1])
