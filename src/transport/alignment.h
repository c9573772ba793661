#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace equibolt {

/// The overlap M = Σ_i x0_i x1_iᵀ of two configurations x0, x1 (N, D), with particles paired by index:
/// writes M (D, D), row-major, in the configurations' squared unit. Sums in double.
template <typename T>
void overlap_matrix(std::span<const T> x0, std::span<const T> x1, std::size_t dim, std::span<double> overlap);

/// The rotation R that brings x1 as close as possible to x0 about the origin: it minimises
/// Σ_i |x0_i − R x1_i|² and so maximises tr(Rᵀ M) for their overlap M (Kabsch, Acta Cryst. A 32, 922 (1976)).
///
/// Writes R (D, D), row-major, and returns the maximum of tr(Rᵀ M); the squared distance left is
/// |x0|² + |x1|² − 2 tr(Rᵀ M). R is a proper rotation, or with `reflections` any orthogonal matrix. Where
/// several are optimal (particles on a line, all at the origin) R is one of them. Throws NumericalError when
/// M is not finite.
double optimal_rotation(std::span<const double> overlap, std::size_t dim, bool reflections,
                        std::span<double> rotation);

/// The same by singular value decomposition for any D: what the closed forms for D ≤ 3 are tested against.
double optimal_rotation_svd(std::span<const double> overlap, std::size_t dim, bool reflections,
                            std::span<double> rotation);

/// Rotates x1 (N, D) onto x0 (N, D) and returns the squared distance left.
template <typename T>
double align(std::span<const T> x0, std::span<T> x1, std::size_t dim, bool reflections = false);

}  // namespace equibolt
