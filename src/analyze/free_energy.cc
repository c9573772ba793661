#include "analyze/free_energy.h"

#include <Eigen/Dense>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

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
  double top = -std::numeric_limits<double>::infinity();
  for (std::size_t k = 0; k < work.size(); ++k) {
    const double x = work[k] + shift;
    log_f[k] = x > 0 ? -x - std::log1p(std::exp(-x)) : -std::log1p(std::exp(x));
    top = std::max(top, log_f[k]);
  }
  double sum = 0;
  for (const double value : log_f) sum += std::exp(value - top);
  FermiSums sums{top + std::log(sum), 0, 0};
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

/// MBAR's equations for the states that have samples. Minimises the convex function
///   κ(f) = Σ_n ln Σ_k N_k exp(f_k − u_kn) − Σ_k N_k f_k
/// with gradient N_k (Σ_n W_kn − 1) and Hessian δ_ij N_i Σ_n W_in − N_i N_j Σ_n W_in W_jn,
/// W_kn = exp(f_k − u_kn) / Σ_j N_j exp(f_j − u_jn).
class Solver {
 public:
  /// u (K, N), n (K,).
  Solver(const MatrixXd& u, const VectorXd& n)
      : u_(u), n_(n), f_(VectorXd::Zero(u.rows())), w_(u.rows(), u.cols()), log_den_(u.cols()) {}

  void solve(Mbar& result) {
    constexpr std::size_t limit = 500;
    constexpr std::size_t warm_up = 10;  // steps that cannot go astray, before Newton's
    constexpr double tolerance = 1e-11;
    double kappa = evaluate(f_);
    for (result.iterations = 0; result.iterations < limit; ++result.iterations) {
      result.residual = (w_.rowwise().sum().array() - 1).abs().maxCoeff();
      result.converged = result.residual <= tolerance;
      if (result.converged) break;
      if (result.iterations < warm_up || !newton_step(kappa)) {
        self_consistent_step();
        kappa = evaluate(f_);
      }
    }
  }

  const VectorXd& log_denominators() const { return log_den_; }

 private:
  /// Sets W and the denominators for f; returns κ.
  double evaluate(const VectorXd& f) {
    double kappa = -n_.dot(f);
    const VectorXd shift = f.array() + n_.array().log();
    for (Index s = 0; s < u_.cols(); ++s) {
      exponents_ = shift - u_.col(s);
      const double top = exponents_.maxCoeff();
      if (!std::isfinite(top)) throw NumericalError("mbar: sample {} has infinite energy in every state", s);
      exponents_ = (exponents_.array() - top).exp();
      const double sum = exponents_.sum();
      w_.col(s) = exponents_.array() / (sum * n_.array());
      log_den_[s] = top + std::log(sum);
      kappa += log_den_[s];
    }
    return kappa;
  }

  void self_consistent_step() {
    f_ -= w_.rowwise().sum().array().log().matrix();
    f_.array() -= f_[0];
  }

  /// With f_0 fixed, and halved until κ decreases. False where it cannot.
  bool newton_step(double& kappa) {
    const Index free = f_.size() - 1;
    if (free == 0) return false;
    const VectorXd sums = w_.rowwise().sum();
    const VectorXd gradient = n_.array() * (sums.array() - 1);
    MatrixXd hessian = -(n_.asDiagonal() * (w_ * w_.transpose()) * n_.asDiagonal());
    hessian.diagonal().array() += n_.array() * sums.array();
    VectorXd step = VectorXd::Zero(f_.size());
    step.tail(free) = -hessian.bottomRightCorner(free, free).ldlt().solve(gradient.tail(free));
    const double slope = gradient.dot(step);
    if (!step.allFinite() || !(slope <= 0)) return false;
    const double noise = 1e-14 * (std::abs(kappa) + 1) * std::sqrt(static_cast<double>(u_.cols()));
    const VectorXd before = f_;
    for (double scale = 1; scale > 1e-6; scale /= 2) {
      f_ = before + scale * step;
      const double next = evaluate(f_);
      if (next <= kappa + 1e-4 * scale * slope + noise) {
        kappa = next;
        return true;
      }
    }
    f_ = before;
    evaluate(f_);
    return false;
  }

  const MatrixXd& u_;
  const VectorXd& n_;
  VectorXd f_;
  MatrixXd w_;  // (K, N)
  VectorXd log_den_;
  VectorXd exponents_;
};

}  // namespace

Estimate bar(std::span<const double> work_forward, std::span<const double> work_reverse,
             const Inefficiencies& inefficiencies) {
  require_overlap(work_forward, "bar: forward work");
  require_overlap(work_reverse, "bar: reverse work");
  const auto n_forward = static_cast<double>(work_forward.size());
  const auto n_reverse = static_cast<double>(work_reverse.size());
  const double m = std::log(n_forward / n_reverse);
  std::vector<double> scratch;
  FermiSums forward;
  FermiSums reverse;
  // ln of forward over reverse sum, which increases with ΔF and is zero at the solution.
  const auto imbalance = [&](double delta) {
    forward = fermi_sums(work_forward, m - delta, scratch);
    reverse = fermi_sums(work_reverse, delta - m, scratch);
    return forward.log_sum - reverse.log_sum;
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
  const double variance = inefficiencies.forward * std::max(forward.squares - 1 / n_forward, 0.0) +
                          inefficiencies.reverse * std::max(reverse.squares - 1 / n_reverse, 0.0);
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
  MatrixXd u_sampled(static_cast<Index>(sampled.size()), u.cols());
  VectorXd n_sampled(static_cast<Index>(sampled.size()));
  for (std::size_t k = 0; k < sampled.size(); ++k) {
    u_sampled.row(static_cast<Index>(k)) = u.row(sampled[k]);
    n_sampled[static_cast<Index>(k)] = static_cast<double>(n_k[static_cast<std::size_t>(sampled[k])]);
  }
  Mbar result;
  Solver solver(u_sampled, n_sampled);
  solver.solve(result);
  const VectorXd& log_den = solver.log_denominators();
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
  const MatrixXd inner = MatrixXd::Identity(states, states) - vs.transpose() * n.asDiagonal() * vs;
  const Eigen::SelfAdjointEigenSolver<MatrixXd> inverse(inner);
  VectorXd reciprocal(states);
  for (Index k = 0; k < states; ++k) reciprocal[k] = 1 / std::max(inverse.eigenvalues()[k], 1e-14);
  reciprocal[0] = 0;  // the common constant of all f_k: the eigenvalue that is zero by construction
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
