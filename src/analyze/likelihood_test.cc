#include "analyze/likelihood.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "analyze/weights.h"
#include "core/geometry.h"
#include "equibolt/configurations.h"

namespace equibolt {
namespace {

TEST(Likelihood, NormalisationOfThePublishedSystems) {
  EXPECT_NEAR(prior_log_normalisation(4, 2), 5.514, 5e-4);
  EXPECT_NEAR(prior_log_normalisation(13, 3), 33.082, 5e-4);
  EXPECT_NEAR(prior_log_normalisation(55, 3), 148.868, 5e-4);
  EXPECT_NEAR(prior_log_normalisation(22, 3), 57.893, 5e-4);
}

/// The flow that does nothing (p is the prior) against U = s |x|² / 2: with n degrees of freedom
/// ΔF = (n/2) ln s, KL = (n/2) (1/s − 1 + ln s), NLL (without normalisation) = n / (2s).
class Harmonic : public ::testing::Test {
 protected:
  Harmonic() : x_(20000, 5, 2) {
    Random random(41, Stream::test);
    for (std::size_t b = 0; b < x_.count(); ++b) {
      mean_free_normal(random, x_[b], 2);
      double square = 0;
      for (double& value : x_[b]) {
        value /= std::sqrt(s_);
        square += value * value;
      }
      energy_.push_back(s_ * square / 2);
      log_density_.push_back(-square / 2);
    }
  }
  double s_ = 1.6;
  double freedom_ = 8;
  Configurations<double> x_;
  std::vector<double> energy_;
  std::vector<double> log_density_;
};

TEST_F(Harmonic, LikelihoodAndDivergenceAreTheExactOnes) {
  const auto nll = negative_log_likelihood(log_density_, 5, 2);
  EXPECT_LE(std::abs(nll.without_normalisation.value - freedom_ / (2 * s_)),
            4.5 * nll.without_normalisation.error);
  EXPECT_LT(nll.without_normalisation.error, 0.02);
  EXPECT_NEAR(nll.normalised.value - nll.without_normalisation.value, 4 * std::log(2 * M_PI), 1e-12);

  const Estimate free_energy{freedom_ / 2 * std::log(s_), 0};
  const Estimate divergence = divergence_from_target(free_energy, energy_, log_density_);
  const double exact = freedom_ / 2 * (1 / s_ - 1 + std::log(s_));
  EXPECT_LE(std::abs(divergence.value - exact), 4.5 * divergence.error);
  EXPECT_LT(divergence.error, 0.01);
  // Without pairing the error would be the one of the mean energy, √(n/2) / √20000.
  EXPECT_LT(divergence.error, 0.5 * std::sqrt(freedom_ / 2 / 20000));
  // The same number by another way: NLL minus the lowest possible.
  const Estimate lowest = lowest_negative_log_likelihood(free_energy, energy_);
  EXPECT_NEAR(nll.without_normalisation.value - lowest.value, divergence.value, 1e-10);
}

TEST_F(Harmonic, APerfectFlowHasNoDivergenceAndNoError) {
  std::vector<double> perfect;  // ln p̃ = −U + ΔF
  const double free_energy = freedom_ / 2 * std::log(s_);
  for (const double u : energy_) perfect.push_back(-u + free_energy);
  const Estimate divergence = divergence_from_target({free_energy, 0.03}, energy_, perfect);
  EXPECT_NEAR(divergence.value, 0, 1e-12);
  EXPECT_NEAR(divergence.error, 0.03, 1e-12);
}

TEST_F(Harmonic, WeightsOfPriorSamplesGiveTheFreeEnergyInTheSameConvention) {
  Random random(42, Stream::test);
  std::vector<double> log_weights;
  std::vector<double> y(10);
  for (int k = 0; k < 20000; ++k) {
    mean_free_normal(random, std::span(y), 2);
    double square = 0;
    for (const double value : y) square += value * value;
    log_weights.push_back(-s_ * square / 2 + square / 2);
  }
  const Estimate log_z = log_mean_weight(log_weights);
  EXPECT_LE(std::abs(log_z.value + freedom_ / 2 * std::log(s_)), 4.5 * log_z.error);
}

TEST_F(Harmonic, NumbersThatAreNotFiniteAreRefused) {
  energy_[7] = INFINITY;
  EXPECT_THROW(divergence_from_target({}, energy_, log_density_), NumericalError);
  log_density_[3] = NAN;
  EXPECT_THROW(negative_log_likelihood(log_density_, 5, 2), NumericalError);
  energy_.pop_back();
  energy_[7] = 0;
  log_density_[3] = 0;
  EXPECT_THROW(divergence_from_target({}, energy_, log_density_), DataError);
  EXPECT_THROW(negative_log_likelihood({}, 5, 2), DataError);
}

}  // namespace
}  // namespace equibolt
