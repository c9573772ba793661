#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "system/make_energy.h"

namespace equibolt {

/// Looks at a system's energy before anything is computed with it: whether it has the symmetries that the
/// flow will have (system/symmetry.h), whether it has finite values at all, and whether it varies. Takes some
/// tens of evaluations, fewer for xtb.
///
/// Where the energy is evaluated: for a molecule about its structure, else at Gaussian configurations of
/// several widths, of which those with the lowest energies are taken.
///
/// Throws UsageError where a symmetry is broken. Returns warnings, each a sentence: noise under rotations, an
/// energy that is the same everywhere, no finite energy at any of the configurations (the symmetry is then
/// not checked), and classes of atoms that types = "symmetry" had to divide.
std::vector<std::string> check_system(const SystemSpec& spec, Energy& energy, std::uint64_t seed);

/// The same at configurations x (B, N, D) that are there already, such as data; the types are not looked at.
std::vector<std::string> check_system(const SystemSpec& spec, Energy& energy,
                                      ConfigurationsView<const double> x, std::uint64_t seed);

}  // namespace equibolt
