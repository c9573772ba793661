#include "system/dihedral_bias.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "equibolt/error.h"
#include "system/harmonic.h"

namespace equibolt {
namespace {

const std::vector<NamedDihedral> dihedrals = {{"phi", {0, 1, 2, 3}}};

TEST(DihedralBias, ItsWeightIsOneAndAFactorTimesVonMisesDensity) {
  const auto bias = dihedral_bias("phi 150 1 10", "some.key", {}, dihedrals);
  ASSERT_TRUE(bias.has_value());
  double mean = 0;
  constexpr int points = 1000;
  for (int k = 0; k < points; ++k) {
    const double angle = 2 * std::numbers::pi * k / points, h = 1e-5;
    mean += bias->weight(angle) / points;
    EXPECT_NEAR(bias->energy(angle), -std::log(bias->weight(angle)), 1e-12);
    EXPECT_NEAR(bias->derivative(angle), (bias->energy(angle + h) - bias->energy(angle - h)) / (2 * h), 1e-6);
  }
  EXPECT_NEAR(mean, 1 + 150 / (2 * std::numbers::pi), 1e-9);
  EXPECT_GT(bias->weight(1), bias->weight(0.9));
  EXPECT_GT(bias->weight(1), bias->weight(1.1));
}

TEST(DihedralBias, IsReadFromText) {
  EXPECT_FALSE(dihedral_bias("", "some.key", {}, dihedrals).has_value());
  for (const char* text :
       {"psi 1 1 1", "phi 1 1", "phi 1 1 1 1", "phi -1 1 1", "phi 1 1 -1", "phi 1 1 1000"}) {
    try {
      dihedral_bias(text, "some.key", {}, dihedrals);
      FAIL() << text;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("some.key: "), std::string::npos) << error.what();
      EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
  }
}

TEST(Biased, ItsGradientIsThatOfItsEnergy) {
  Biased energy(std::make_unique<Harmonic>(4, 3, HarmonicParameters{.stiffness = 0.5}),
                *dihedral_bias("phi 20 1 5", "some.key", {}, dihedrals));
  Configurations<double> x(1, 4, 3), gradient = x, unused = x;
  const double start[] = {1, 0, 0, 0, 0, 0, 0, 0, 1, 0.5, 0.9, 1};
  std::copy(std::begin(start), std::end(start), x.data());
  const auto evaluate = [&](ConfigurationsView<double> to) {
    double value = 0;
    EnergyStatus status{};
    energy.evaluate(x, std::span(&value, 1), to, std::span(&status, 1));
    return value;
  };
  (void)evaluate(gradient.view());
  for (std::size_t k = 0; k < 12; ++k) {
    const double h = 1e-5, at = x.data()[k];
    x.data()[k] = at + h;
    const double above = evaluate(unused.view());
    x.data()[k] = at - h;
    const double below = evaluate(unused.view());
    x.data()[k] = at;
    EXPECT_NEAR(gradient.data()[k], (above - below) / (2 * h), 1e-6) << k;
  }
}

}  // namespace
}  // namespace equibolt
