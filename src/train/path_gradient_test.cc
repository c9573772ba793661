#include "train/path_gradient.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/geometry.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/precise_field.h"
#include "flow/score_path.h"
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

// A network of two layers, whose ∇(∇·v) is not zero, and as target what it makes of the prior: there the
// gradient of the divergence vanishes, and without ∇(∇·v) it would not.
class NetworkAsTarget : public testing::Test {
 protected:
  static constexpr std::size_t count = 8;

  NetworkAsTarget()
      : field_(make_cpu_vector_field(architecture_, parameters(), pool_)),
        data_(count, 3, 2),
        score_(count, 3, 2) {
    const std::vector<float> theta = parameters();
    const PreciseField precise(architecture_, theta);
    PreciseDynamics dynamics(precise, pool_);
    IntegratorOptions options;
    options.method = Method::dopri5;
    options.atol = options.rtol = 1e-9;
    const auto carry = [&](double begin, double end, Configurations<double>& x) {
      return integrate(dynamics, options, begin, end, x, Divergence::exact).divergence;
    };
    Configurations<double> x(count, 3, 2);
    for (std::size_t b = 0; b < count; ++b) {
      Random random(6, Stream::test, 0, b);
      mean_free_normal(random, x[b], 2);
    }
    carry(0, 1, x);
    data_ = converted<float>(x.view());
    x = converted<double>(data_.view());
    // log p1(x1) = log p0(x0) − ∫∇·v dt, differentiated along each coordinate less its mean.
    constexpr double h = 1e-4;
    for (std::size_t k = 0; k < x.coordinates(); ++k) {
      for (const double step : {h, -h}) {
        Configurations<double> moved = x;
        std::vector<double> unit(x.coordinates());
        unit[k] = step;
        remove_mean(std::span(unit), 2);
        for (std::size_t b = 0; b < count; ++b) {
          for (std::size_t j = 0; j < unit.size(); ++j) moved[b][j] += unit[j];
        }
        const std::vector<double> divergence = carry(1, 0, moved);
        for (std::size_t b = 0; b < count; ++b) {
          double log_density = divergence[b];
          for (const double value : moved[b]) log_density -= 0.5 * value * value;
          score_[b][k] += log_density / (2 * step);
          if (k == 0) log_density_[b] += 0.5 * log_density;
        }
      }
    }
  }

  static std::vector<float> parameters() {
    std::vector<float> theta(ParameterLayout(architecture_).size());
    Random random(1, Stream::test);
    for (float& value : theta) value = static_cast<float>(0.17 * random.normal());
    return theta;
  }

  void energy(ConfigurationsView<const double> x, std::span<double> u, ConfigurationsView<double> gradient,
              std::span<EnergyStatus> status) const {
    for (std::size_t b = 0; b < x.count(); ++b) {
      std::size_t own = 0;
      while (static_cast<float>(x[b][0]) != data_[own][0]) ++own;
      u[b] = -log_density_[own];
      for (std::size_t k = 0; k < x.coordinates(); ++k) gradient[b][k] = -score_[own][k];
      status[b] = EnergyStatus::ok;
    }
  }

  /// The gradient that a score gives which is carried back by ds/dt = −Jᵀ s alone.
  std::vector<double> without_the_gradient_of_the_divergence() {
    ScorePath path(*field_, {.steps = 40});
    Configurations<float> x0 = data_, s = converted<float>(score_.view()), unused = s;
    path.carry_back(x0, unused, 1, 0);
    Configurations<float> x = data_, v = data_, rate = data_, middle = data_, s_middle = s;
    constexpr int steps = 400;
    for (int k = 0; k < steps; ++k) {  // by the midpoint rule
      const auto slope = [&](double t, const Configurations<float>& at, const Configurations<float>& score) {
        const std::vector<float> times(count, static_cast<float>(t));
        field_->velocity(times, at, v);
        field_->vjp(times, at, score, rate, {});
      };
      constexpr float h = 1.0F / steps;
      const double t = 1 - static_cast<double>(k) / steps;
      slope(t, x, s);
      for (std::size_t j = 0; j < x.size(); ++j) {
        middle.data()[j] = x.data()[j] - 0.5F * h * v.data()[j];
        s_middle.data()[j] = s.data()[j] + 0.5F * h * rate.data()[j];
      }
      slope(t - 0.5 / steps, middle, s_middle);
      for (std::size_t j = 0; j < x.size(); ++j) {
        x.data()[j] -= h * v.data()[j];
        s.data()[j] += h * rate.data()[j];
      }
    }
    for (std::size_t j = 0; j < s.size(); ++j) s.data()[j] += x.data()[j];
    std::vector<double> gradient(parameters().size());
    path.add_gradient(s, gradient);
    for (double& g : gradient) g /= count;
    return gradient;
  }

  static inline const Architecture architecture_{{0, 0, 0}, 2, 16, 2, 0};
  ThreadPool pool_{2};
  std::unique_ptr<VectorField> field_;
  Configurations<float> data_;
  Configurations<double> score_;
  std::vector<double> log_density_ = std::vector<double>(count);
};

TEST_F(NetworkAsTarget, IsWhereThePathGradientVanishes) {
  PathGradientOptions options;
  options.cap = 0;
  options.path = {.steps = 20, .probes = 4};
  PathGradient path(
      *field_, {data_, {}},
      [this](auto x, auto u, auto gradient, auto status) { energy(x, u, gradient, status); }, options, {}, 0,
      3, count);
  const std::vector<double> wrong = without_the_gradient_of_the_divergence();
  double wrong_square = 0;
  for (const double g : wrong) wrong_square += g * g;
  constexpr std::size_t repeats = 30;
  double mean = 0, square = 0, loss = 0;
  std::vector<float> gradient(wrong.size());
  for (std::size_t step = 0; step < repeats; ++step) {
    const StepLoss result = path.loss_gradient(step, gradient);
    EXPECT_EQ(result.left_out, 0U);
    double along = 0;  // 1 where the gradient is the wrong one
    for (std::size_t k = 0; k < wrong.size(); ++k)
      along += static_cast<double>(gradient[k]) * wrong[k] / wrong_square;
    mean += along / repeats;
    square += along * along / repeats;
    loss += result.loss / repeats;
  }
  const double error = std::sqrt((square - mean * mean) / (repeats - 1));
  EXPECT_NEAR(mean, 0, 4.5 * error + 0.01);
  EXPECT_LT(error, 0.05);
  EXPECT_NEAR(loss, 0, 0.02);
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
