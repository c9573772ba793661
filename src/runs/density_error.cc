#include "runs/density_error.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "analyze/estimate.h"
#include "analyze/likelihood.h"
#include "analyze/weights.h"
#include "core/stopwatch.h"
#include "egnn/precise_field.h"
#include "equibolt/error.h"
#include "flow/flow.h"
#include "flow/prior.h"
#include "system/parallel_energy.h"

namespace equibolt {
namespace {

/// log p of each x1; throws Stopped when `stop` says so, between blocks of which each costs some seconds.
std::vector<double> reference_densities(Session& session, ConfigurationsView<const double> x1,
                                        DensityReference reference, const std::function<bool()>& stop) {
  const std::size_t block = std::max<std::size_t>(32, 8 * session.pool().size());
  std::vector<double> log_density;
  const auto invert = [&](auto& dynamics, const IntegratorOptions& options) {
    for (std::size_t first = 0; first < x1.count(); first += block) {
      if (stop && stop()) throw Stopped("stopped at sample {} of the reference", first);
      const auto part = flow_density(dynamics, options, x1.slice(first, std::min(block, x1.count() - first)));
      log_density.insert(log_density.end(), part.log_density.begin(), part.log_density.end());
    }
    return log_density;
  };
  NetworkDynamics kernels(session.field());
  if (reference == DensityReference::float32) {
    const IntegratorOptions options{
        .method = Method::rk4, .steps = 64, .divergence_nodes = 48, .divergence_bend = 0.3};
    return invert(kernels, options);
  }
  const PreciseField field(session.model().architecture, session.model().parameters);
  PreciseDynamics dynamics(field, session.pool(),
                           reference == DensityReference::float64 ? nullptr : &kernels);
  const IntegratorOptions options{
      .method = Method::dopri5, .divergence_nodes = 64, .atol = 1e-9, .rtol = 1e-9};
  return invert(dynamics, options);
}

/// Configurations to weigh: as the flow's settings of old draw them.
Configurations<double> some_samples(Session& session, const DensityErrorOptions& options) {
  Configurations<double> x(options.samples, session.particles(), session.dim());
  sample_prior(options.seed, 0, x);
  integrate(session.dynamics(), IntegratorOptions{}, 0, 1, x, Divergence::skip);
  return x;
}

std::vector<double> log_weights(const std::vector<double>& energy, const std::vector<double>& log_density) {
  std::vector<double> out;
  for (std::size_t b = 0; b < energy.size(); ++b) out.push_back(-energy[b] - log_density[b]);
  return out;
}

}  // namespace

DensityError density_error(Session& session, const DensityErrorOptions& options, ReferenceDensities& known,
                           const std::function<bool()>& stop) {
  const IntegratorOptions& flow = session.config().flow;
  Configurations<double> given;
  if (options.backwards) given = some_samples(session, options);
  const Stopwatch watch;
  const FlowSamples samples = options.backwards
                                  ? flow_density(session.dynamics(), flow, given)
                                  : sample_flow(session.dynamics(), flow, options.seed, 0, options.samples,
                                                session.particles(), session.dim());
  DensityError result;
  const auto count = static_cast<double>(options.samples);
  result.seconds = watch.seconds() / count;
  std::vector<double> exact = known.log_density;
  if (exact.empty()) exact = reference_densities(session, samples.x1, options.reference, stop);
  if (options.backwards) known.log_density = exact;

  std::vector<double> energy(options.samples), sizes;
  std::vector<EnergyStatus> status(options.samples);
  ParallelEnergy(session.energy(), session.pool()).evaluate(samples.x1, energy, {}, status);
  for (std::size_t b = 0; b < options.samples; ++b) {
    const double error = exact[b] - samples.log_density[b];
    if (samples.paths.status[b] != IntegrationStatus::ok || !std::isfinite(error)) {
      ++result.failed;
      continue;
    }
    sizes.push_back(std::abs(error));
    result.mean += error;
    result.velocities += static_cast<double>(samples.paths.evaluations[b] - samples.paths.divergences[b]);
    result.divergences += static_cast<double>(samples.paths.divergences[b]);
  }
  if (sizes.empty()) throw NumericalError("all of the {} paths failed", options.samples);
  std::sort(sizes.begin(), sizes.end());
  const auto arrived = static_cast<double>(sizes.size());
  result.mean /= arrived;
  result.velocities /= arrived;
  result.divergences /= arrived;
  result.median = quantile(sizes, 0.5);
  result.quantile99 = quantile(sizes, 0.99);
  result.largest = sizes.back();
  result.ess = kish_fraction(log_weights(energy, samples.log_density));
  result.ess_exact = kish_fraction(log_weights(energy, exact));
  return result;
}

IntegrationError integration_error(Session& session, ConfigurationsView<const double> x1,
                                   std::span<const double> log_density) {
  const std::vector<double> finer = reference_densities(session, x1, DensityReference::float32, {});
  const double normalisation = prior_log_normalisation(session.particles(), session.dim());
  std::vector<double> errors;
  double square = 0;
  for (std::size_t b = 0; b < finer.size(); ++b) {
    errors.push_back(finer[b] - normalisation - log_density[b]);
    square += errors.back() * errors.back();
  }
  const auto n = static_cast<double>(errors.size());
  const double mean = average(errors);
  return {errors.size(), {mean, std::sqrt((square / n - mean * mean) / (n - 1))}, std::sqrt(square / n)};
}

}  // namespace equibolt
