#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chemistry/dihedral.h"
#include "chemistry/molecule.h"
#include "equibolt/particle_types.h"

namespace equibolt {

/// What all energies of molecules are given.
struct MoleculeOptions {
  /// A .pdb or .xyz file, or the name of a built-in one (systems/*.pdb). Says which atoms there are.
  std::string structure = "alanine_dipeptide";
  /// Which atoms are interchangeable, see particle_types_of.
  std::string types = "symmetry";
  double temperature = 300;  ///< K, that of kT
  /// Named dihedrals that are looked at, "phi: 4 6 8 14, psi: 6 8 14 16"; atoms as in dihedral_atoms.
  std::string dihedrals;
  /// Where one of them is in the rarer state, in radians: "phi 0 2". Its free energy against the rest is
  /// told.
  std::string state;
};

struct NamedDihedral {
  std::string name;
  DihedralAtoms atoms;
};

/// The dihedral `dihedral` (index) is between low and high.
struct DihedralState {
  std::size_t dihedral = 0;
  double low = 0, high = 0;  ///< rad
};

/// Of MoleculeOptions::dihedrals and state; both may be empty. Throw UsageError.
std::vector<NamedDihedral> dihedrals_of(const Molecule& molecule, const std::string& text);
std::optional<DihedralState> state_of(std::span<const NamedDihedral> dihedrals, const std::string& text);

/// The structure of that name. Throws as read_structure; UsageError lists the built-in ones.
Molecule load_molecule(const std::string& structure);
/// The content of an OpenMM System file, by its path or the name of a built-in one. Throws IoError.
std::string load_system_xml(const std::string& system);

/// Throws UsageError unless the molecule has so many atoms, at least 2, and `dim` is 3.
void require_molecule_shape(const Molecule& molecule, std::size_t particles, std::size_t dim);

/// The type of each atom, (N,), by a scheme:
/// "elements": atoms of one element; their number among H C N O …, in ascending order from 0.
/// "symmetry": atoms of one element that have the same neighbours in the bond graph, as the hydrogens of a
///   methyl group: the permutations of the graph that do not move anything else. "distinct": none.
/// "backbone": elements, but each backbone atom (N, CA, C of an amino acid, and the caps' C and N bonded to
///   them) has its own: the paper's nine types of alanine dipeptide: H 0, C 1, N 2, O 3, backbone 4 … 8.
/// Else a list, "0 0 1 2".
/// Throws UsageError for what is none of them.
ParticleTypes particle_types_of(const Molecule& molecule, const std::string& scheme);

}  // namespace equibolt
