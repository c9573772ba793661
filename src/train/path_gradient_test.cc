#include "train/path_gradient.h"

#include <gtest/gtest.h>

#include <cmath>

#include "train/linear_field.h"
#include "train/trainer.h"

namespace equibolt {
namespace {

// The target is a Gaussian of width s, U = |x|²/2s²; the field v = θ₀ x stretches by exp(θ₀).
constexpr double kWidth = 0.5;
constexpr double kFree = (LinearField::kParticles - 1) * LinearField::kDim;  // coordinates less the mean's
const double kLogZ = kFree * std::log(kWidth);

void harmonic(ConfigurationsView<const double> x, std::span<double> energy,
              ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  for (std::size_t b = 0; b < x.count(); ++b) {
    energy[b] = 0;
    for (std::size_t k = 0; k < x.coordinates(); ++k) {
      energy[b] += x[b][k] * x[b][k] / (2 * kWidth * kWidth);
      gradient[b][k] = x[b][k] / (kWidth * kWidth);
    }
    status[b] = EnergyStatus::ok;
  }
}

/// KL of the Gaussian of width s from that of width r.
double divergence_of_widths(double s, double r) {
  return kFree * (std::log(r / s) + 0.5 * (s * s / (r * r) - 1));
}

PathGradient objective(LinearField& field, const Configurations<float>& data, std::size_t batch,
                       double cap = 0, EnergyOfBatch energy = harmonic) {
  PathGradientOptions options;
  options.cap = cap;
  return {field, {data, data}, std::move(energy), options, {}, kLogZ, 3, batch};
}

TEST(PathGradient, IsTheGradientOfTheDivergenceWhichIsItsLoss) {
  const Configurations<float> data = gaussian_data(20000, kWidth);
  LinearField field;
  for (const double theta : {-0.2, -1.0}) {
    field.set_parameters(std::vector<float>{static_cast<float>(theta), 0});
    std::vector<float> gradient(2);
    const StepLoss step = objective(field, data, data.count()).loss_gradient(0, gradient);
    // Dropping the prior's normalisation and that of the target: KL(μ‖p) as it is.
    const double width = std::exp(theta);
    EXPECT_NEAR(step.loss, divergence_of_widths(kWidth, width), 0.03);
    // dKL/dθ₀ = r dKL/dr, and half of that by θ₁, whose field grows with t, for a constant stretching.
    const double expected = kFree * (1 - kWidth * kWidth / (width * width));
    EXPECT_NEAR(gradient[0], expected, 0.02 * std::abs(expected));
    EXPECT_NEAR(gradient[1], 0.5 * expected, 0.01 * std::abs(expected));
    EXPECT_EQ(step.left_out, 0U);
  }
}

TEST(PathGradient, VanishesSampleBySampleWhereTheFlowIsExact) {
  const Configurations<float> data = gaussian_data(8, kWidth);
  LinearField field;
  field.set_parameters(std::vector<float>{static_cast<float>(std::log(kWidth)), 0});
  std::vector<float> gradient(2);
  for (std::size_t step = 0; step < 8; ++step) {
    const StepLoss result = objective(field, data, 1).loss_gradient(step, gradient);
    EXPECT_NEAR(gradient[0], 0, 2e-3);
    EXPECT_NEAR(gradient[1], 0, 2e-3);
    EXPECT_TRUE(std::isfinite(result.loss));
  }
}

TEST(PathGradient, TrainsToTheExactFlow) {
  const Configurations<float> data = gaussian_data(500, kWidth);
  LinearField field;
  PathGradient path = objective(field, data, 4, 2);
  TrainOptions options;
  options.steps = 300;
  options.rate = {Schedule::linear, 3e-2, 0, 0};
  options.ema = 0;
  options.log_every = 100;
  ThreadPool pool(1);
  TrainState state = start_training({0, 0});
  double kl = 1;
  TrainHooks hooks;
  hooks.log = [&](const TrainMetrics& m) { kl = m.validation_loss; };
  EXPECT_TRUE(train(field, path, options, pool, state, hooks));
  // θ₀ + θ₁/2 = log s is the exact flow. Noise of the gradient is gone there, so that it is met to rounding.
  EXPECT_NEAR(state.parameters[0] + state.parameters[1] / 2, std::log(kWidth), 1e-3);
  EXPECT_NEAR(kl, 0, 1e-2);
}

TEST(PathGradient, LeavesOutAndCountsSamplesWithoutAnEnergyOrAPath) {
  Configurations<float> data = gaussian_data(4, kWidth);
  LinearField field;
  field.set_parameters(std::vector<float>{-0.3F, 0.1F});
  std::vector<float> whole(2), gradient(2), alone(2);

  // The third in the data has no energy: what is left is the mean of the other three.
  const auto failing = [&](auto x, auto energy, auto gradient_of, auto status) {
    harmonic(x, energy, gradient_of, status);
    for (std::size_t b = 0; b < x.count(); ++b) {
      if (static_cast<float>(x[b][0]) == data[2][0]) status[b] = EnergyStatus::failed;
    }
  };
  const StepLoss three = objective(field, data, 4, 0, failing).loss_gradient(0, gradient);
  EXPECT_EQ(three.left_out, 1U);
  objective(field, data, 4).loss_gradient(0, whole);
  for (std::size_t step = 0; step < 4; ++step) {  // batches of one, to find the third's own gradient
    if (objective(field, data, 1, 0, failing).loss_gradient(step, alone).left_out == 0) continue;
    objective(field, data, 1).loss_gradient(step, alone);
    break;
  }
  for (int k = 0; k < 2; ++k) EXPECT_NEAR(3 * gradient[k], 4 * whole[k] - alone[k], 1e-4);

  data[1][0] = 1e30F;  // its square is beyond float32
  const StepLoss step = objective(field, data, 4).loss_gradient(0, gradient);
  EXPECT_EQ(step.left_out, 1U);
  EXPECT_TRUE(std::isfinite(step.loss));
  for (const float g : gradient) EXPECT_TRUE(std::isfinite(g));

  // One force of all is NaN, without a status that says so; its own score is what is left out.
  data = gaussian_data(4, kWidth);
  const auto poisoned = [&](auto x, auto energy, auto gradient_of, auto status) {
    harmonic(x, energy, gradient_of, status);
    for (std::size_t b = 0; b < x.count(); ++b) {
      if (static_cast<float>(x[b][0]) == data[2][0]) gradient_of[b][1] = std::nan("");
    }
  };
  EXPECT_EQ(objective(field, data, 4, 0, poisoned).loss_gradient(0, alone).left_out, 1U);
  objective(field, data, 4, 0, failing).loss_gradient(0, gradient);
  EXPECT_EQ(alone, gradient);

  // Where most are left out, the cap is by the median of the others.
  const auto one = [&](auto x, auto energy, auto gradient_of, auto status) {
    harmonic(x, energy, gradient_of, status);
    for (std::size_t b = 0; b < x.count(); ++b) {
      if (static_cast<float>(x[b][0]) != data[2][0]) status[b] = EnergyStatus::failed;
    }
  };
  EXPECT_EQ(objective(field, data, 4, 2, one).loss_gradient(0, alone).left_out, 3U);
  objective(field, data, 4, 0, one).loss_gradient(0, gradient);
  EXPECT_EQ(alone, gradient);
  EXPECT_NE(gradient[0], 0);

  const auto never = [](auto x, auto energy, auto gradient_of, auto status) {
    harmonic(x, energy, gradient_of, status);
    std::ranges::fill(status, EnergyStatus::not_finite);
  };
  EXPECT_TRUE(std::isnan(objective(field, data, 4, 0, never).loss_gradient(0, gradient).loss));
}

TEST(PathGradient, ShortensOnlyLongScores) {
  Configurations<float> data = gaussian_data(9, kWidth);
  LinearField field;
  field.set_parameters(std::vector<float>{-0.2F, 0});
  std::vector<float> plain(2), capped(2);
  objective(field, data, 9, 0).loss_gradient(0, plain);
  objective(field, data, 9, 1e6).loss_gradient(0, capped);
  EXPECT_EQ(plain, capped);
  for (float& value : data[4]) value *= 100;
  objective(field, data, 9, 0).loss_gradient(0, plain);
  objective(field, data, 9, 2).loss_gradient(0, capped);
  EXPECT_LT(std::abs(capped[0]), 0.1F * std::abs(plain[0]));
}

}  // namespace
}  // namespace equibolt
