#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <span>
#include <vector>

#include "equibolt/configurations.h"
#include "flow/integrator.h"

namespace equibolt {

/// An explicit Runge–Kutta method. Stage s is evaluated at t + c_s h, x + h Σ_r a_{s,r} k_r.
struct Tableau {
  std::vector<double> c;
  std::vector<std::vector<double>> a;
  std::vector<double> b;
  std::vector<double> error;  ///< b − b̂, for the embedded error estimate; empty for fixed-step methods
  /// Of stages at t, t + h/2 and t + h: weights that give v(t) − 2 v(t + h/2) + v(t + h); or empty.
  std::vector<double> bend;
};

/// rk3 and rk4 are Kutta's, Z. Math. Phys. 46 (1901) 435; dopri5 is Dormand and Prince, J. Comput. Appl.
/// Math. 6 (1980) 19, RK5(4)7M.
const Tableau& tableau_of(Method method);

inline double norm_of(std::span<const double> v) {
  return std::sqrt(std::inner_product(v.begin(), v.end(), v.begin(), 0.0));
}

/// The stages of a set of samples, each with its own time and step size: arrays are packed by the position
/// in `members`, the indices of the samples that are still under way.
class Stages {
 public:
  Stages(Dynamics& dynamics, const Tableau& tableau, ConfigurationsView<double> x)
      : dynamics_(dynamics),
        tableau_(tableau),
        stage_x_(x.count(), x.particles(), x.dim()),
        stage_t_(x.count()) {
    for (std::size_t s = 0; s < tableau.c.size(); ++s) {
      k_.emplace_back(x.count(), x.particles(), x.dim());
      divergence_.emplace_back(x.count());
      speed_.emplace_back(x.count());
    }
  }

  Dynamics& dynamics() { return dynamics_; }

  /// Evaluates stages first, …, last−1 for x_m at t_m with step h_m, m in members.
  void evaluate(std::size_t first, std::size_t last, Divergence wanted,
                const std::vector<std::size_t>& members, ConfigurationsView<const double> x,
                const std::vector<double>& t, const std::vector<double>& h) {
    const std::size_t n = members.size();
    const auto slice = [&](Configurations<double>& values) { return values.view().slice(0, n); };
    for (std::size_t s = first; s < last; ++s) {
      for (std::size_t m = 0; m < n; ++m) {
        const std::size_t sample = members[m];
        stage_t_[m] = t[sample] + tableau_.c[s] * h[sample];
        const auto out = stage_x_[m];
        std::copy(x[sample].begin(), x[sample].end(), out.begin());
        for (std::size_t r = 0; r < s; ++r) {
          const double weight = h[sample] * tableau_.a[s][r];
          if (weight == 0) continue;
          for (std::size_t j = 0; j < out.size(); ++j) out[j] += weight * k_[r][m][j];
        }
      }
      const std::span<const double> times(stage_t_.data(), n);
      if (wanted == Divergence::exact) {
        dynamics_.velocity_and_divergence(times, slice(stage_x_), slice(k_[s]),
                                          std::span(divergence_[s]).first(n));
      } else {
        dynamics_.velocity(times, slice(stage_x_), slice(k_[s]));
      }
      for (std::size_t m = 0; m < n; ++m) speed_[s][m] = norm_of(k_[s][m]);
    }
  }

  /// Σ_s w_s of what the stages hold for member m: of the velocity's coordinate j, divergence or speed.
  double velocity(const std::vector<double>& w, std::size_t m, std::size_t j) const {
    double sum = 0;
    for (std::size_t s = 0; s < w.size(); ++s) sum += w[s] * k_[s].data()[m * k_[s].coordinates() + j];
    return sum;
  }
  double velocity(std::size_t stage, std::size_t m, std::size_t j) const {
    return k_[stage].data()[m * k_[stage].coordinates() + j];
  }
  double divergence(const std::vector<double>& w, std::size_t m) const { return weighted(divergence_, w, m); }
  double speed(const std::vector<double>& w, std::size_t m) const { return weighted(speed_, w, m); }
  double first_speed(std::size_t m) const { return speed_[0][m]; }
  double first_divergence(std::size_t m) const { return divergence_[0][m]; }

  /// First same as last: the last stage of member m becomes the first of the packed position `to`.
  void carry_last_to_first(std::size_t m, std::size_t to) { copy_stage(k_.size() - 1, m, 0, to); }
  /// The first stage of member m moves to the packed position `to`.
  void keep_first(std::size_t m, std::size_t to) { copy_stage(0, m, 0, to); }

 private:
  static double weighted(const std::vector<std::vector<double>>& values, const std::vector<double>& w,
                         std::size_t m) {
    double sum = 0;
    for (std::size_t s = 0; s < w.size(); ++s) sum += w[s] * values[s][m];
    return sum;
  }

  void copy_stage(std::size_t from_stage, std::size_t m, std::size_t to_stage, std::size_t to) {
    const auto from = k_[from_stage][m];
    std::copy(from.begin(), from.end(), k_[to_stage][to].begin());
    divergence_[to_stage][to] = divergence_[from_stage][m];
    speed_[to_stage][to] = speed_[from_stage][m];
  }

  Dynamics& dynamics_;
  const Tableau& tableau_;
  Configurations<double> stage_x_;
  std::vector<double> stage_t_;
  std::vector<Configurations<double>> k_;        // per stage (B, N, D)
  std::vector<std::vector<double>> divergence_;  // per stage (B,)
  std::vector<std::vector<double>> speed_;       // per stage (B,)
};

}  // namespace equibolt
