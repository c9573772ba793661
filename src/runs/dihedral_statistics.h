#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <span>

#include "equibolt/configurations.h"
#include "system/molecule_options.h"

namespace equibolt {

/// What a simulation's samples x (records · chains, N, 3), chains within records, say of the molecule's
/// dihedrals: for each, means of its cosine and sine; and the population P of the state with
/// ΔF = −ln(P/(1−P)), kT. Errors are from the autocorrelation and, beside, from the spread of the chains.
/// `weights` (records · chains,), unless empty, are those of the samples.
nlohmann::ordered_json dihedral_statistics(const MoleculeOptions& options, const Configurations<float>& x,
                                           std::size_t chains, std::span<const double> weights = {});

}  // namespace equibolt
