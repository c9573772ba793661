#pragma once

#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chemistry/arc.h"
#include "chemistry/dihedral.h"
#include "chemistry/molecule.h"
#include "equibolt/particle_types.h"

namespace equibolt {

/// What all energies of molecules are given.
struct MoleculeOptions {
  /// A file that read_structure takes, or the name of a built-in structure (systems/*.pdb): which atoms there
  /// are.
  std::string structure = "alanine_dipeptide";
  /// Which atoms are interchangeable, see particle_types_of.
  std::string types = "symmetry";
  double temperature = 300;  ///< K, that of kT
  /// Dihedral angles with names, "phi: 4 6 8 14, psi: 6 8 14 16"; atoms as in dihedral_atoms.
  std::string dihedrals;
  /// The range of one of them that makes the rarer state, in radians: "phi 0 2", or across ±π "psi 2 4" and
  /// "psi 2 -2.28" alike; or a box of several, "phi 0 2, psi -1 1". Its free energy against the rest is
  /// estimated.
  std::string state;
};

struct NamedDihedral {
  std::string name;
  DihedralAtoms atoms;
};

struct DihedralRange {
  std::size_t dihedral = 0;  ///< its index
  Arc arc;
};

/// The configurations in which each of some dihedrals lies on an arc.
struct DihedralState {
  std::vector<DihedralRange> ranges;

  /// `angles` of all dihedrals, in any turn.
  bool contains(std::span<const double> angles) const {
    return std::ranges::all_of(ranges,
                               [&](const DihedralRange& r) { return r.arc.contains(angles[r.dihedral]); });
  }
};

/// Of MoleculeOptions::dihedrals and state; both may be empty. Throw UsageError that names the key.
std::vector<NamedDihedral> dihedrals_of(const Molecule& molecule, const std::string& text);
std::optional<DihedralState> state_of(std::span<const NamedDihedral> dihedrals, const std::string& text);

/// The arc that two angles in radians mean, see MoleculeOptions::state. Throws UsageError that begins with
/// `what` and quotes `text`.
Arc arc_between(double low, double high, std::string_view what, const std::string& text);

/// Reads the structure, types, dihedrals and state, so that a mistake in them is found before any work is
/// done. Throws UsageError that names the key, or as read_structure. Returns doubts for the user: a dihedral
/// whose neighbouring atoms are not bonded, as where indices were counted from 1.
std::vector<std::string> check_molecule_options(const MoleculeOptions& options);

/// The structure of that name. Its notes are logged as warnings, once in a process. Throws as read_structure;
/// UsageError lists the built-in ones.
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
/// Else a list, "0 0 1 2" or "0, 0, 1, 2".
/// Throws UsageError for what is none of them.
ParticleTypes particle_types_of(const Molecule& molecule, const std::string& scheme);

}  // namespace equibolt
