#include "simulate/umbrella.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "equibolt/error.h"

namespace equibolt {
namespace {

/// A chain of four atoms with stiff bonds and angles and V(φ) = 2 cos φ. The volume element of bonds, angles
/// and dihedral does not depend on φ, so that F(φ) = V(φ) exactly.
class Chain : public Energy {
 public:
  std::size_t particles() const override { return 4; }
  std::size_t dim() const override { return 3; }
  const ParticleTypes& types() const override { return types_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    for (std::size_t b = 0; b < x.count(); ++b) {
      status[b] = EnergyStatus::ok;
      std::vector<double> g(12, 0.0);
      double sum = 0;
      const auto spring = [&](std::size_t i, std::size_t j, double length) {
        double d[3], square = 0;
        for (std::size_t k = 0; k < 3; ++k) {
          d[k] = x[b][3 * i + k] - x[b][3 * j + k];
          square += d[k] * d[k];
        }
        const double r = std::sqrt(square), force = 100 * (r - length);
        sum += 50 * (r - length) * (r - length);
        for (std::size_t k = 0; k < 3; ++k) {
          g[3 * i + k] += force * d[k] / r;
          g[3 * j + k] -= force * d[k] / r;
        }
      };
      for (std::size_t i = 0; i < 3; ++i) spring(i, i + 1, 1);
      for (std::size_t i = 0; i < 2; ++i) spring(i, i + 2, 1.6);
      const double phi = dihedral(x[b], {0, 1, 2, 3});
      add_dihedral_gradient(x[b], {0, 1, 2, 3}, -2 * std::sin(phi), g);
      energy[b] = sum + 2 * std::cos(phi);
      if (gradient.size() > 0) std::copy(g.begin(), g.end(), gradient[b].begin());
    }
  }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Chain>(*this); }

 private:
  ParticleTypes types_{0, 1, 2, 3};
};

UmbrellaOptions chain_options() {
  UmbrellaOptions options;
  options.atoms = {0, 1, 2, 3};
  options.windows = 12;
  options.stiffness = 8;
  options.blocks = 20;
  options.block_steps = 10;
  options.relax_steps = 50;
  options.langevin = {0.05, 1, {}};
  options.relax = {0.05, 5, {}};
  options.seed = 2;
  return options;
}

UmbrellaState chain_start(const UmbrellaOptions& options) {
  Configurations<double> frame(1, 4, 3);
  const double x[12] = {1, 0.6, 0, 0.8, 0, 0, 0, 0, 0.6, 0, 1, 0.9};
  std::copy(x, x + 12, frame[0].begin());
  return umbrella_start(options, frame.view());
}

TEST(Umbrella, ResumesToTheSameBitsOnAnyThreads) {
  UmbrellaOptions options = chain_options();
  ThreadPool one(1), three(3);
  Umbrella whole(Chain(), options, three, chain_start(options));
  while (!whole.finished()) whole.advance();

  Umbrella first(Chain(), options, one, chain_start(options));
  for (int step = 0; step < 8; ++step) first.advance();
  Umbrella second(Chain(), options, one, first.state());
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
  Umbrella umbrella(Chain(), options, pool, chain_start(options));
  while (!umbrella.finished()) umbrella.advance();
  EXPECT_EQ(umbrella.state().rejected, std::vector<double>(12, 0.0));
  for (std::size_t t = 0; t < 20; ++t) {
    for (std::size_t w = 0; w < 12; ++w) {
      EXPECT_LT(std::abs(angle_difference(umbrella.state().angles[t * 12 + w], window_centre(w, 12))), 0.9);
    }
  }
}

TEST(Umbrella, RefusesWhatDoesNotFit) {
  ThreadPool pool(1);
  UmbrellaOptions options = chain_options();
  UmbrellaState state = chain_start(options);
  options.windows = 13;
  EXPECT_THROW(Umbrella(Chain(), options, pool, state), DataError);
  options.windows = 1;
  EXPECT_THROW(Umbrella(Chain(), options, pool, state), UsageError);
}

}  // namespace
}  // namespace equibolt
