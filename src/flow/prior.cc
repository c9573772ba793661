#include "flow/prior.h"

#include "core/geometry.h"

namespace equibolt {

void sample_prior(std::uint64_t seed, std::size_t first, ConfigurationsView<double> x) {
  for (std::size_t b = 0; b < x.count(); ++b) {
    Random random(seed, Stream::prior, 0, first + b);
    mean_free_normal(random, x[b], x.dim());
  }
}

double prior_log_density(std::span<const double> x) {
  double square = 0;
  for (const double value : x) square += value * value;
  return -0.5 * square;
}

}  // namespace equibolt
