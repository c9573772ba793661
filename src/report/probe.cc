#include "report/probe.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analyze/estimate.h"
#include "flow/flow.h"
#include "flow/prior.h"

namespace equibolt {
namespace {

constexpr double kTolerance = 1e-6;  // below it float32's rounding decides
constexpr std::size_t kLeast = 8, kMost = 100, kWork = std::size_t{1} << 17;

FlowSamples sample_with(Session& session, const IntegratorOptions& options, std::uint64_t seed,
                        std::size_t count) {
  return sample_flow(session.dynamics(), options, seed, 0, count, session.particles(), session.dim());
}

IntegrationError compare(const FlowSamples& reference, const FlowSamples& fixed, std::size_t steps) {
  std::vector<double> position, log_density;
  for (std::size_t b = 0; b < reference.x1.count(); ++b) {
    if (reference.paths.status[b] != IntegrationStatus::ok ||
        fixed.paths.status[b] != IntegrationStatus::ok) {
      continue;
    }
    double sum = 0;
    for (std::size_t k = 0; k < reference.x1.coordinates(); ++k) {
      sum += std::abs(reference.x1[b][k] - fixed.x1[b][k]);
    }
    position.push_back(sum);
    log_density.push_back(std::abs(reference.log_density[b] - fixed.log_density[b]));
  }
  if (position.size() < 2) return {steps, {NAN, NAN}, {NAN, NAN}};
  return {steps, mean(position), mean(log_density)};
}

double mean_evaluations(const FlowSamples& samples) {
  const auto& evaluations = samples.paths.evaluations;
  return static_cast<double>(std::accumulate(evaluations.begin(), evaluations.end(), std::size_t{0})) /
         static_cast<double>(evaluations.size());
}

}  // namespace

Configurations<double> path_of_sample(Session& session, std::uint64_t seed, std::size_t index,
                                      std::size_t points) {
  Configurations<double> path(points, session.particles(), session.dim());
  sample_prior(seed, index, path.view().slice(0, 1));
  IntegratorOptions options{.method = Method::rk4, .steps = 2};
  for (std::size_t k = 1; k < points; ++k) {
    std::copy(path[k - 1].begin(), path[k - 1].end(), path[k].begin());
    const double step = 1 / static_cast<double>(points - 1);
    integrate(session.dynamics(), options, static_cast<double>(k - 1) * step, static_cast<double>(k) * step,
              path.view().slice(k, 1), Divergence::skip);
  }
  return path;
}

IntegrationErrors integration_errors(Session& session, std::uint64_t seed) {
  const std::size_t coordinates = session.particles() * session.dim();
  const std::size_t count = std::clamp(kWork / (coordinates * coordinates), kLeast, kMost);
  const IntegratorOptions adaptive{.method = Method::dopri5, .atol = kTolerance, .rtol = kTolerance};
  const FlowSamples reference = sample_with(session, adaptive, seed, count);
  IntegrationErrors errors{.samples = count,
                           .tolerance = kTolerance,
                           .reference_evaluations = mean_evaluations(reference),
                           .rk4 = {},
                           .own = {}};
  for (const std::size_t steps : {1U, 2U, 3U, 5U, 7U, 10U, 15U, 20U, 30U, 40U}) {
    const IntegratorOptions fixed{.method = Method::rk4, .steps = steps};
    errors.rk4.push_back(compare(reference, sample_with(session, fixed, seed, count), steps));
  }
  const FlowSamples own = sample_with(session, session.config().flow, seed, count);
  errors.own = compare(reference, own, session.config().flow.steps);
  errors.own_evaluations = mean_evaluations(own);
  return errors;
}

}  // namespace equibolt
