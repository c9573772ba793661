#include "core/random.h"

#include <Random123/philox.h>

#include <cassert>
#include <cmath>
#include <numbers>

namespace equibolt {

Random::Random(std::uint64_t seed, Stream stream, std::uint64_t step, std::uint64_t sample)
    : key_{seed, static_cast<std::uint64_t>(stream)}, counter_{0, sample, step, 0} {}

void Random::refill() {
  const r123::Philox4x64::ctr_type counter{{counter_[0], counter_[1], counter_[2], counter_[3]}};
  const r123::Philox4x64::key_type key{{key_[0], key_[1]}};
  const r123::Philox4x64::ctr_type block = r123::Philox4x64{}(counter, key);
  for (std::size_t k = 0; k < 4; ++k) block_[k] = block[k];
  ++counter_[0];
  used_ = 0;
}

std::uint64_t Random::bits() {
  if (used_ == block_.size()) refill();
  return block_[used_++];
}

double Random::uniform() {
  return (static_cast<double>(bits() >> 11) + 0.5) * 0x1p-53;
}

double Random::normal() {
  if (has_spare_normal_) {
    has_spare_normal_ = false;
    return spare_normal_;
  }
  const double radius = std::sqrt(-2 * std::log(uniform()));
  const double angle = 2 * std::numbers::pi * uniform();
  spare_normal_ = radius * std::sin(angle);
  has_spare_normal_ = true;
  return radius * std::cos(angle);
}

std::size_t Random::below(std::size_t n) {
  assert(n > 0);
  const std::uint64_t limit = -n % n;  // 2^64 mod n: values below it would bias the remainder
  std::uint64_t value = bits();
  while (value < limit) value = bits();
  return value % n;
}

}  // namespace equibolt
