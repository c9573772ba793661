#include "simulate/umbrella.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "equibolt/error.h"
#include "simulate/torsion_chain.h"

namespace equibolt {
namespace {

UmbrellaOptions chain_options() {
  UmbrellaOptions options;
  options.atoms = TorsionChain::atoms;
  options.windows = 12;
  options.stiffness = 8;
  options.blocks = 20;
  options.block_steps = 10;
  options.relax_steps = 50;
  options.langevin = {0.03, 1, {}};
  options.relax = {0.03, 5, {}};
  options.seed = 2;
  return options;
}

UmbrellaState chain_start(const UmbrellaOptions& options) {
  Configurations<double> frame(1, 4, 3);
  const std::vector<double> x = TorsionChain::start();
  std::copy(x.begin(), x.end(), frame[0].begin());
  return umbrella_start(options, frame.view());
}

TEST(Umbrella, ResumesToTheSameBitsOnAnyThreads) {
  UmbrellaOptions options = chain_options();
  ThreadPool one(1), three(3);
  Umbrella whole(TorsionChain(2, 0), options, three, chain_start(options));
  while (!whole.finished()) whole.advance();

  Umbrella first(TorsionChain(2, 0), options, one, chain_start(options));
  for (int part = 0; part < 100; ++part) first.advance();  // within a block
  EXPECT_GT(first.state().ready, 0U);
  Umbrella second(TorsionChain(2, 0), options, one, first.state());
  while (!second.finished()) second.advance();
  EXPECT_EQ(whole.state().angles, second.state().angles);
  EXPECT_EQ(whole.state().angles.size(), 12U * 20U);
  double accepted = 0;
  for (const double a : whole.state().accepted) accepted += a;
  EXPECT_GT(accepted, 1);
}

TEST(Umbrella, StaysAroundItsWindows) {
  UmbrellaOptions options = chain_options();
  options.exchange = false;
  options.stiffness = 30;
  options.relax_steps = 2000;
  ThreadPool pool(2);
  Umbrella umbrella(TorsionChain(2, 0), options, pool, chain_start(options));
  while (!umbrella.finished()) umbrella.advance();
  EXPECT_EQ(umbrella.state().rejected, std::vector<double>(12, 0.0));
  for (std::size_t t = 0; t < 20; ++t) {
    for (std::size_t w = 0; w < 12; ++w) {
      EXPECT_LT(std::abs(angle_difference(umbrella.state().angles[t * 12 + w], window_centre(w, 12))), 0.9);
    }
  }
}

TEST(Umbrella, WithATargetResumesToTheSameBitsOnAnyThreads) {
  UmbrellaOptions options = chain_options();
  options.hmc = {0.05, 5};
  ThreadPool one(1), three(3);
  const TorsionChain target(2, 1);
  Umbrella whole(TorsionChain(2, 0), options, three, chain_start(options), &target);
  while (!whole.finished()) whole.advance();
  Umbrella first(TorsionChain(2, 0), options, one, chain_start(options), &target);
  for (int part = 0; part < 17; ++part) first.advance();  // within the first block
  Umbrella second(TorsionChain(2, 0), options, one, first.state(), &target);
  while (!second.finished()) second.advance();
  EXPECT_EQ(whole.state().angles, second.state().angles);
  EXPECT_EQ(whole.state().excess, second.state().excess);
  double taken = 0, moved = 0;
  for (const double a : whole.state().taken) taken += a / (12 * 20);
  for (const double a : whole.state().moved) moved += a / (12 * 20);
  EXPECT_GT(taken, 0.3);
  EXPECT_LT(taken, 0.99);
  EXPECT_GT(moved, 0.5);
}

/// A chain whose energy fails now and then.
class Failing : public TorsionChain {
 public:
  Failing() : TorsionChain(2, 0) {}
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    TorsionChain::evaluate(x, energy, gradient, status);
    if (++count_ > 900 && !fresh_) {
      status[0] = EnergyStatus::failed;
      count_ = 0;
    }
    fresh_ = false;
  }
  void forget() override { fresh_ = true; }  // where trajectories begin it does not fail
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Failing>(*this); }

 private:
  int count_ = 0;
  bool fresh_ = true;
};

TEST(Umbrella, AnEnergyThatFailsOnceLeavesNoWindowUnrelaxed) {
  UmbrellaOptions options = chain_options();
  options.stiffness = 30;
  options.relax_steps = 2000;
  ThreadPool pool(1);
  Umbrella umbrella(Failing(), options, pool, chain_start(options));
  const auto farthest = [&] { return std::ranges::max(umbrella.bias_energies()); };
  EXPECT_GT(farthest(), 100);
  int parts = 0;
  for (; !umbrella.relaxed(); ++parts) umbrella.advance();
  EXPECT_EQ(parts, 12 * 20);  // one can stop after each
  double failed = 0;
  for (const double one : umbrella.state().unrelaxed) failed += one;
  EXPECT_GT(failed, 12);
  EXPECT_LT(farthest(), 20);
}

TEST(Umbrella, ATimeStepThatIsTooLongStopsAtOnce) {
  UmbrellaOptions options = chain_options();
  ThreadPool pool(1);
  const auto message = [&] {
    try {
      Umbrella umbrella(TorsionChain(2, 0), options, pool, chain_start(options));
      while (!umbrella.finished()) umbrella.advance();
    } catch (const NumericalError& error) {
      return std::string(error.what());
    }
    return std::string("no error");
  };
  options.relax.timestep = 3;
  EXPECT_NE(message().find("within 50 steps of relaxation"), std::string::npos) << message();
  options.relax.timestep = 0.03;
  options.langevin.timestep = 0.4;
  EXPECT_NE(message().find("lower simulate.timestep_fs"), std::string::npos) << message();
}

TEST(Umbrella, RefusesWhatDoesNotFit) {
  ThreadPool pool(1);
  UmbrellaOptions options = chain_options();
  UmbrellaState state = chain_start(options);
  options.windows = 13;
  EXPECT_THROW(Umbrella(TorsionChain(2, 0), options, pool, state), DataError);
  options.windows = 1;
  EXPECT_THROW(Umbrella(TorsionChain(2, 0), options, pool, state), UsageError);
  options = chain_options();
  const TorsionChain target(2, 1);
  EXPECT_THROW(Umbrella(TorsionChain(2, 0), options, pool, chain_start(options), &target), UsageError);
  options.hmc = {0.05, 3};  // block_steps are no multiple
  EXPECT_THROW(Umbrella(TorsionChain(2, 0), options, pool, chain_start(options)), UsageError);
}

}  // namespace
}  // namespace equibolt
