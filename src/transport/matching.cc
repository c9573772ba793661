#include "transport/matching.h"

#include <algorithm>
#include <cmath>

#include "transport/alignment.h"

namespace equibolt {
namespace {

constexpr std::size_t most_sweeps = 100;  // each lowers the distance; a handful is the rule

double squared_norm(std::span<const float> x) {
  double sum = 0;
  for (const float value : x) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

}  // namespace

Matcher::Matcher(const ParticleTypes& types, std::size_t dim, bool reflections, bool alternate)
    : search_(types, dim),
      dim_(dim),
      reflections_(reflections),
      alternate_(alternate),
      prior_(types.size() * search_.width()),
      moved_(prior_.size()),
      permuted_(prior_.size()),
      overlap_(dim * dim),
      rotation_(dim * dim) {}

double Matcher::rotate_packed(std::span<float> packed) {
  const std::size_t width = search_.width();
  const double gain = optimal_rotation(overlap_, dim_, reflections_, rotation_);
  const std::span<const std::int32_t> target = search_.target();
  for (std::size_t i = 0; i < target.size(); ++i) {
    float* to = &permuted_[static_cast<std::size_t>(target[i]) * width];
    for (std::size_t k = 0; k < dim_; ++k) {
      double sum = 0;
      for (std::size_t l = 0; l < dim_; ++l) {
        sum += rotation_[k * dim_ + l] * static_cast<double>(packed[i * width + l]);
      }
      to[k] = static_cast<float>(sum);
    }
  }
  std::copy(permuted_.begin(), permuted_.end(), packed.begin());
  return gain;
}

double Matcher::match_packed(std::span<float> packed) {
  search_.overlaps(packed.data(), 1, overlap_.data(), 1);
  double gain = rotate_packed(packed);
  for (std::size_t sweep = 1; alternate_ && sweep < most_sweeps; ++sweep) {
    search_.overlap_again(packed.data(), overlap_.data());
    const auto target = search_.target();
    std::size_t i = 0;
    while (i < target.size() && static_cast<std::size_t>(target[i]) == i) ++i;
    if (i == target.size()) break;  // the permutation stays, and with it the rotation
    const double before = gain;
    gain = rotate_packed(packed);
    if (!(gain > before + 1e-6 * before)) break;  // permutations that are as good up to rounding
  }
  return gain;
}

void Matcher::match(std::span<const float> x0, std::span<const float> x1, std::span<float> out) {
  search_.pack(x0, prior_);
  search_.set_prior(prior_);
  data_.resize(prior_.size());
  search_.pack(x1, data_);
  match_packed(data_);
  search_.unpack(data_, out);
}

void Matcher::costs(ConfigurationsView<const float> prior, ConfigurationsView<const float> data,
                    std::span<float> cost) {
  const std::size_t count = data.count();
  const std::size_t stride = (count + 7) / 8 * 8;
  const std::size_t packed = prior_.size();
  data_.resize(count * packed);
  square_.resize(count);
  gain_.assign(stride, 0.0);
  for (std::size_t j = 0; j < count; ++j) {
    search_.pack(data[j], std::span(data_).subspan(j * packed, packed));
    square_[j] = squared_norm(data[j]);
  }
  for (std::size_t i = 0; i < prior.count(); ++i) {
    search_.pack(prior[i], prior_);
    search_.set_prior(prior_);
    if (alternate_) {
      for (std::size_t j = 0; j < count; ++j) {
        std::copy_n(&data_[j * packed], packed, moved_.begin());
        gain_[j] = match_packed(moved_);
      }
    } else {
      overlaps_.assign(dim_ * dim_ * stride, 0.0);
      search_.overlaps(data_.data(), count, overlaps_.data(), stride);
      if (dim_ == 3) {
        best_gains_3d(overlaps_.data(), count, stride, reflections_, gain_.data());
      } else {
        for (std::size_t j = 0; j < count; ++j) {
          for (std::size_t k = 0; k < overlap_.size(); ++k) overlap_[k] = overlaps_[k * stride + j];
          gain_[j] = optimal_rotation(overlap_, dim_, reflections_, rotation_);
        }
      }
    }
    const double square = squared_norm(prior[i]);
    for (std::size_t j = 0; j < count; ++j) {
      cost[i * count + j] = static_cast<float>(std::max(square + square_[j] - 2 * gain_[j], 0.0));
    }
  }
}

}  // namespace equibolt
