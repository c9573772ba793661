#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "molecules/umbrella_task.h"
#include "simulate/torsion_chain.h"

namespace equibolt {
namespace {

/// Free energy of 0 < φ < 3 of whole umbrella sampling of `target`: the moves, bias, exchanges and estimator
/// together, over barriers of 10 kT.
void expect_exact(const TorsionChain& target, const TorsionChain* stand_in) {
  UmbrellaOptions options;
  options.atoms = TorsionChain::atoms;
  options.windows = 20;
  options.stiffness = 30;
  options.blocks = 800;
  options.block_steps = 30;
  if (stand_in != nullptr) {
    options.hmc = {0.05, 15};
    options.blocks = 1600;
  }
  options.relax_steps = 500;
  options.langevin = {0.03, 1, {}};
  options.relax = {0.03, 5, {}};
  options.seed = 3;
  Configurations<double> frame(1, 4, 3);
  const std::vector<double> x = TorsionChain::start();
  std::copy(x.begin(), x.end(), frame[0].begin());
  ThreadPool pool(2);
  Umbrella umbrella(stand_in != nullptr ? *stand_in : target, options, pool,
                    umbrella_start(options, frame.view()), stand_in != nullptr ? &target : nullptr);
  while (!umbrella.finished()) umbrella.advance();
  UmbrellaRecords records = umbrella_records(options, umbrella.state().angles);
  records.in_state = [](double angle) { return angle > 0 && angle < 3; };
  const UmbrellaAnalysis result = analyse_umbrella(records);
  ASSERT_TRUE(result.free_energy);
  const auto [value, error] = *result.free_energy;
  const double p = target.population(0, 3);
  EXPECT_LT(error, 0.15);
  EXPECT_NEAR(value, -std::log(p / (1 - p)), 4 * error);
  for (const double overlap : result.overlap) EXPECT_GT(overlap, 0.05);
}

TEST(UmbrellaRun, OfAWholeUmbrellaSamplingIsExact) {
  expect_exact(TorsionChain(2, 5), nullptr);
}

TEST(UmbrellaRun, OfMonteCarloByACheaperEnergyIsExact) {
  // Whose own free energy is another one by 1.6 kT.
  const TorsionChain target(2, 5), stand_in(1, 4.5);
  const double p = target.population(0, 3), q = stand_in.population(0, 3);
  EXPECT_GT(std::abs(std::log(p / (1 - p)) - std::log(q / (1 - q))), 1.2);
  expect_exact(target, &stand_in);
}

}  // namespace
}  // namespace equibolt
