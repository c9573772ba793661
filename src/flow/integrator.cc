#include "flow/integrator.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "flow/dense_path.h"
#include "flow/quadrature.h"
#include "flow/runge_kutta.h"

namespace equibolt {
namespace {

bool finite(std::span<const double> values) {
  return std::all_of(values.begin(), values.end(), [](double value) { return std::isfinite(value); });
}

/// A step of a fixed grid, from t to t + h. ∇·v at its start enters ∫∇·v with `node_weight`.
struct GridStep {
  double t, h, node_weight;
};

/// Equal steps; or, `by_nodes`, about as many that end on the nodes of bent_gauss_legendre.
std::vector<GridStep> grid_of(const IntegratorOptions& options, double begin, double end, bool by_nodes) {
  Quadrature rule;
  if (by_nodes) rule = bent_gauss_legendre(options.divergence_nodes, begin, end, options.divergence_bend);
  std::vector<GridStep> grid;
  for (std::size_t k = 0; k <= rule.nodes.size(); ++k) {
    const double from = k == 0 ? begin : rule.nodes[k - 1];
    const double to = k == rule.nodes.size() ? end : rule.nodes[k];
    const double share = (to - from) / (end - begin) * static_cast<double>(options.steps);
    const auto pieces = static_cast<std::size_t>(std::max(1.0, std::round(share)));
    const double h = (to - from) / static_cast<double>(pieces);
    for (std::size_t piece = 0; piece < pieces; ++piece) {
      const double weight = k > 0 && piece == 0 ? rule.weights[k - 1] : 0.0;
      grid.push_back({from + h * static_cast<double>(piece), h, weight});
    }
  }
  return grid;
}

class Integration {
 public:
  Integration(Dynamics& dynamics, const IntegratorOptions& options, double begin, double end,
              ConfigurationsView<double> x, Divergence divergence)
      : options_(options),
        tableau_(tableau_of(options.method)),
        begin_(begin),
        end_(end),
        wanted_(divergence),
        dense_(divergence == Divergence::exact && options.method == Method::dopri5 &&
               (options.divergence_tolerance > 0 || options.divergence_nodes > 0)),
        x_(x),
        stages_(dynamics, tableau_, x),
        t_(x.count(), begin),
        h_(x.count()),
        members_(x.count()),
        next_x_(x.coordinates()) {
    std::iota(members_.begin(), members_.end(), std::size_t{0});
    paths_.divergence.assign(x.count(), 0);
    paths_.divergence_error.assign(x.count(), 0);
    paths_.velocity_bend.assign(x.count(), 0);
    paths_.arc_length.assign(x.count(), 0);
    paths_.displacement.assign(x.count(), 0);
    paths_.evaluations.assign(x.count(), 0);
    paths_.divergences.assign(x.count(), 0);
    paths_.status.assign(x.count(), IntegrationStatus::ok);
  }

  PathIntegrals run() {
    const std::vector<double> start(x_.values().begin(), x_.values().end());
    if (options_.method == Method::dopri5) {
      if (dense_) {
        wanted_ = Divergence::skip;
        dense_paths_.resize(x_.count());
      }
      run_adaptive();
      if (dense_) integrate_divergence();
    } else {
      run_fixed();
    }
    for (std::size_t b = 0; b < x_.count(); ++b) {
      double square = 0;
      for (std::size_t j = 0; j < x_.coordinates(); ++j) {
        const double difference = x_[b][j] - start[b * x_.coordinates() + j];
        square += difference * difference;
      }
      paths_.displacement[b] = std::sqrt(square);
    }
    return std::move(paths_);
  }

 private:
  void run_fixed() {
    const bool by_nodes = wanted_ == Divergence::exact && options_.divergence_nodes > 0;
    const std::size_t stages = tableau_.c.size();
    for (const GridStep& step : grid_of(options_, begin_, end_, by_nodes)) {
      std::fill(t_.begin(), t_.end(), step.t);
      std::fill(h_.begin(), h_.end(), step.h);
      if (by_nodes) {
        evaluate(0, 1, step.node_weight != 0 ? Divergence::exact : Divergence::skip);
        evaluate(1, stages, Divergence::skip);
      } else {
        evaluate(0, stages, wanted_);
      }
      std::vector<std::size_t> left;
      for (std::size_t m = 0; m < members_.size(); ++m) {
        const double divergence = by_nodes ? step.node_weight * node_divergence(step, m)
                                           : step.h * stages_.divergence(tableau_.b, m);
        if (advance(m, divergence)) left.push_back(members_[m]);
      }
      members_ = std::move(left);
    }
  }

  double node_divergence(const GridStep& step, std::size_t m) const {
    return step.node_weight != 0 ? stages_.first_divergence(m) : 0;
  }

