#pragma once

#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace equibolt {

/// The way of the replicas from the target (λ = 1) to where everything is easy.
///
/// `prior`: u_λ = λ U + (1−λ) ½|x|², the geometric path to the unit Gaussian of the mean-free subspace. At
/// λ = 0 samples are drawn independently, so a replica that comes back from there is a new, independent
/// configuration; and since that end is normalised, the path gives log Z. With Lennard-Jones in a trap of
/// strength 1 only the pair energies are scaled. Its r⁻¹² singularity does no harm: energies enter as
/// Boltzmann factors alone, and the adapted ladder goes down to the λ (1e-5 for LJ13, 1e-9 for LJ55) where
/// cores are too small to meet in prior samples.
/// `temperature`: u_β = β U. For targets far from the unit Gaussian. No log Z: the hot end is no Gaussian,
/// and for a trapped system it is wider than the prior, so that no last step overlaps. Where both work, the
/// first is better: for LJ13 the way down to β = 0.1 has as many rejections as the whole way to the prior.
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
