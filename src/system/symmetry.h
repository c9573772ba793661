#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "chemistry/molecule.h"
#include "equibolt/configurations.h"
#include "equibolt/energy.h"

namespace equibolt {

/// How much U may change under one of its symmetries before that matters, in kT: below it the change moves a
/// weight by less than a thousandth, and parameters that were rounded in a file (a phase of 3.141594 for π)
/// stay below it. Rounding adds 1e-8 |U|, and Energy::symmetry_noise what it says.
inline constexpr double kSymmetryTolerance = 1e-3;

/// Checks on configurations x (B, N, D) that U is unchanged by translations, rotations, reflections, and
/// permutations within the energy's own types: the symmetries that the flow will have. Configurations without
/// an energy are passed over.
///
/// Throws UsageError that names the symmetry, the configuration, the particles or forces that break it, and
/// what helps. Where an energy has symmetry_noise, which concerns rotations and reflections, up to five times
/// that much is no error but is told: returns the texts of such warnings. Weights stay right for U as it is;
/// the noise spreads them.
///
/// `molecule`, where there is one, gives names to particles.
std::vector<std::string> check_symmetry(Energy& energy, ConfigurationsView<const double> x,
                                        std::uint64_t seed, const Molecule* molecule = nullptr);

/// The energy's types, each divided where exchanging two of its particles changes U at one of the
/// configurations x (B, N, D): the largest classes whose permutations leave U alone. Unchanged where none
/// needs to be divided, else numbered from 0 in the order of the particles.
ParticleTypes split_types(Energy& energy, ConfigurationsView<const double> x);

/// `count` configurations about a molecule's structure, (count, N, 3): each coordinate is moved by a Gaussian
/// of 0.1 Å. The same ones in each call.
Configurations<double> shaken(const Molecule& molecule, std::size_t count = 4);

/// "2:HB1 (atom 11)".
std::string atom_label(const Molecule& molecule, std::size_t atom);

}  // namespace equibolt
