#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace equibolt {

// Collective variables of one configuration x (N, D), row-major, in any number of dimensions. All are
// invariant under translations, rotations and reflections; chemistry/dihedral.h has the one that changes its
// sign under reflections.

/// The distance of two particles, in the unit of x.
double distance(std::span<const double> x, std::size_t dim, std::size_t i, std::size_t j);

/// The angle i–j–k at particle j, in [0, π], rad. NaN where j coincides with i or k.
double bond_angle(std::span<const double> x, std::size_t dim, std::size_t i, std::size_t j, std::size_t k);

/// √(Σ_i |x_i − x̄|² / N), each particle with the same mass.
double radius_of_gyration(std::span<const double> x, std::size_t dim);

/// The distances of all pairs i < j, (N (N − 1) / 2,), in the order (0, 1), (0, 2), …, (1, 2), ….
void pair_distances(std::span<const double> x, std::size_t dim, std::span<double> distances);

/// The mean over the particles i of `centres` of their number of neighbours among `others`, each neighbour
/// counted by the rational switching function (1 − (r/r0)⁶) / (1 − (r/r0)¹²) = 1 / (1 + (r/r0)⁶) of its
/// distance r (Iannuzzi, Laio and Parrinello, Phys. Rev. Lett. 90, 238302, 2003; PLUMED's default exponents).
/// A particle is no neighbour of its own. `centres` must not be empty.
double coordination_number(std::span<const double> x, std::size_t dim, std::span<const std::size_t> centres,
                           std::span<const std::size_t> others, double r0);

}  // namespace equibolt
