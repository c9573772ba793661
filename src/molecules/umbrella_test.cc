#include "molecules/umbrella.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>
#include <vector>

#include "core/random.h"
#include "equibolt/error.h"
#include "io/npz.h"
#include "simulate/torsion_chain.h"

namespace equibolt {
namespace {

constexpr double pi = std::numbers::pi;

double potential(double phi) {
  return 2 * std::cos(phi) + std::sin(2 * phi);
}

/// −ln(P/(1−P)) of low < φ < high by a fine sum.
double exact(double low, double high) {
  double inside = 0, outside = 0;
  constexpr int points = 100000;
  for (int k = 0; k < points; ++k) {
    const double phi = 2 * pi * (k + 0.5) / points - pi;
    (phi > low && phi < high ? inside : outside) += std::exp(-potential(phi));
  }
  return -std::log(inside / outside);
}

UmbrellaOptions some_options() {
  UmbrellaOptions options;
  options.windows = 15;
  options.stiffness = 10;
  options.seed = 1;
  return options;
}

/// Angles that are drawn independently in each window, by rejection.
std::vector<double> drawn(const UmbrellaOptions& options, std::size_t blocks) {
  std::vector<double> angles;
  Random random(9, Stream::test);
  for (std::size_t t = 0; t < blocks; ++t) {
    for (std::size_t w = 0; w < options.windows; ++w) {
      const DihedralRestraint bias{{}, window_centre(w, options.windows), 0, options.stiffness};
      for (;;) {
        const double phi = 2 * pi * random.uniform() - pi;
        if (random.uniform() < std::exp(-potential(phi) - 2.7 - bias.energy(phi))) {
          angles.push_back(phi);
          break;
        }
      }
    }
  }
  return angles;
}

TEST(UmbrellaAnalysis, FindsTheProfileWithHonestErrors) {
  const UmbrellaOptions options = some_options();
  const auto json = umbrella_analysis(options, drawn(options, 400), 0, 2);
  const double value = json["free_energy"]["value"], error = json["free_energy"]["error"];
  EXPECT_GT(error, 0.005);
  EXPECT_LT(error, 0.1);
  EXPECT_NEAR(value, exact(0, 2), 4 * error);
  EXPECT_NEAR(json["free_energy"]["by_mbar"].get<double>(), value, 0.3 * error);
  EXPECT_TRUE(json["free_energy"]["converged"].get<bool>());
  EXPECT_GT(json["least_overlap"].get<double>(), 0.05);
  double chi_square = 0;
  double offset = 0;
  const auto& rows = json["profile"]["rows"];
  for (const auto& row : rows)
    offset += (row[1].get<double>() - potential(row[0])) / static_cast<double>(rows.size());
  for (const auto& row : rows) {
    const double z = (row[1].get<double>() - potential(row[0]) - offset) / row[2].get<double>();
    chi_square += z * z / static_cast<double>(rows.size());
  }
  EXPECT_LT(chi_square, 3);
  for (const auto& tau : json["autocorrelation_time"]) EXPECT_LT(tau.get<double>(), 1.6);
}

TEST(UmbrellaAnalysis, AgreesWithPymbar) {
  const Npz golden = read_npz(std::string(EQUIBOLT_SOURCE_DIR) + "/tests/golden/analyze/umbrella.npz");
  const auto overlap = golden["overlap"].as_double();
  UmbrellaOptions options;
  options.windows = overlap.size();
  options.stiffness = golden["stiffness"].as_double()[0];
  const auto json = umbrella_analysis(options, golden["angles"].as_double(), 0, 2);
  const double expected = golden["free_energy"].as_double()[0];
  EXPECT_NEAR(json["free_energy"]["by_mbar"].get<double>(), expected, 1e-6);
  EXPECT_NEAR(json["free_energy"]["value"].get<double>(), expected, 0.01);  // of bins of half a degree
  ASSERT_EQ(json["overlap"].size(), overlap.size());
  for (std::size_t w = 0; w < overlap.size(); ++w)
    EXPECT_NEAR(json["overlap"][w].get<double>(), overlap[w], 1e-6);
}

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
  const auto json = umbrella_analysis(options, umbrella.state().angles, 0, 3);
  const double value = json["free_energy"]["value"], error = json["free_energy"]["error"];
  const double p = target.population(0, 3);
  EXPECT_LT(error, 0.15);
  EXPECT_NEAR(value, -std::log(p / (1 - p)), 4 * error);
  for (const auto& overlap : json["overlap"]) EXPECT_GT(overlap.get<double>(), 0.05);
}

TEST(UmbrellaAnalysis, OfAWholeUmbrellaSamplingIsExact) {
  expect_exact(TorsionChain(2, 5), nullptr);
}

TEST(UmbrellaAnalysis, OfMonteCarloByACheaperEnergyIsExact) {
  // Whose own free energy is another one by 1.6 kT.
  const TorsionChain target(2, 5), stand_in(1, 4.5);
  const double p = target.population(0, 3), q = stand_in.population(0, 3);
  EXPECT_GT(std::abs(std::log(p / (1 - p)) - std::log(q / (1 - q))), 1.2);
  expect_exact(target, &stand_in);
}

TEST(UmbrellaAnalysis, WantsEnoughBlocks) {
  const UmbrellaOptions options = some_options();
  EXPECT_THROW((void)umbrella_analysis(options, drawn(options, 39), 0, 2), DataError);
}

}  // namespace
}  // namespace equibolt
