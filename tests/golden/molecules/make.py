#!/usr/bin/env python3
"""Makes alanine_dipeptide.npz: six configurations from dynamics at 300 K with the energies and gradients that OpenMM's
Python module and the command line of xtb 6.5.1 give. Needs Debian's python3-simtk and xtb."""
import pathlib
import subprocess
import tempfile

import numpy as np
from openmm import Context, LangevinMiddleIntegrator, Platform, XmlSerializer, unit
from openmm.app import PDBFile

systems = pathlib.Path(__file__).resolve().parents[3] / "systems"
pdb = PDBFile(str(systems / "alanine_dipeptide.pdb"))
elements = [atom.element.symbol for atom in pdb.topology.atoms()]
system = XmlSerializer.deserialize((systems / "alanine_dipeptide.xml").read_text())
integrator = LangevinMiddleIntegrator(300 * unit.kelvin, 5 / unit.picosecond, 0.001 * unit.picoseconds)
integrator.setRandomNumberSeed(1)
context = Context(system, integrator, Platform.getPlatformByName("Reference"))
context.setPositions(pdb.positions)

arrays = {"x": [], "openmm_energy": [], "openmm_gradient": []}  # Å, kJ/mol, kJ/mol/nm
methods = {  # Hartree, Hartree/Bohr
    "gfn2": ["--gfn", "2"],
    "gfn2_water": ["--gfn", "2", "--gbsa", "water"],
    "gfn1_water": ["--gfn", "1", "--gbsa", "water"],
    "gfnff": ["--gfnff"],
}
for name in methods:
    arrays[f"{name}_energy"], arrays[f"{name}_gradient"] = [], []


def xtb(x, options):
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"{e} " + " ".join(f"{value:.6f}" for value in row) for e, row in zip(elements, x)]
        pathlib.Path(folder, "m.xyz").write_text(f"{len(x)}\n\n" + "\n".join(lines) + "\n")
        subprocess.run(["xtb", "m.xyz", "--grad", *options], cwd=folder, check=True, capture_output=True)
        numbers = [line for line in pathlib.Path(folder, "m.engrad").read_text().splitlines() if not line.startswith("#")]
        values = [float(line) for line in numbers[1 : 2 + 3 * len(x)]]
    return values[0], np.array(values[1:]).reshape(-1, 3)


for _ in range(6):
    integrator.step(2000)
    x = np.round(context.getState(getPositions=True).getPositions(asNumpy=True).value_in_unit(unit.angstrom), 6)
    context.setPositions(x * unit.angstrom)
    state = context.getState(getEnergy=True, getForces=True)
    arrays["x"].append(x)
    arrays["openmm_energy"].append(state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole))
    forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
    arrays["openmm_gradient"].append(-forces)
    for name, options in methods.items():
        energy, gradient = xtb(x, options)
        arrays[f"{name}_energy"].append(energy)
        arrays[f"{name}_gradient"].append(gradient)
np.savez(pathlib.Path(__file__).with_name("alanine_dipeptide.npz"), **{name: np.array(a) for name, a in arrays.items()})
