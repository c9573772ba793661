#include "analyze/multistate.h"

#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>
#include <limits>

#include "equibolt/error.h"

namespace equibolt {
namespace {

using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;

/// ln Σ exp; −∞ where all terms are zero.
double log_sum(const VectorXd& exponents) {
  const double top = exponents.maxCoeff();
  return std::isfinite(top) ? top + std::log((exponents.array() - top).exp().sum()) : top;
}

/// Minimises the convex function
///   κ(f) = Σ_n c_n ln Σ_k N_k exp(f_k − u_kn) − Σ_k N_k f_k
/// with gradient N_k (S_k − 1), S_k = Σ_n c_n W_kn, and Hessian δ_ij N_i S_i − N_i N_j Σ_n c_n W_in W_jn.
class Solver {
 public:
  explicit Solver(const MultistateProblem& problem)
      : u_(problem.u),
        n_(problem.n),
        counts_(problem.counts),
        log_counts_(problem.counts.array().log()),
        w_(u_.rows(), u_.cols()),
        log_den_(u_.cols()) {
    centre();
    f_ = VectorXd::Zero(u_.rows());
    if (problem.start.size() > 0) {
      f_ = problem.start - row_offset_;
      f_.array() -= f_[0];
      warm_up_ = 0;
    }
  }

  MultistateSolution solve() {
    constexpr std::size_t limit = 500;
    constexpr std::size_t patience = 5;  // steps after the equations hold to rounding
    constexpr double largest_step = 1e-6;
    MultistateSolution solution;
    double kappa = evaluate(f_);
    std::size_t solved = 0;
    for (; solution.iterations < limit; ++solution.iterations) {
      solution.residual = residual();
      const bool solvable = newton_direction();
      if (solution.residual <= tolerance()) {
        solution.converged = solvable && step_.cwiseAbs().maxCoeff() <= largest_step;
        if (solution.converged || ++solved > patience) break;
      }
      if (solution.iterations < warm_up_ || !solvable || !newton_step(kappa)) {
        self_consistent_step();
        kappa = evaluate(f_);
      }
    }
    solution.f = f_ + row_offset_;
    solution.log_denominators = log_den_ - column_offset_;
    return solution;
  }

 private:
  /// Takes from each state's energies the lowest of them, and then from each configuration's, so that offsets
  /// cost no digits.
  void centre() {
    row_offset_ = u_.rowwise().minCoeff();
    for (Index k = 0; k < u_.rows(); ++k) {
      if (!std::isfinite(row_offset_[k])) {
        throw NumericalError("free energies: state {} has infinite energy at every sample", k);
      }
    }
    u_.colwise() -= row_offset_;
    column_offset_ = u_.colwise().minCoeff().transpose();
    for (Index s = 0; s < u_.cols(); ++s) {
      if (!std::isfinite(column_offset_[s])) {
        throw NumericalError("free energies: sample {} has infinite energy in every state", s);
      }
    }
    u_.rowwise() -= column_offset_.transpose();
  }

  /// Sets W, its sums and the denominators for f; returns κ.
  double evaluate(const VectorXd& f) {
    double kappa = -n_.dot(f);
    const VectorXd shift = f.array() + n_.array().log();
    for (Index s = 0; s < u_.cols(); ++s) {
      exponents_ = shift - u_.col(s);
      log_den_[s] = log_sum(exponents_);
      w_.col(s) = (exponents_.array() - log_den_[s]).exp() / n_.array();
      kappa += counts_[s] * log_den_[s];
    }
    sums_ = w_ * counts_;
    return kappa;
  }

  /// NaN where any sum is.
  double residual() const {
    double greatest = 0;
    for (Index k = 0; k < sums_.size(); ++k) {
      const double off = std::abs(sums_[k] - 1);
      if (!(off <= greatest)) greatest = off;
      if (std::isnan(off)) return off;
    }
    return greatest;
  }

  /// What rounding allows: a weight is the exponential of a difference of numbers as large as these.
  double tolerance() const {
    const double largest = std::max(f_.cwiseAbs().maxCoeff(), log_den_.cwiseAbs().maxCoeff());
    return std::max(1e-11, 32 * std::numeric_limits<double>::epsilon() * largest);
  }

  void self_consistent_step() {
    for (Index k = 0; k < u_.rows(); ++k) {
      f_[k] = -log_sum(log_counts_ - u_.row(k).transpose() - log_den_);
    }
    f_.array() -= f_[0];
  }

  /// Newton's step with f_0 fixed. False where the Hessian is singular to rounding: states do not overlap.
  bool newton_direction() {
    const Index free = f_.size() - 1;
    step_ = VectorXd::Zero(f_.size());
    if (free == 0) return true;
    // Scaled so that its diagonal is 1.
    const VectorXd scale = (n_.array() * sums_.array()).rsqrt();
    if (!scale.allFinite()) return false;
    const VectorXd row = scale.cwiseProduct(n_);
    MatrixXd hessian = -(row.asDiagonal() * (w_ * counts_.asDiagonal() * w_.transpose()) * row.asDiagonal());
    hessian.diagonal().array() += 1;
    const Eigen::LDLT<MatrixXd> factors(hessian.bottomRightCorner(free, free));
    if (!(factors.vectorD().minCoeff() > 1e-12)) return false;
    const VectorXd gradient = row.array() * (sums_.array() - 1);
    step_.tail(free) = -factors.solve(gradient.tail(free));
    step_.array() *= scale.array();
    return step_.allFinite();
  }

  /// Takes the step, halved until κ decreases. False where it cannot.
  bool newton_step(double& kappa) {
    const double slope = (n_.array() * (sums_.array() - 1)).matrix().dot(step_);
    if (!(slope <= 0)) return false;
    const double noise = 1e-14 * (std::abs(kappa) + 1) * std::sqrt(static_cast<double>(u_.cols()));
    const VectorXd before = f_, direction = step_;
    for (double scale = 1; scale > 1e-6; scale /= 2) {
      f_ = before + scale * direction;
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

  std::size_t warm_up_ = 10;  // steps that cannot go astray, before Newton's
  MatrixXd u_;                // (K, N), less both offsets
  VectorXd n_, counts_, log_counts_;
  VectorXd row_offset_, column_offset_;
  VectorXd f_, step_;
  MatrixXd w_;  // (K, N)
  VectorXd sums_, log_den_, exponents_;
};

}  // namespace

MultistateSolution solve(const MultistateProblem& problem) {
  return Solver(problem).solve();
}

}  // namespace equibolt
