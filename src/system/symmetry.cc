#include "system/symmetry.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr double kTolerance = 1e-8;

struct Symmetry {
  const char* name;
  std::function<void(std::span<double> x, Random& random)> apply;
};

std::vector<Symmetry> symmetries_of(const Energy& energy) {
  const std::size_t dim = energy.dim();
  const auto translate = [dim](std::span<double> x, Random& random) {
    for (std::size_t k = 0; k < dim; ++k) {
      const double shift = random.normal();
      for (std::size_t j = k; j < x.size(); j += dim) x[j] += shift;
    }
  };
  const auto turn = [dim](std::span<double> x, Random& random) {
    rotate(x, std::span<const double>(random_rotation(random, dim)), dim);
  };
  const auto reflect = [dim](std::span<double> x, Random&) {
    for (std::size_t j = 0; j < x.size(); j += dim) x[j] = -x[j];
  };
  const auto permute = [dim, groups = groups_of(energy.types())](std::span<double> x, Random& random) {
    const std::vector<double> before(x.begin(), x.end());
    for (const auto& group : groups) {
      auto order = group;
      random.shuffle(std::span(order));
      for (std::size_t i = 0; i < group.size(); ++i) {
        std::copy_n(&before[order[i] * dim], dim, &x[group[i] * dim]);
      }
    }
  };
  return {{"a translation", translate},
          {"a rotation", turn},
          {"a reflection", reflect},
          {"a permutation of particles of the same type", permute}};
}

}  // namespace

void require_invariance(Energy& energy, ConfigurationsView<const double> x, std::uint64_t seed) {
  std::vector<double> before(x.count()), after(x.count());
  std::vector<EnergyStatus> status(x.count()), status_after(x.count());
  energy.evaluate(x, before, {}, status);
  for (const Symmetry& symmetry : symmetries_of(energy)) {
    Configurations<double> moved = converted<double>(x);
    for (std::size_t b = 0; b < x.count(); ++b) {
      Random random(seed, Stream::symmetry_check, 0, b);
      symmetry.apply(moved[b], random);
    }
    energy.evaluate(moved, after, {}, status_after);
    for (std::size_t b = 0; b < x.count(); ++b) {
      if (status[b] != EnergyStatus::ok) continue;
      const bool same =
          status_after[b] == EnergyStatus::ok &&
          std::abs(after[b] - before[b]) <= kTolerance * (1 + std::abs(before[b])) + energy.symmetry_noise();
      if (!same) {
        throw UsageError(
            "the energy is not invariant under {}, as the flow will be: configuration {} has U = {} before "
            "and "
            "{} after; give particles that are not interchangeable different types",
            symmetry.name, b, before[b], after[b]);
      }
    }
  }
}

}  // namespace equibolt
