#include "system/symmetry.h"

#include <gtest/gtest.h>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "system/double_well.h"
#include "system/harmonic.h"
#include "system/lennard_jones.h"

namespace equibolt {
namespace {

/// A harmonic system with something that breaks one symmetry.
class Spoiled final : public Energy {
 public:
  enum class What { first_particle_heavier, field_along_x, handed };
  explicit Spoiled(What what) : what_(what) {}

  std::size_t particles() const override { return 4; }
  std::size_t dim() const override { return 3; }
  const ParticleTypes& types() const override { return types_; }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Spoiled>(*this); }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy, ConfigurationsView<double>,
                std::span<EnergyStatus> status) override {
    for (std::size_t b = 0; b < x.count(); ++b) {
      const auto p = [&](std::size_t i, std::size_t k) { return x[b][3 * i + k] - x[b][k]; };
      double sum = 0;
      for (std::size_t i = 1; i < 4; ++i) {
        for (std::size_t k = 0; k < 3; ++k) sum += p(i, k) * p(i, k);
      }
      const double volume = p(1, 0) * (p(2, 1) * p(3, 2) - p(2, 2) * p(3, 1)) -
                            p(1, 1) * (p(2, 0) * p(3, 2) - p(2, 2) * p(3, 0)) +
                            p(1, 2) * (p(2, 0) * p(3, 1) - p(2, 1) * p(3, 0));
      energy[b] = what_ == What::first_particle_heavier ? sum
                  : what_ == What::field_along_x ? p(1, 0) * p(1, 0) + p(2, 0) * p(2, 0) + p(3, 0) * p(3, 0)
                                                 : volume;
      status[b] = EnergyStatus::ok;
    }
  }

 private:
  What what_;
  ParticleTypes types_ = ParticleTypes(4);
};

Configurations<double> configurations(std::size_t particles, std::size_t dim) {
  Configurations<double> x(8, particles, dim);
  Random random(2, Stream::test);
  for (std::size_t b = 0; b < 8; ++b) mean_free_normal(random, x[b], dim);
  return x;
}

TEST(Invariance, TheBuiltInSystemsHaveIt) {
  Harmonic harmonic(4, 2);
  DoubleWell double_well(4, 2);
  LennardJones lennard_jones(5, 3);
  EXPECT_NO_THROW(require_invariance(harmonic, configurations(4, 2), 1));
  EXPECT_NO_THROW(require_invariance(double_well, configurations(4, 2), 1));
  EXPECT_NO_THROW(require_invariance(lennard_jones, configurations(5, 3), 1));
}

TEST(Invariance, TheBrokenOneIsNamed) {
  const auto broken = [](Spoiled::What what) -> std::string {
    Spoiled energy(what);
    try {
      require_invariance(energy, configurations(4, 3), 1);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(broken(Spoiled::What::first_particle_heavier).find("permutation"), std::string::npos);
  EXPECT_NE(broken(Spoiled::What::field_along_x).find("rotation"), std::string::npos);
  EXPECT_NE(broken(Spoiled::What::handed).find("reflection"), std::string::npos);
}

}  // namespace
}  // namespace equibolt
