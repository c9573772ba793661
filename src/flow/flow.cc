#include "flow/flow.h"

#include <algorithm>
#include <limits>

#include "flow/prior.h"

namespace equibolt {
namespace {

/// log p̃ = log q̃(x0) − ∫₀¹ ∇·v dt; `direction` is +1 when the integral ran from 0 to 1, −1 when from 1 to 0.
void set_log_density(FlowSamples& samples, double direction) {
  samples.log_density.resize(samples.x0.count());
  for (std::size_t b = 0; b < samples.x0.count(); ++b) {
    const bool ok = samples.paths.status[b] == IntegrationStatus::ok;
    samples.log_density[b] = ok ? prior_log_density(samples.x0[b]) - direction * samples.paths.divergence[b]
                                : -std::numeric_limits<double>::infinity();
  }
}

}  // namespace

FlowSamples sample_flow(Dynamics& dynamics, const IntegratorOptions& options, std::uint64_t seed,
                        std::size_t first, std::size_t count, std::size_t particles, std::size_t dim) {
  FlowSamples samples;
  samples.x0 = Configurations<double>(count, particles, dim);
  sample_prior(seed, first, samples.x0);
  samples.x1 = samples.x0;
  samples.paths = integrate(dynamics, options, 0, 1, samples.x1, Divergence::exact);
  set_log_density(samples, +1);
  return samples;
}

FlowSamples flow_density(Dynamics& dynamics, const IntegratorOptions& options,
                         ConfigurationsView<const double> x1) {
  FlowSamples samples;
  samples.x1 = converted<double>(x1);
  samples.x0 = samples.x1;
  samples.paths = integrate(dynamics, options, 1, 0, samples.x0, Divergence::exact);
  set_log_density(samples, -1);
  return samples;
}

}  // namespace equibolt
