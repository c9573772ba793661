#pragma once

#include <cstddef>
#include <vector>

namespace equibolt {

/// The type of each particle, (N,), counted from 0. Particles of one type are interchangeable: the energy is
/// invariant under their permutation and so is the flow.
using ParticleTypes = std::vector<int>;

/// The particles of each type that occurs, in ascending order of type, indices ascending.
std::vector<std::vector<std::size_t>> groups_of(const ParticleTypes& types);

}  // namespace equibolt
