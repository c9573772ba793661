#include "runs/data_checks.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/geometry.h"
#include "system/evaluated.h"
#include "system/make_energy.h"
#include "system/symmetry.h"

namespace equibolt {
namespace {

/// Exact samples of a harmonic system of 5 particles in 3 dimensions: Gaussians of variance 1/stiffness.
Configurations<double> samples(std::size_t count, double stiffness) {
  Configurations<double> x(count, 5, 3);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(4, Stream::test, 0, b);
    mean_free_normal(random, x[b], 3);
    for (double& value : x[b]) value /= std::sqrt(stiffness);
  }
  return x;
}

RunConfig harmonic() {
  RunConfig config;
  config.system = {5, 3, HarmonicParameters{.stiffness = 2}};
  return config;
}

std::vector<std::string> warnings(const RunConfig& config, const Configurations<double>& x) {
  ThreadPool pool(1);
  ParallelEnergy energy(*make_energy(config.system), pool);
  return data_warnings(config, energy, x.view(), energies_of(energy, x.view()).energy);
}

TEST(Virial, OfEquilibriumIsTheNumberOfDegreesOfFreedom) {
  ThreadPool pool(1);
  ParallelEnergy energy(*make_energy(harmonic().system), pool);
  const auto virial = virial_of(energy, samples(1000, 2).view());
  ASSERT_TRUE(virial.has_value());
  EXPECT_EQ(virial->expected, 12);
  EXPECT_LE(std::abs(virial->found.value - 12), 4 * virial->found.error);
  EXPECT_LT(virial->found.error, 0.4);
  EXPECT_FALSE(virial_of(energy, samples(29, 2).view()).has_value());
}

TEST(DataWarnings, AreNoneForEquilibrium) {
  EXPECT_TRUE(warnings(harmonic(), samples(1000, 2)).empty());
  EXPECT_TRUE(warnings(harmonic(), samples(3, 2)).empty());
}

TEST(DataWarnings, TellOfAnotherUnitOrFactor) {
  // As with a pair's energy counted once instead of twice, or with a length that is a quarter too large.
  for (const double stiffness : {1.0, 2 * 1.25 * 1.25, 200.0}) {
    const auto told = warnings(harmonic(), samples(1000, stiffness));
    ASSERT_EQ(told.size(), 1U) << stiffness;
    EXPECT_NE(told[0].find("the mean of x·∇U"), std::string::npos) << told[0];
    EXPECT_NE(told[0].find("of this energy it is 12"), std::string::npos) << told[0];
  }
  // 5 % are no matter for flow matching, but for fine-tuning where they are significant.
  RunConfig config = harmonic();
  EXPECT_TRUE(warnings(config, samples(20000, 2 * 1.08)).empty());
  config.finetune.steps = 10;
  EXPECT_TRUE(warnings(config, samples(1000, 2)).empty());
  const auto told = warnings(config, samples(1000, 2 * 1.5));
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("fine-tuning"), std::string::npos) << told[0];
}

TEST(DataWarnings, NameConfigurationsFarOutside) {
  Configurations<double> x = samples(1000, 2);
  for (double& value : x[417]) value *= 1e6;
  for (double& value : x[900]) value *= 30;
  const auto told = warnings(harmonic(), x);
  ASSERT_EQ(told.size(), 1U);  // and the virial is that of the others
  EXPECT_NE(told[0].find("2 of 1000 energies"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("configuration 417 has"), std::string::npos) << told[0];
  EXPECT_NE(told[0].find("configuration 900 has"), std::string::npos) << told[0];
}

TEST(Outliers, AreNoneOfAnOrdinaryDistribution) {
  std::vector<double> energies;
  Random random(5, Stream::test);
  for (int k = 0; k < 100000; ++k) energies.push_back(std::pow(random.normal(), 2));
  EXPECT_TRUE(outliers(energies).empty());
  energies[7] = std::numeric_limits<double>::infinity();
  energies[8] = std::nan("");
  energies[9] = -50;
  EXPECT_EQ(outliers(energies), std::vector<std::size_t>{9});
  EXPECT_TRUE(outliers(std::vector<double>{1, 1, 1, 1e9}).empty());
  std::vector<double> same(100, -3);
  EXPECT_TRUE(outliers(same).empty());
  same[50] = 1e6;
  EXPECT_EQ(outliers(same), std::vector<std::size_t>{50});
}

TEST(DataWarnings, TellOfEnergiesThatAreAllTheSame) {
  Configurations<double> x(40, 5, 3);
  for (std::size_t b = 0; b < 40; ++b) x[b][0] = 1;
  const auto told = warnings(harmonic(), x);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("all 40 configurations to train on have the same energy"), std::string::npos)
      << told[0];
}

TEST(DataWarnings, TellOfAMoleculesConfigurationsInNanometres) {
  if (openmm_version().empty()) GTEST_SKIP() << "built without OpenMM";
  RunConfig config;
  config.system.particles = 22;
  config.system.dim = 3;
  config.system.kind.emplace<OpenMmParameters>();
  Configurations<double> x = shaken(load_molecule("alanine_dipeptide"), 10);
  EXPECT_TRUE(warnings(config, x).empty());
  for (std::size_t b = 3; b < 10; ++b) {
    for (double& value : x[b]) value /= 10;
  }
  const auto told = warnings(config, x);
  ASSERT_EQ(told.size(), 1U);
  EXPECT_NE(told[0].find("7 of 10 configurations to train on are not of the molecule, the first is 3: "),
            std::string::npos)
      << told[0];
  EXPECT_NE(told[0].find("in nm"), std::string::npos) << told[0];
}

}  // namespace
}  // namespace equibolt
