#include "analyze/bootstrap.h"

#include "analyze/estimate.h"

namespace equibolt {

void draw_blocks(std::span<std::size_t> indices, std::size_t block, Random& random) {
  std::size_t next = 0;
  for (std::size_t k = 0; k < indices.size(); ++k) {
    next = k % block == 0 ? random.below(indices.size()) : (next + 1) % indices.size();
    indices[k] = next;
  }
}

std::vector<double> bootstrap(std::size_t n,
                              const std::function<double(std::span<const std::size_t>)>& estimator,
                              const Bootstrap& options) {
  require_count(n, 1, "bootstrap");
  if (options.block < 1 || options.block > n) {
    throw DataError("bootstrap: blocks of {}, expected 1 to {}", options.block, n);
  }
  std::vector<double> values(options.repetitions);
  std::vector<std::size_t> indices(n);
  for (std::size_t r = 0; r < values.size(); ++r) {
    Random random(options.seed, Stream::bootstrap, r);
    draw_blocks(indices, options.block, random);
    values[r] = estimator(indices);
  }
  return values;
}

double bootstrap_error(std::size_t n, const std::function<double(std::span<const std::size_t>)>& estimator,
                       const Bootstrap& options) {
  require_count(options.repetitions, 2, "bootstrap: repetitions");
  return standard_deviation(bootstrap(n, estimator, options));
}

}  // namespace equibolt