  void evaluate(std::size_t first, std::size_t last, Divergence wanted) {
    stages_.evaluate(first, last, wanted, members_, x_, t_, h_);
    for (const std::size_t sample : members_) {
      paths_.evaluations[sample] += last - first;
      if (wanted == Divergence::exact) paths_.divergences[sample] += last - first;
    }
  }

  void run_adaptive() {
    choose_first_steps();
    for (std::size_t step = 0; !members_.empty(); ++step) {
      if (step == options_.max_steps) {
        for (const std::size_t sample : members_) paths_.status[sample] = IntegrationStatus::too_many_steps;
        return;
      }
      for (const std::size_t sample : members_) {
        // The last step ends on the interval's end exactly; a rest too short for floating point is joined.
        const double rest = end_ - t_[sample];
        if (std::abs(h_[sample]) > std::abs(rest) * (1 - 1e-12)) h_[sample] = rest;
      }
      evaluate(1, tableau_.c.size(), wanted_);  // stage 0 is the last one of the step before
      std::vector<std::size_t> left;
      for (std::size_t m = 0; m < members_.size(); ++m) {
        const std::size_t sample = members_[m];
        const double error = error_norm(m);
        const bool accepted = error <= 1;  // false for NaN
        const double h = h_[sample];
        if (accepted) {
          if (!advance(m, dense_ ? 0 : h * stages_.divergence(tableau_.b, m))) continue;
          t_[sample] = h == end_ - t_[sample] ? end_ : t_[sample] + h;
          if (t_[sample] == end_) continue;
        } else if (!std::isfinite(error) && std::abs(h) < 1e-10) {
          paths_.status[sample] = IntegrationStatus::not_finite;
          continue;
        }
        h_[sample] = h * step_factor(error, accepted);
        if (accepted) {
          stages_.carry_last_to_first(m, left.size());
        } else {
          stages_.keep_first(m, left.size());
        }
        left.push_back(sample);
      }
      members_ = std::move(left);
    }
  }

  /// ∫∇·v of the paths that arrived.
  void integrate_divergence() {
    for (std::size_t b = 0; b < x_.count(); ++b) {
      if (paths_.status[b] != IntegrationStatus::ok) dense_paths_[b].clear();
    }
    const PathQuadrature quadrature =
        options_.divergence_nodes > 0
            ? divergence_at_nodes(stages_.dynamics(), dense_paths_, x_.particles(), x_.dim(),
                                  options_.divergence_nodes, options_.divergence_bend)
            : divergence_along(stages_.dynamics(), dense_paths_, x_.particles(), x_.dim(),
                               options_.divergence_tolerance);
    for (std::size_t b = 0; b < x_.count(); ++b) {
      paths_.divergence[b] = quadrature.integral[b];
      paths_.divergence_error[b] = quadrature.error[b];
      paths_.evaluations[b] += quadrature.divergences[b];
      paths_.divergences[b] += quadrature.divergences[b];
      if (!std::isfinite(quadrature.integral[b])) paths_.status[b] = IntegrationStatus::not_finite;
    }
  }

  /// x ← x + h Σ b_s k_s and the integrals with it, ∫∇·v by `divergence`. False, with everything as before,
  /// when not finite.
  bool advance(std::size_t m, double divergence) {
    const std::size_t sample = members_[m];
    const double h = h_[sample];
    for (std::size_t j = 0; j < x_.coordinates(); ++j) {
      next_x_[j] = x_[sample][j] + h * stages_.velocity(tableau_.b, m, j);
    }
    const double arc = std::abs(h) * stages_.speed(tableau_.b, m);
    if (!finite(next_x_) || !std::isfinite(divergence) || !std::isfinite(arc)) {
      paths_.status[sample] = IntegrationStatus::not_finite;
      return false;
    }
    if (dense_) {
      dense_paths_[sample].emplace_back(
          t_[sample], h, x_[sample], next_x_,
          [&](std::size_t s, std::size_t j) { return stages_.velocity(s, m, j); });
    }
    std::copy(next_x_.begin(), next_x_.end(), x_[sample].begin());
    if (!tableau_.bend.empty()) {
      paths_.velocity_bend[sample] = std::max(paths_.velocity_bend[sample], velocity_bend(m));
    }
    paths_.divergence[sample] += divergence;
    paths_.arc_length[sample] += arc;
    return true;
  }

  double velocity_bend(std::size_t m) const {
    double square = 0;
    for (std::size_t j = 0; j < x_.coordinates(); ++j)
      square += std::pow(stages_.velocity(tableau_.bend, m, j), 2);
    return std::sqrt(square);
  }

