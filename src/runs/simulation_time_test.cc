#include "runs/simulation_time.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace equibolt {
namespace {

/// A spring whose evaluations take at least a known time.
class SlowSpring final : public Energy {
 public:
  std::size_t particles() const override { return 2; }
  std::size_t dim() const override { return 1; }
  const ParticleTypes& types() const override { return types_; }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<SlowSpring>(); }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    for (std::size_t b = 0; b < x.count(); ++b) {
      energy[b] = 0.5 * (x[b][0] * x[b][0] + x[b][1] * x[b][1]);
      if (gradient.count() > 0) std::copy(x[b].begin(), x[b].end(), gradient[b].begin());
      status[b] = EnergyStatus::ok;
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
  }

 private:
  ParticleTypes types_ = ParticleTypes(2, 0);
};

SimulateOptions options_of(std::size_t thinning) {
  return {.samples = 1000,
          .chains = 2,
          .rungs = 1,
          .leapfrog_steps = 4,
          .burn_in = 500,
          .pilot = 500,
          .thinning = thinning};
}

TEST(SimulationTime, CountsOnTheThinningThatIsChosen) {
  ThreadPool pool(1);
  const SlowSpring energy;
  const SimulationTime chosen = simulation_time(energy, options_of(1), pool, 0.05);
  EXPECT_EQ(chosen.thinning, 1U);
  EXPECT_TRUE(chosen.thinning_known);
  const SimulationTime guessed = simulation_time(energy, options_of(0), pool, 0.05);
  EXPECT_FALSE(guessed.thinning_known);
  EXPECT_EQ(guessed.thinning, 10U);
  // 1500 and 6000 iterations of 2 × 4 evaluations, at least 100 µs each.
  EXPECT_GE(chosen.seconds, 1500 * 8 * 1e-4);
  EXPECT_GE(guessed.seconds, 6000 * 8 * 1e-4);
}

TEST(SimulationTime, KnowsTheThinningThatTheTrialMeasured) {
  ThreadPool pool(1);
  SimulateOptions options = options_of(0);
  options.burn_in = 10;
  options.pilot = 100;
  options.samples = 8;
  const SimulationTime time = simulation_time(SlowSpring(), options, pool, 30);
  EXPECT_TRUE(time.thinning_known);
  EXPECT_GT(time.seconds, 0);
}

}  // namespace
}  // namespace equibolt
