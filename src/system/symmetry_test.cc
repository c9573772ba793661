#include "system/symmetry.h"

#include <gtest/gtest.h>

#include <cmath>

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

TEST(Symmetry, TheBuiltInSystemsHaveIt) {
  Harmonic harmonic(4, 2);
  DoubleWell double_well(4, 2);
  LennardJones lennard_jones(5, 3);
  EXPECT_TRUE(check_symmetry(harmonic, configurations(4, 2), 1).empty());
  EXPECT_TRUE(check_symmetry(double_well, configurations(4, 2), 1).empty());
  EXPECT_TRUE(check_symmetry(lennard_jones, configurations(5, 3), 1).empty());
}

/// What the energy is refused with.
std::string refused(Energy& energy) {
  try {
    (void)check_symmetry(energy, configurations(4, 3), 1);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(Symmetry, TheBrokenOneIsNamedWithAdviceOfItsOwn) {
  Spoiled heavier(Spoiled::What::first_particle_heavier), field(Spoiled::What::field_along_x),
      handed(Spoiled::What::handed);
  const std::string permutation = refused(heavier), rotation = refused(field), reflection = refused(handed);
  EXPECT_NE(permutation.find("under a permutation"), std::string::npos) << permutation;
  EXPECT_NE(permutation.find("different types (exchanging 0 and "), std::string::npos) << permutation;
  EXPECT_NE(rotation.find("under a rotation"), std::string::npos) << rotation;
  EXPECT_NE(rotation.find("an external field"), std::string::npos) << rotation;
  EXPECT_NE(reflection.find("under a reflection"), std::string::npos) << reflection;
  EXPECT_NE(reflection.find("chiral terms"), std::string::npos) << reflection;
  // Other types help against a permutation only.
  EXPECT_EQ(rotation.find("types"), std::string::npos) << rotation;
  EXPECT_EQ(reflection.find("types"), std::string::npos) << reflection;
}

/// A harmonic system with an error that depends on the orientation, or on the order of particles.
class Noisy final : public Energy {
 public:
  Noisy(double error, double declared, bool of_order)
      : error_(error), declared_(declared), of_order_(of_order) {}
  std::size_t particles() const override { return 4; }
  std::size_t dim() const override { return 3; }
  const ParticleTypes& types() const override { return types_; }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Noisy>(*this); }
  double symmetry_noise() const override { return declared_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    harmonic_.evaluate(x, energy, gradient, status);
    for (std::size_t b = 0; b < x.count(); ++b) {
      // Which of two distances is larger, or which of two widths of the whole.
      double lengths[2] = {}, widths[2] = {};
      for (std::size_t k = 0; k < 3; ++k) {
        lengths[0] += std::pow(x[b][k] - x[b][3 + k], 2);
        lengths[1] += std::pow(x[b][6 + k] - x[b][9 + k], 2);
      }
      for (std::size_t k = 0; k < 2; ++k) {
        const double mean = (x[b][k] + x[b][3 + k] + x[b][6 + k] + x[b][9 + k]) / 4;
        for (std::size_t i = 0; i < 4; ++i) widths[k] += std::pow(x[b][3 * i + k] - mean, 2);
      }
      const bool on = of_order_ ? lengths[0] > lengths[1] : widths[0] > widths[1];
      energy[b] += on ? error_ : 0;
    }
  }

 private:
  double error_, declared_;
  bool of_order_;
  Harmonic harmonic_{4, 3};
  ParticleTypes types_ = ParticleTypes(4);
};

TEST(Symmetry, WhatDoesNotMatterIsAccepted) {
  Noisy tiny(5e-4, 0, false), tiny_of_order(5e-4, 0, true), more(2e-3, 0, false);
  EXPECT_TRUE(check_symmetry(tiny, configurations(4, 3), 1).empty());
  EXPECT_TRUE(check_symmetry(tiny_of_order, configurations(4, 3), 1).empty());
  EXPECT_THROW((void)check_symmetry(more, configurations(4, 3), 1), UsageError);
}

TEST(Symmetry, NoiseOfOrientationsIsToldBeforeItIsRefused) {
  Noisy usual(0.09, 0.1, false), more(0.4, 0.1, false), much(0.6, 0.1, false), of_order(0.09, 0.1, true);
  EXPECT_TRUE(check_symmetry(usual, configurations(4, 3), 1).empty());
  const auto warnings = check_symmetry(more, configurations(4, 3), 1);
  ASSERT_FALSE(warnings.empty());
  EXPECT_NE(warnings[0].find("changes by up to 0.4 kT under a rotation"), std::string::npos) << warnings[0];
  EXPECT_THROW((void)check_symmetry(much, configurations(4, 3), 1), UsageError);
  EXPECT_THROW((void)check_symmetry(of_order, configurations(4, 3), 1), UsageError);
}

TEST(Symmetry, AConfigurationThatLosesItsEnergyIsNotInvariant) {
  /// Particle 0 has to be left of particle 1.
  class Half final : public Energy {
   public:
    std::size_t particles() const override { return 4; }
    std::size_t dim() const override { return 3; }
    const ParticleTypes& types() const override { return types_; }
    std::unique_ptr<Energy> clone() const override { return std::make_unique<Half>(*this); }
    void evaluate(ConfigurationsView<const double> x, std::span<double> energy, ConfigurationsView<double>,
                  std::span<EnergyStatus> status) override {
      for (std::size_t b = 0; b < x.count(); ++b) {
        status[b] = x[b][0] < x[b][3] ? EnergyStatus::ok : EnergyStatus::failed;
        energy[b] = 1;
      }
    }

   private:
    ParticleTypes types_{0, 1, 2, 3};
  } energy;
  EXPECT_THROW((void)check_symmetry(energy, configurations(4, 3), 1), UsageError);
}

TEST(Symmetry, ClassesAreDividedWhereTheEnergyTellsThemApart) {
  Spoiled heavier(Spoiled::What::first_particle_heavier);
  EXPECT_EQ(split_types(heavier, configurations(4, 3)), (ParticleTypes{0, 1, 1, 1}));
  Harmonic harmonic(4, 3);
  EXPECT_EQ(split_types(harmonic, configurations(4, 3)), harmonic.types());
}

}  // namespace
}  // namespace equibolt
