#include "analyze/free_energy.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "analyze/log_space.h"
#include "analyze/multistate.h"

namespace equibolt {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

void require_energies(std::span<const double> values, const char* what) {
  for (std::size_t k = 0; k < values.size(); ++k) {
    if (!(values[k] > -std::numeric_limits<double>::infinity())) {
      throw NumericalError("{}: element {} is {}", what, k, values[k]);
    }
  }
}

/// Of Bennett's weights f_i = 1 / (1 + exp(w_i + shift)): ln Σ f, Σ f (1 − f) / Σ f and Σ f² / (Σ f)², also
/// where every f is too small for a double.
struct FermiSums {
  double log_sum = 0;
  double slope = 0;
  double squares = 0;
};

FermiSums fermi_sums(std::span<const double> work, double shift, std::vector<double>& log_f) {
  log_f.resize(work.size());
  for (std::size_t k = 0; k < work.size(); ++k) log_f[k] = log_fermi(work[k] + shift);
  FermiSums sums{log_sum_exp(log_f), 0, 0};
  for (const double value : log_f) {
    const double share = std::exp(value - sums.log_sum);
    sums.slope += share * -std::expm1(value);
    sums.squares += share * share;
  }
  return sums;
}

void require_overlap(std::span<const double> work, const char* what) {
  require_count(work.size(), 1, what);
  require_energies(work, what);
  if (std::none_of(work.begin(), work.end(), [](double w) { return std::isfinite(w); })) {
    throw NumericalError("{}: all of {} values are infinite, the states do not overlap", what, work.size());
  }
}

}  // namespace

Estimate bar(std::span<const double> work_forward, std::span<const double> work_reverse) {
  require_count(work_forward.size(), 1, "bar: forward work");
  require_count(work_reverse.size(), 1, "bar: reverse work");
  return bar(work_forward, work_reverse,
             std::log(static_cast<double>(work_forward.size()) / static_cast<double>(work_reverse.size())));
}

Estimate bar(std::span<const double> work_forward, std::span<const double> work_reverse, double log_ratio) {
  require_overlap(work_forward, "bar: forward work");
  require_overlap(work_reverse, "bar: reverse work");
  const auto n_forward = static_cast<double>(work_forward.size());
  const auto n_reverse = static_cast<double>(work_reverse.size());
  const double m = log_ratio;
  const double from_sums_to_means = m - std::log(n_forward / n_reverse);
  std::vector<double> scratch;
  FermiSums forward;
  FermiSums reverse;
  // ln of the forward mean times the ratio over the reverse mean, which increases with ΔF and is zero at the
  // solution.
  const auto imbalance = [&](double delta) {
    forward = fermi_sums(work_forward, m - delta, scratch);
    reverse = fermi_sums(work_reverse, delta - m, scratch);
    return forward.log_sum - reverse.log_sum + from_sums_to_means;
  };

  double low = m;
  double high = m;
  for (double step = 1; imbalance(low) > 0; step *= 2) low -= step;
  for (double step = 1; imbalance(high) < 0; step *= 2) high += step;
  double delta = (low + high) / 2;
  for (int k = 0; k < 200; ++k) {
    const double value = imbalance(delta);
    (value > 0 ? high : low) = delta;
    double next = delta - value / (forward.slope + reverse.slope);
    if (!(next > low && next < high)) next = (low + high) / 2;
    const bool settled = std::abs(next - delta) <= 1e-14 * (1 + std::abs(delta));
    delta = next;
    if (settled) break;
  }
  imbalance(delta);
  // Each side adds (⟨f²⟩ / ⟨f⟩² − 1) / n to the variance.
  const double variance =
      std::max(forward.squares - 1 / n_forward, 0.0) + std::max(reverse.squares - 1 / n_reverse, 0.0);
  return {delta, std::sqrt(variance)};
}

