#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "equibolt/configurations.h"
#include "equibolt/estimate.h"
#include "runs/reporter.h"
#include "runs/session.h"

namespace equibolt {

/// How far log w = −U(x1) − log p(x1) is off for one way of computing paths and densities, in kT.
struct DensityError {
  double median = 0, quantile99 = 0, largest = 0;  ///< of |error| over the samples whose path arrived
  double mean = 0;                                 ///< of the error itself, which log Z has too
  double velocities = 0;  ///< mean number per sample, without those with the divergence
  double divergences = 0;
  double seconds = 0;  ///< per sample
  double ess = 0;      ///< Kish's fraction by these weights, and by exact ones at the same x1
  double ess_exact = 0;
  std::size_t failed = 0;
};

/// What densities are compared with, the same x1 inverted. float64: the path by dopri5 at tolerance 1e-9 in
/// float64, the divergence at 64 Gauss–Legendre nodes in float64. float64_path: as float64, but divergences
/// by the float32 kernels. float32: all by the kernels, with 64 steps of RK4 and 48 nodes: some ten times
/// cheaper on LJ55, so that many samples can be had, and good to some 0.001 kT.
enum class DensityReference { float32, float64_path, float64 };

struct DensityErrorOptions {
  std::uint64_t seed = 1;
  std::size_t samples = 100;
  /// Measure densities of given configurations, the flow's own samples, instead of samples as they are drawn.
  bool backwards = false;
  DensityReference reference = DensityReference::float64_path;
};

/// Measures the session's flow against the reference. `backwards` all see the same configurations, so the
/// reference is computed once: pass it on in `known`. Throws Stopped soon after `stop`, unless empty, says
/// so.
struct ReferenceDensities {
  std::vector<double> log_density;  ///< (n), without the prior's constant; empty: not known yet
};
DensityError density_error(Session& session, const DensityErrorOptions& options, ReferenceDensities& known,
                           const std::function<bool()>& stop = {});

/// What the integration's own error does to the log densities of samples that are there: the mean of what a
/// finer integration (DensityReference::float32) adds to them, which log Z has too, and its root mean square.
struct IntegrationError {
  std::size_t samples = 0;
  Estimate mean;
  double rms = 0;
};

/// Of x1 (n, N, D), n at least 2, with their log densities (n,), normalised.
IntegrationError integration_error(Session& session, ConfigurationsView<const double> x1,
                                   std::span<const double> log_density);

}  // namespace equibolt
