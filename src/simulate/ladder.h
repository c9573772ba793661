#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace equibolt {

/// The way of the replicas from the target (λ = 1) to where everything is easy.
///
/// `prior`: u_λ = λ U + (1−λ) ½|x|², the geometric path to the unit Gaussian of the mean-free subspace. At
/// λ = 0 samples are drawn independently, so a replica that has been there brings a new, independent
/// configuration, and since that end is normalised the path gives log Z. With Lennard-Jones in its trap only
/// the pair energies are scaled.
/// `temperature`: u_β = β U. It needs no prior that overlaps with the target, and gives no log Z: its hot end
/// is no Gaussian, and for a trapped system wider than the unit one, so that a last step from β ≪ 1 to the
/// prior has no overlap.
enum class Path { prior, temperature };

/// A point of the path: u = target·U(x) + prior·½|x|².
struct Rung {
  double target;
  double prior;
};

inline Rung rung_at(Path path, double lambda) {
  return {lambda, path == Path::prior ? 1 - lambda : 0.0};
}

/// u of a rung for U(x) and ½|x|². An infinite U has no say where its weight is zero.
inline double reduced_energy(const Rung& rung, double energy, double half_square) {
  return rung.prior * half_square + (rung.target == 0 ? 0.0 : rung.target * energy);
}

/// The natural coordinate of both paths near their easy end: overlapping r⁻¹² cores take a volume
/// proportional to λ^(3/12), and with it goes the probability to be rejected.
inline double ladder_coordinate(double lambda) {
  return std::pow(lambda, 0.25);
}

/// λ of each rung, from 1 down to `lowest`, evenly in ladder_coordinate.
std::vector<double> initial_ladder(std::size_t rungs, double lowest);

/// The same ends and number of rungs, with the λ between moved so that every pair of neighbours has the same
/// share of the sum of `rejection` (rungs−1,), the mean probability to reject an exchange, measured on
/// `lambda` (Syed, Bouchard-Côté, Deligiannidis, Doucet 2022, section 5).
std::vector<double> even_ladder(std::span<const double> lambda, std::span<const double> rejection);

}  // namespace equibolt