Mbar mbar(std::span<const double> u_kn, std::span<const std::size_t> n_k) {
  require_count(n_k.size(), 1, "mbar: states");
  const std::size_t samples = std::accumulate(n_k.begin(), n_k.end(), std::size_t{0});
  require_count(samples, 1, "mbar: samples");
  if (u_kn.size() != n_k.size() * samples) {
    throw DataError("mbar: {} energies, expected {} states times {} samples", u_kn.size(), n_k.size(),
                    samples);
  }
  require_energies(u_kn, "mbar: energies");
  const auto states = static_cast<Index>(n_k.size());
  const Eigen::Map<const RowMajor> u(u_kn.data(), states, static_cast<Index>(samples));

  std::vector<Index> sampled;
  for (Index k = 0; k < states; ++k) {
    if (n_k[static_cast<std::size_t>(k)] > 0) sampled.push_back(k);
  }
  MultistateProblem problem{.u = MatrixXd(static_cast<Index>(sampled.size()), u.cols()),
                            .n = VectorXd(static_cast<Index>(sampled.size())),
                            .counts = VectorXd::Ones(u.cols()),
                            .start = {}};
  for (std::size_t k = 0; k < sampled.size(); ++k) {
    problem.u.row(static_cast<Index>(k)) = u.row(sampled[k]);
    problem.n[static_cast<Index>(k)] = static_cast<double>(n_k[static_cast<std::size_t>(sampled[k])]);
  }
  const MultistateSolution solution = solve(problem);
  Mbar result;
  result.residual = solution.residual;
  result.iterations = solution.iterations;
  result.converged = solution.converged;
  const VectorXd& log_den = solution.log_denominators;
  result.log_denominators.assign(log_den.begin(), log_den.end());

  // All states, those without samples too: f_k = −ln Σ_n exp(−u_kn − ln den_n).
  MatrixXd w(u.cols(), states);
  VectorXd f(states);
  VectorXd n(states);
  for (Index k = 0; k < states; ++k) {
    const VectorXd exponents = -u.row(k).transpose() - log_den;
    const double top = exponents.maxCoeff();
    if (!std::isfinite(top)) throw NumericalError("mbar: state {} has infinite energy at every sample", k);
    w.col(k) = (exponents.array() - top).exp();
    const double sum = w.col(k).sum();
    w.col(k) /= sum;
    f[k] = -top - std::log(sum);
    n[k] = static_cast<double>(n_k[static_cast<std::size_t>(k)]);
  }
  f.array() -= f[0];
  result.free_energies.assign(f.begin(), f.end());

  // Θ = Wᵀ (1 − W N Wᵀ)⁺ W, through the eigenvectors of WᵀW = V S² Vᵀ: V S (1 − S Vᵀ N V S)⁺ S Vᵀ.
  const MatrixXd gram = w.transpose() * w;
  const RowMajor overlap = gram * n.asDiagonal();
  result.overlap.assign(overlap.data(), overlap.data() + overlap.size());
  const Eigen::SelfAdjointEigenSolver<MatrixXd> square(gram);
  const MatrixXd vs = square.eigenvectors() * square.eigenvalues().cwiseMax(0).cwiseSqrt().asDiagonal();
  MatrixXd inner = MatrixXd::Identity(states, states) - vs.transpose() * n.asDiagonal() * vs;
  // Its null vector is S Vᵀ N 1, which stands for the common constant of all f_k; any eigenvalue will do for
  // it. Where states do not overlap other eigenvalues are zero, too, and they have to make the error huge.
  const VectorXd constant = (vs.transpose() * n).normalized();
  inner += constant * constant.transpose();
  const Eigen::SelfAdjointEigenSolver<MatrixXd> inverse(inner);
  const VectorXd reciprocal = inverse.eigenvalues().cwiseMax(1e-14).cwiseInverse();
  const MatrixXd half = vs * inverse.eigenvectors();
  const RowMajor theta = half * reciprocal.asDiagonal() * half.transpose();
  result.covariance.assign(theta.data(), theta.data() + theta.size());
  return result;
}

Estimate Mbar::difference(std::size_t i, std::size_t j) const {
  const std::size_t k = states();
  const double variance = covariance[i * k + i] + covariance[j * k + j] - 2 * covariance[i * k + j];
  return {free_energies[j] - free_energies[i], std::sqrt(std::max(variance, 0.0))};
}

std::vector<double> Mbar::log_weights(std::span<const double> u) const {
  if (u.size() != log_denominators.size()) {
    throw DataError("mbar: {} energies to reweight to, {} samples", u.size(), log_denominators.size());
  }
  std::vector<double> log_weights(u.size());
  for (std::size_t s = 0; s < u.size(); ++s) log_weights[s] = -u[s] - log_denominators[s];
  return log_weights;
}

}  // namespace equibolt
