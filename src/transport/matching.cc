#include "transport/matching.h"

#include <algorithm>

#include "transport/alignment.h"

namespace equibolt {
namespace {

constexpr std::size_t most_sweeps = 100;  // each lowers the distance; a handful is the rule

}  // namespace

Matcher::Matcher(const ParticleTypes& types, std::size_t dim, bool reflections, bool alternate)
    : groups_(groups_of(types)),
      dim_(dim),
      reflections_(reflections),
      alternate_(alternate),
      rotated_(types.size() * dim),
      scratch_(types.size() * dim) {}

void Matcher::permute(std::span<const float> x0, std::span<const float> x1, std::span<float> out) {
  for (const auto& group : groups_) {
    work_.prepare(group.size());
    // Rows are the particles of x1, columns those of x0. |x0_j − x1_i|² less what no permutation changes.
    for (std::size_t i = 0; i < group.size(); ++i) {
      const float* a = &x1[group[i] * dim_];
      for (std::size_t j = 0; j < group.size(); ++j) {
        const float* b = &x0[group[j] * dim_];
        float dot = 0;
        for (std::size_t k = 0; k < dim_; ++k) dot += a[k] * b[k];
        work_.cost_row(i)[j] = -dot;
      }
    }
    solve_prepared(work_);
    for (std::size_t i = 0; i < group.size(); ++i) {
      const std::size_t to = group[static_cast<std::size_t>(work_.column_of_row[i])];
      std::copy_n(&x1[group[i] * dim_], dim_, &out[to * dim_]);
    }
  }
}

double Matcher::match(std::span<const float> x0, std::span<const float> x1, std::span<float> out) {
  permute(x0, x1, out);
  double distance = align(x0, out, dim_, reflections_);
  for (std::size_t sweep = 1; alternate_ && sweep < most_sweeps; ++sweep) {
    permute(x0, out, scratch_);
    if (std::equal(scratch_.begin(), scratch_.end(), out.begin())) break;
    const double next = align<float>(x0, scratch_, dim_, reflections_);
    if (!(next < distance)) break;
    distance = next;
    std::copy(scratch_.begin(), scratch_.end(), out.begin());
  }
  return distance;
}

void Matcher::costs(ConfigurationsView<const float> prior, ConfigurationsView<const float> data,
                    std::span<float> cost) {
  for (std::size_t i = 0; i < prior.count(); ++i) {
    for (std::size_t j = 0; j < data.count(); ++j) {
      cost[i * data.count() + j] = static_cast<float>(match(prior[i], data[j], rotated_));
    }
  }
}

}  // namespace equibolt
