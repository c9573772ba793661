#include "runs/biased_data.h"

#include <algorithm>
#include <cmath>

#include "core/random.h"
#include "equibolt/error.h"
#include "io/npz.h"

namespace equibolt {

BiasOfData bias_of_data(const std::filesystem::path& path) {
  if (path.extension() != ".npz") return {};
  const Npz npz = read_npz(path);
  if (!npz.contains("bias")) return {};
  const Array& bias = npz["bias"];
  if (npz["x"].shape.empty() || bias.shape != std::vector{npz["x"].shape[0]}) {
    throw DataError("{}: bias has shape {}, expected a number for each of x", npz.origin,
                    shape_text(bias.shape));
  }
  if (const auto at = bias.first_not_finite())
    throw DataError("{}: array 'bias': expected finite numbers, number {} is not", npz.origin, *at);
  return {bias.as_double(), npz["bias_is"].as_text()};
}

template <typename T>
Configurations<T> unbiased(const std::filesystem::path& path, Configurations<T> x) {
  const std::vector<double> bias = bias_of_data(path).energy;
  if (bias.empty()) return x;
  const double highest = std::ranges::max(bias);
  std::vector<std::size_t> kept;
  for (std::size_t b = 0; b < bias.size(); ++b) {
    Random random(0, Stream::bootstrap, 0, b);
    if (random.uniform() < std::exp(bias[b] - highest)) kept.push_back(b);
  }
  Configurations<T> chosen(kept.size(), x.particles(), x.dim());
  for (std::size_t k = 0; k < kept.size(); ++k) std::ranges::copy(x[kept[k]], chosen[k].begin());
  return chosen;
}

template Configurations<float> unbiased(const std::filesystem::path&, Configurations<float>);
template Configurations<double> unbiased(const std::filesystem::path&, Configurations<double>);

}  // namespace equibolt
