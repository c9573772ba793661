#include "flow/score_path.h"

#include <algorithm>
#include <cassert>

#include "core/geometry.h"
#include "core/random.h"
#include "flow/runge_kutta.h"

namespace equibolt {
namespace {

/// h of the difference along ε: displaces coordinates by this on average, in units of the prior's width. The
/// densities that flows are for have structure above 0.03; rounding costs 1e-5 relative to 1/h.
constexpr double kProbeStep = 3e-3;
/// The last step towards t = 1 is this part of the average one.
constexpr double kLastStep = 0.4;

/// ε with E εεᵀ = the projector onto mean-free vectors, as normal numbers have; but ε_k² hardly varies, so
/// that the diagonal of what is estimated adds next to no noise.
void mean_free_signs(Random& random, std::span<float> e, std::size_t dim) {
  for (float& value : e) value = random.below(2) == 0 ? -1.0F : 1.0F;
  remove_mean(e, dim);
}

/// y += factor · x.
void add(ConfigurationsView<float> y, double factor, ConfigurationsView<const float> x) {
  if (factor == 0) return;
  const auto f = static_cast<float>(factor);
  for (std::size_t k = 0; k < y.size(); ++k) y.data()[k] += f * x.data()[k];
}

}  // namespace

ScorePath::ScorePath(VectorField& field, const ScorePathOptions& options)
    : field_(field),
      probes_(options.probes),
      parameter_gradient_(ParameterLayout(field.architecture()).size()) {
  for (std::size_t k = 0; k <= options.steps; ++k) {
    const double s = static_cast<double>(k) / static_cast<double>(options.steps);
    times_.push_back(1 - s * (kLastStep + (1 - kLastStep) * s));
  }
}

void ScorePath::score_rate(double t, ConfigurationsView<const float> x, ConfigurationsView<const float> score,
                           std::uint64_t seed, std::size_t first_probe, ConfigurationsView<float> rate,
                           std::span<double> divergence) {
  const std::size_t count = x.count(), half = x.size();
  stage_times_.assign(2 * count, static_cast<float>(t));
  std::fill_n(rate.data(), half, 0.0F);
  std::fill(divergence.begin(), divergence.end(), 0.0);
  constexpr auto h = static_cast<float>(kProbeStep);
  const double share = 1 / static_cast<double>(probes_);
  for (std::size_t p = 0; p < probes_; ++p) {
    for (std::size_t b = 0; b < count; ++b) {
      Random random(seed, Stream::score_probes, first_probe + p, b);
      mean_free_signs(random, probe_[b], x.dim());
    }
    // J(x ± hε)ᵀ (s/2 ± ε/2h): their sum is Jᵀ s + ∇(∇·v), their difference along ε the divergence.
    for (std::size_t k = 0; k < half; ++k) {
      const float e = probe_.data()[k], s = 0.5F * score.data()[k];
      displaced_.data()[k] = x.data()[k] + h * e;
      displaced_.data()[half + k] = x.data()[k] - h * e;
      cotangents_.data()[k] = s + e / (2 * h);
      cotangents_.data()[half + k] = s - e / (2 * h);
    }
    field_.vjp(stage_times_, displaced_, cotangents_, products_, {});
    const auto products = products_.view();
    add(rate, -share, products.slice(0, count));
    add(rate, -share, products.slice(count, count));
    for (std::size_t b = 0; b < count; ++b) {
      double along = 0;
      for (std::size_t k = 0; k < x.coordinates(); ++k)
        along += static_cast<double>(probe_[b][k]) * (products[b][k] - products[count + b][k]);
      divergence[b] += share * kProbeStep * along;
    }
  }
}

std::vector<double> ScorePath::carry_back(ConfigurationsView<float> x, ConfigurationsView<float> score,
                                          std::uint64_t seed, std::size_t step) {
  const Tableau& tableau = tableau_of(Method::rk4);
  const std::size_t stages = tableau.c.size(), count = x.count();
  probe_ = Configurations<float>(count, x.particles(), x.dim());
  displaced_ = Configurations<float>(2 * count, x.particles(), x.dim());
  cotangents_ = products_ = displaced_;
  visited_.clear();
  std::vector<Configurations<float>> velocity(stages, probe_), rate(stages, probe_);
  Configurations<float> stage_score = probe_;
  std::vector<double> divergence(count), integral(count);
  const std::size_t probes_of_path = (times_.size() - 1) * stages * probes_;
  std::size_t first_probe = step * probes_of_path;
  for (std::size_t i = 0; i + 1 < times_.size(); ++i) {
    const double dt = times_[i + 1] - times_[i];
    for (std::size_t s = 0; s < stages; ++s) {
      Configurations<float>& stage_x = visited_.emplace_back(probe_);
      std::copy_n(x.data(), x.size(), stage_x.data());
      std::copy_n(score.data(), x.size(), stage_score.data());
      for (std::size_t r = 0; r < s; ++r) {
        add(stage_x, dt * tableau.a[s][r], velocity[r]);
        add(stage_score, dt * tableau.a[s][r], rate[r]);
      }
      const double t = times_[i] + tableau.c[s] * dt;
      stage_times_.assign(count, static_cast<float>(t));
      field_.velocity(stage_times_, stage_x, velocity[s]);
      score_rate(t, stage_x, stage_score, seed, first_probe, rate[s], divergence);
      first_probe += probes_;
      for (std::size_t b = 0; b < count; ++b) integral[b] -= dt * tableau.b[s] * divergence[b];
    }
    for (std::size_t s = 0; s < stages; ++s) {
      add(x, dt * tableau.b[s], velocity[s]);
      add(score, dt * tableau.b[s], rate[s]);
    }
  }
  return integral;
}

void ScorePath::replace(std::size_t b, std::size_t other) {
  for (Configurations<float>& x : visited_) std::copy(x[other].begin(), x[other].end(), x[b].begin());
}

void ScorePath::add_gradient(ConfigurationsView<float> w, std::span<double> gradient) {
  const Tableau& tableau = tableau_of(Method::rk4);
  const std::size_t stages = tableau.c.size();
  assert(visited_.size() == (times_.size() - 1) * stages);
  // Reverse mode through each step x' = x + dt Σ_s b_s v(x_s), x_s = x + dt Σ_r a_sr v(x_r), the last first.
  Configurations<float> cotangent = probe_;
  std::vector<Configurations<float>> pulled(stages, probe_);
  for (std::size_t i = times_.size() - 1; i-- > 0;) {
    const double dt = times_[i + 1] - times_[i];
    for (std::size_t s = stages; s-- > 0;) {
      std::fill_n(cotangent.data(), cotangent.size(), 0.0F);
      add(cotangent, dt * tableau.b[s], w);
      for (std::size_t later = s + 1; later < stages; ++later)
        add(cotangent, dt * tableau.a[later][s], pulled[later]);
      stage_times_.assign(w.count(), static_cast<float>(times_[i] + tableau.c[s] * dt));
      field_.vjp(stage_times_, visited_[i * stages + s], cotangent, pulled[s], parameter_gradient_);
      for (std::size_t k = 0; k < gradient.size(); ++k) gradient[k] += parameter_gradient_[k];
    }
    for (const auto& part : pulled) add(w, 1, part);
  }
}

}  // namespace equibolt