  /// Stage 0 at the start, and first step sizes from the scales of x and v (Hairer, Nørsett and Wanner,
  /// Solving Ordinary Differential Equations I, II.4, without the second evaluation).
  void choose_first_steps() {
    evaluate(0, 1, wanted_);
    const double span = std::abs(end_ - begin_);
    for (std::size_t m = 0; m < members_.size(); ++m) {
      const double speed = stages_.first_speed(m);
      const double size =
          std::clamp(0.01 * norm_of(x_[members_[m]]) / std::max(speed, 1e-12), 1e-4, 0.1) * span;
      h_[members_[m]] = std::copysign(std::isfinite(size) ? size : 1e-4 * span, end_ - begin_);
    }
  }

  double error_norm(std::size_t m) const {
    const std::size_t sample = members_[m];
    const double h = h_[sample];
    double square = 0;
    for (std::size_t j = 0; j < x_.coordinates(); ++j) {
      const double before = x_[sample][j];
      const double after = before + h * stages_.velocity(tableau_.b, m, j);
      const double scale = options_.atol + options_.rtol * std::max(std::abs(before), std::abs(after));
      const double error = h * stages_.velocity(tableau_.error, m, j) / scale;
      square += error * error;
    }
    const double of_position = std::sqrt(square / static_cast<double>(x_.coordinates()));
    if (wanted_ == Divergence::skip) return of_position;
    const double before = paths_.divergence[sample];
    const double after = before + h * stages_.divergence(tableau_.b, m);
    const double scale = options_.atol + options_.rtol * std::max(std::abs(before), std::abs(after));
    const double of_divergence = std::abs(h * stages_.divergence(tableau_.error, m) / scale);
    return std::isnan(of_divergence) ? of_divergence : std::max(of_position, of_divergence);
  }

  static double step_factor(double error, bool accepted) {
    if (!std::isfinite(error)) return 0.1;
    const double factor = 0.9 * std::pow(std::max(error, 1e-10), -0.2);
    return std::clamp(factor, 0.2, accepted ? 5.0 : 1.0);
  }

  const IntegratorOptions& options_;
  const Tableau& tableau_;
  double begin_;
  double end_;
  Divergence wanted_;
  bool dense_;  ///< ∫∇·v along the path, once it is known
  ConfigurationsView<double> x_;
  Stages stages_;
  std::vector<double> t_;
  std::vector<double> h_;
  std::vector<std::size_t> members_;
  std::vector<double> next_x_;
  std::vector<DensePath> dense_paths_;
  PathIntegrals paths_;
};

constexpr std::size_t kRefinements = 4;

/// Integrates; then, `refinements` times at most, from their starts again those samples that bend too much.
PathIntegrals integrate_refining(Dynamics& dynamics, const IntegratorOptions& options, double begin,
                                 double end, ConfigurationsView<double> x, Divergence divergence,
                                 std::size_t refinements) {
  if (options.refine_above == 0 || refinements == 0)
    return Integration(dynamics, options, begin, end, x, divergence).run();
  const Configurations<double> start = converted<double>(ConfigurationsView<const double>(x));
  PathIntegrals paths = Integration(dynamics, options, begin, end, x, divergence).run();
  std::vector<std::size_t> bent;
  for (std::size_t b = 0; b < x.count(); ++b)
    if (paths.velocity_bend[b] > options.refine_above) bent.push_back(b);
  if (bent.empty()) return paths;
  Configurations<double> again(bent.size(), x.particles(), x.dim());
  for (std::size_t k = 0; k < bent.size(); ++k)
    std::copy(start[bent[k]].begin(), start[bent[k]].end(), again[k].begin());
  IntegratorOptions finer = options;
  finer.steps = (4 * options.steps + 2) / 3;
  finer.divergence_nodes = (4 * options.divergence_nodes + 2) / 3;
  const PathIntegrals fine =
      integrate_refining(dynamics, finer, begin, end, again, divergence, refinements - 1);
  for (std::size_t k = 0; k < bent.size(); ++k) {
    const std::size_t b = bent[k];
    std::copy(again[k].begin(), again[k].end(), x[b].begin());
    paths.divergence[b] = fine.divergence[k];
    paths.velocity_bend[b] = fine.velocity_bend[k];
    paths.arc_length[b] = fine.arc_length[k];
    paths.displacement[b] = fine.displacement[k];
    paths.evaluations[b] += fine.evaluations[k];
    paths.divergences[b] += fine.divergences[k];
    paths.status[b] = fine.status[k];
  }
  return paths;
}

}  // namespace

PathIntegrals integrate(Dynamics& dynamics, const IntegratorOptions& options, double begin, double end,
                        ConfigurationsView<double> x, Divergence divergence) {
  return integrate_refining(dynamics, options, begin, end, x, divergence, kRefinements);
}

}  // namespace equibolt
