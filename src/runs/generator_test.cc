#include "equibolt/generator.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "equibolt/error.h"

namespace equibolt {
namespace {

/// U = k/2 Σ|x_i − x̄|², whose log Z is known: −(N−1)·D/2 · ln k relative to the prior's.
class Spring final : public Energy {
 public:
  explicit Spring(double stiffness) : stiffness_(stiffness) {}
  std::size_t particles() const override { return 3; }
  std::size_t dim() const override { return 2; }
  const ParticleTypes& types() const override { return types_; }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Spring>(*this); }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    for (std::size_t b = 0; b < x.count(); ++b) {
      double mean[2] = {}, sum = 0;
      for (std::size_t k = 0; k < 6; ++k) mean[k % 2] += x[b][k] / 3;
      for (std::size_t k = 0; k < 6; ++k) {
        const double d = x[b][k] - mean[k % 2];
        sum += d * d;
        if (gradient.size() > 0) gradient[b][k] = stiffness_ * d;
      }
      energy[b] = stiffness_ / 2 * sum;
      status[b] = EnergyStatus::ok;
    }
  }

 private:
  double stiffness_;
  ParticleTypes types_ = {0, 0, 0};
};

class GeneratorTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "equibolt-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name + "/run";
  }
  void TearDown() override { std::filesystem::remove_all(std::filesystem::path(folder_).parent_path()); }

  std::string folder_;
  const Settings small_ = {
      "train.steps=200",    "train.batch=32",       "simulate.samples=2000",    "simulate.burn_in=200",
      "simulate.pilot=200", "evaluate.samples=100", "evaluate.test_samples=50", "network.hidden=8",
      "network.layers=1",   "flow.steps=4"};
};

TEST_F(GeneratorTest, AnOwnEnergyGetsItsExactLogZ) {
  const auto spring = std::make_shared<Spring>(2.0);
  Generator generator = Generator::train(spring, folder_, small_, {.quiet = true});
  const WeightedSamples samples = generator.sample(4000, 7);
  const double exact = -2 * std::log(2.0);
  EXPECT_LT(log_z(samples).error, 0.05);
  EXPECT_NEAR(log_z(samples).value, exact, 5 * log_z(samples).error);
  EXPECT_NEAR(generator.simulated_log_z()->value, exact, 0.05);
  EXPECT_GT(effective_fraction(samples).value, 0.5);
  EXPECT_NEAR(reweighted_mean(samples, samples.energy).value, 2.0, 0.2);  // (N−1)·D/2

  const WeightedSamples later = generator.sample(10, 7, 20);
  EXPECT_EQ(later.log_weight, std::vector(samples.log_weight.begin() + 20, samples.log_weight.begin() + 30));
  const WeightedSamples back = generator.weigh(samples.x.view().slice(0, 10));
  EXPECT_NEAR(back.log_weight[3], samples.log_weight[3], 0.05);

  Generator again = Generator::open(folder_, {}, spring);
  EXPECT_EQ(again.sample(10, 7, 20).log_weight, later.log_weight);
}

WeightedSamples samples_of_weights(std::vector<double> log_weights) {
  WeightedSamples samples;
  samples.x = Configurations<double>(log_weights.size(), 3, 2);
  samples.energy.assign(log_weights.size(), 1.0);
  samples.log_weight = std::move(log_weights);
  return samples;
}

TEST(WeightedSamplesTest, AllEstimatesThrowWhereAllSamplesFailed) {
  const WeightedSamples failed = samples_of_weights(std::vector<double>(100, -INFINITY));
  EXPECT_THROW(effective_fraction(failed), NumericalError);
  EXPECT_THROW(log_z(failed), NumericalError);
  EXPECT_THROW(reweighted_mean(failed, failed.energy), NumericalError);
}

TEST(WeightedSamplesTest, ErrorsAreInfiniteWhereOneSampleHasAllTheWeight) {
  std::vector<double> log_weights(100, 0.0);
  for (std::size_t k = 0; k < 100; ++k) log_weights[k] = 0.01 * static_cast<double>(k);
  const WeightedSamples good = samples_of_weights(log_weights);
  log_weights[3] = 300;
  const WeightedSamples degenerate = samples_of_weights(log_weights);
  for (const auto* samples : {&good, &degenerate}) {
    const bool finite = samples == &good;
    EXPECT_EQ(std::isfinite(effective_fraction(*samples).error), finite);
    EXPECT_EQ(std::isfinite(log_z(*samples).error), finite);
    EXPECT_EQ(std::isfinite(reweighted_mean(*samples, samples->energy).error), finite);
    EXPECT_TRUE(std::isfinite(log_z(*samples).value));
  }
}

TEST_F(GeneratorTest, AnotherEnergyIsRefused) {
  Generator::train(std::make_shared<Spring>(2.0), folder_, small_, {.quiet = true});
  EXPECT_THROW(Generator::open(folder_, {}, std::make_shared<Spring>(2.01)), UsageError);
  EXPECT_THROW(Generator::open(folder_), UsageError);
  EXPECT_THROW(Generator::train(std::make_shared<Spring>(2.01), folder_, small_, {.quiet = true}),
               UsageError);
}

TEST_F(GeneratorTest, AStoppedTrainingGoesOn) {
  int asked = 0;
  const auto train = [&](std::function<bool()> stop) {
    return Generator::train("dw4", folder_, small_, {.stop = std::move(stop), .quiet = true});
  };
  EXPECT_THROW(train([&] { return ++asked > 30; }), Stopped);
  EXPECT_EQ(train({}).particles(), 4U);
}

}  // namespace
}  // namespace equibolt
