#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <set>
#include <string>

#include "core/geometry.h"
#include "core/sanitizers.h"
#include "equibolt/error.h"
#include "train/batches_ahead.h"
#include "train/flow_matching.h"
#include "train/linear_field.h"
#include "train/trainer.h"

namespace equibolt {
namespace {

/// Prior and data as they come.
class PlainCoupling final : public Coupling {
 public:
  double pair(ConfigurationsView<const float> prior, ConfigurationsView<const float> data, Random&,
              ConfigurationsView<float> x0, ConfigurationsView<float> x1) override {
    std::copy(prior.values().begin(), prior.values().end(), x0.data());
    std::copy(data.values().begin(), data.values().end(), x1.data());
    return 0;
  }
  std::unique_ptr<Coupling> clone() const override { return std::make_unique<PlainCoupling>(); }
};

TEST(Schedule, RisesAndFallsAsItsNameSays) {
  ScheduleOptions options{Schedule::cosine, 1e-3, 1e-5, 0.1};
  EXPECT_DOUBLE_EQ(learning_rate(options, 0.05), 5e-4);
  EXPECT_NEAR(learning_rate(options, 0.1 + 0.5 * 0.9), 0.5 * (1e-3 + 1e-5), 1e-12);
  EXPECT_DOUBLE_EQ(learning_rate(options, 1), 1e-5);
  options = {Schedule::step, 5e-4, 5e-5, 0};
  EXPECT_EQ(learning_rate(options, 0.49), 5e-4);
  EXPECT_EQ(learning_rate(options, 0.5), 5e-5);
  options.schedule = Schedule::linear;
  EXPECT_NEAR(learning_rate(options, 0.5), 2.75e-4, 1e-12);
  options.schedule = Schedule::constant;
  EXPECT_EQ(learning_rate(options, 0.9), 5e-4);
}

TEST(Schedule, BeginsAtThePeakWhereTheWarmUpEnds) {
  for (const Schedule schedule : {Schedule::constant, Schedule::step, Schedule::linear, Schedule::cosine}) {
    const ScheduleOptions options{schedule, 1e-3, 1e-5, 0.2};
    EXPECT_NEAR(learning_rate(options, 0.2 - 1e-9), 1e-3, 1e-10);
    EXPECT_NEAR(learning_rate(options, 0.2), 1e-3, 1e-10);
  }
  const ScheduleOptions step{Schedule::step, 1e-3, 1e-5, 0.2};
  EXPECT_EQ(learning_rate(step, 0.59), 1e-3);
  EXPECT_EQ(learning_rate(step, 0.61), 1e-5);
  for (const double progress : {0.0, 0.5, 1.0}) {  // all of it warm-up
    EXPECT_NEAR(learning_rate({Schedule::linear, 1e-3, 1e-5, 1}, progress),
                progress < 1 ? 1e-3 * progress : 1e-3, 1e-10);
  }
}

TEST(Adam, TakesTheStepsOfItsDefinition) {
  AdamState state(2);
  std::vector<float> theta{1, -2};
  double m[2] = {}, v[2] = {}, expected[2] = {1, -2};
  const AdamOptions options{.weight_decay = 0.01};
  for (int step = 1; step <= 5; ++step) {
    const std::vector<float> g{theta[0], 3 * theta[1]};
    for (int k = 0; k < 2; ++k) {
      m[k] = 0.9 * m[k] + 0.1 * g[k];
      v[k] = 0.999 * v[k] + 0.001 * g[k] * g[k];
      const double m_hat = m[k] / (1 - std::pow(0.9, step)), v_hat = v[k] / (1 - std::pow(0.999, step));
      expected[k] -= 0.1 * (m_hat / (std::sqrt(v_hat) + 1e-8) + 0.01 * expected[k]);
    }
    adam_step(options, 0.1, g, state, theta);
    for (int k = 0; k < 2; ++k) EXPECT_NEAR(theta[k], expected[k], 1e-5);
  }
}

TEST(Average, ForgetsTheStartAndThenFollowsSlowly) {
  std::vector<double> average{100};
  const std::vector<float> theta{1};
  for (std::size_t step = 1; step <= 50; ++step) update_average(0.999, step, theta, average);
  EXPECT_NEAR(average[0], 1, 0.5);
  std::vector<double> last{5};
  update_average(0, 1, theta, last);
  EXPECT_EQ(last[0], 1);
}

// In float32 the steps of a long average round to nothing: a decay of 0.9999 stalls a third of this way
// before its end, and those nearer to 1 never leave the start.
TEST(Average, FollowsToTheEndHoweverLongItIs) {
  const std::vector<float> theta{1.002F};
  for (const double decay : {0.999, 0.9999, 0.99999}) {
    std::vector<double> average{1};
    constexpr std::size_t steps = 300000, first = std::size_t{1} << 40;  // past the growth of the decay
    for (std::size_t step = 0; step < steps; ++step) update_average(decay, first + step, theta, average);
    const double left = std::pow(decay, static_cast<double>(steps));
    EXPECT_NEAR(average[0], 1.002F - left * (1.002F - 1.0), 1e-9) << decay;
  }
}

TEST(Batch, InterpolatesTheCouplingsPairsAndUsesEachDataPointOnceAnEpoch) {
  const Configurations<float> data = gaussian_data(12, 1);
  BatchMaker maker(data, PlainCoupling(), 5, 4, 0.0);
  std::set<float> seen;
  for (std::size_t step = 0; step < 3; ++step) {
    TrainingBatch batch;
    maker.make(step, batch);
    for (std::size_t b = 0; b < 4; ++b) {
      // x1 = x + (1 − t) target must be a data point.
      bool found = false;
      for (std::size_t d = 0; d < 12; ++d) {
        float largest = 0;
        for (std::size_t j = 0; j < 6; ++j) {
          const float x1 = batch.x[b][j] + (1 - batch.t[b]) * batch.target[b][j];
          largest = std::max(largest, std::abs(x1 - data[d][j]));
        }
        if (largest < 1e-5F) {
          found = true;
          EXPECT_TRUE(seen.insert(data[d][0]).second);
        }
      }
      EXPECT_TRUE(found);
    }
  }
  EXPECT_EQ(seen.size(), 12U);
}

TEST(Batch, NoiseHasItsWidthAndNoMean) {
  const Configurations<float> data = gaussian_data(50, 1);
  TrainingBatch clean, noisy;
  BatchMaker(data, PlainCoupling(), 5, 50, 0.0).make(0, clean);
  BatchMaker(data, PlainCoupling(), 5, 50, 0.1).make(0, noisy);
  double square = 0;
  for (std::size_t b = 0; b < 50; ++b) {
    double sum = 0;
    for (std::size_t j = 0; j < 6; ++j) {
      const double noise = noisy.x[b][j] - clean.x[b][j];
      square += noise * noise;
      if (j % 2 == 0) sum += noise;
    }
    EXPECT_NEAR(sum, 0, 1e-6);
  }
  EXPECT_NEAR(square / 50, 0.01 * 4, 0.01);  // σ² (N−1) D
}

TEST(BatchesAhead, AreTheSameForAnyNumberOfThreads) {
  const Configurations<float> data = gaussian_data(37, 1);
  const auto maker = [&] { return BatchMaker(data, PlainCoupling(), 5, 8, 0.01); };
  BatchMaker direct = maker();
  for (const std::size_t threads : {1, 3}) {
    BatchesAhead ahead(maker, 4, threads, 5);
    TrainingBatch batch, expected;
    for (std::size_t step = 4; step < 40; ++step) {
      ahead.take(batch);
      direct.make(step, expected);
      EXPECT_EQ(batch.t, expected.t);
      EXPECT_TRUE(std::equal(batch.x.values().begin(), batch.x.values().end(), expected.x.values().begin()));
      EXPECT_TRUE(std::equal(batch.target.values().begin(), batch.target.values().end(),
                             expected.target.values().begin()));
    }
  }
}

TEST(BatchesAhead, PassesErrorsOn) {
  class Broken final : public Coupling {
    double pair(ConfigurationsView<const float>, ConfigurationsView<const float>, Random&,
                ConfigurationsView<float>, ConfigurationsView<float>) override {
      throw DataError("broken");
    }
    std::unique_ptr<Coupling> clone() const override { return std::make_unique<Broken>(); }
  };
  const Configurations<float> data = gaussian_data(8, 1);
  BatchesAhead ahead([&] { return BatchMaker(data, Broken(), 5, 8, 0.01); }, 0, 2, 4);
  TrainingBatch batch;
  EXPECT_THROW(ahead.take(batch), DataError);
}

TEST(BatchesAhead, EndsItsThreadsWhereALaterOneCannotBegin) {
  const Configurations<float> data = gaussian_data(8, 1);
  std::size_t made = 0;
  const auto maker = [&] {
    if (++made == 3) throw DataError("the third");
    return BatchMaker(data, PlainCoupling(), 5, 8, 0.01);
  };
  EXPECT_THROW(BatchesAhead(maker, 0, 4, 4), DataError);
}

#ifndef EQUIBOLT_ADDRESS_SANITIZER  // which needs more address space than any limit here

TEST(BatchesAheadDeathTest, SaysHowManyThreadsTheSystemAllows) {
  const Configurations<float> data = gaussian_data(8, 1);
  const auto too_many = [&] {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t limit = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + (std::size_t{256} << 20);
    const rlimit limits{limit, limit};
    if (setrlimit(RLIMIT_AS, &limits) != 0) std::exit(1);
    try {
      const BatchesAhead ahead([&] { return BatchMaker(data, PlainCoupling(), 5, 8, 0.01); }, 0, 5000, 4);
    } catch (const UsageError& error) {
      std::fprintf(stderr, "%s\n", error.what());
      std::exit(0);
    }
    std::exit(2);
  };
  EXPECT_EXIT(too_many(), testing::ExitedWithCode(0),
              "train.producers = 5000: the system allows [1-9][0-9]* here .*; set fewer");
}

#endif

TEST(FlowMatching, RefusesAnotherStepThanTheNext) {
  const Configurations<float> data = gaussian_data(8, 1);
  LinearField field;
  FlowMatching objective(field, {data, {}}, PlainCoupling(), {}, 5, 4, 3);
  std::vector<float> gradient(2);
  EXPECT_THROW(objective.loss_gradient(2, gradient), UsageError);
  objective.loss_gradient(3, gradient);
  EXPECT_THROW(objective.loss_gradient(3, gradient), UsageError);
  EXPECT_THROW(objective.loss_gradient(5, gradient), UsageError);
  objective.loss_gradient(4, gradient);
}

TrainOptions few_steps(std::size_t steps) {
  TrainOptions options;
  options.steps = steps;
  options.batch = 64;
  options.rate = {Schedule::cosine, 3e-2, 0, 0};
  options.log_every = 7;
  options.checkpoint_every = 10;
  return options;
}

bool match_flow(VectorField& field, const TrainingData& data, const TrainOptions& options, ThreadPool& pool,
                TrainState& state, const TrainHooks& hooks) {
  FlowMatching objective(field, data, PlainCoupling(), {}, 9, options.batch, state.step);
  return train(field, objective, options, pool, state, hooks);
}

TEST(Train, FindsTheBestLinearField) {
  const double s = 0.5, sigma = 0.01;
  const Configurations<float> data = gaussian_data(20000, s);
  LinearField field;
  TrainState state = start_training({0, 0});
  std::vector<TrainMetrics> lines;
  TrainHooks hooks;
  hooks.log = [&](const TrainMetrics& metrics) { lines.push_back(metrics); };
  TrainOptions options = few_steps(3000);
  options.log_every = 500;
  ThreadPool pool(2);
  EXPECT_TRUE(match_flow(field, {data, data.view().slice(0, 2000)}, options, pool, state, hooks));
  EXPECT_EQ(state.step, 3000U);
  ASSERT_EQ(lines.size(), 6U);
  // The minimiser of ∫ E|(θ₀ + θ₁ t) x_t − (x1 − x0)|² dt: normal equations with E x_t² and E x_t (x1 − x0).
  double a00 = 0, a01 = 0, a11 = 0, b0 = 0, b1 = 0;
  for (int k = 0; k < 10000; ++k) {
    const double t = (k + 0.5) / 10000;
    const double square = (1 - t) * (1 - t) + t * t * s * s + sigma * sigma;
    const double cross = t * s * s - (1 - t);
    a00 += square, a01 += t * square, a11 += t * t * square, b0 += cross, b1 += t * cross;
  }
  const double det = a00 * a11 - a01 * a01;
  EXPECT_NEAR(state.average[0], (b0 * a11 - b1 * a01) / det, 0.03);
  EXPECT_NEAR(state.average[1], (b1 * a00 - b0 * a01) / det, 0.05);
  // The untrained field has E|x1 − x0|² per coordinate; the minimum is 0.67 of it.
  EXPECT_LT(lines.back().validation_loss,
            0.7 * (1 + s * s) * (LinearField::kParticles - 1) / LinearField::kParticles);
}

TEST(Train, StoppedAndResumedGivesTheSameBits) {
  const Configurations<float> data = gaussian_data(500, 0.5);
  ThreadPool pool(2);
  const auto run = [&](std::vector<std::size_t> stops) {
    std::vector<TrainMetrics> lines;
    TrainState state = start_training({0.1F, -0.2F});
    for (std::size_t k = 0; k <= stops.size(); ++k) {
      LinearField field;
      TrainHooks hooks;
      hooks.log = [&](const TrainMetrics& metrics) { lines.push_back(metrics); };
      hooks.stop = [&] { return k < stops.size() && state.step == stops[k]; };
      EXPECT_EQ(match_flow(field, {data, data}, few_steps(60), pool, state, hooks), k == stops.size());
    }
    return std::pair(state, lines);
  };
  const auto [whole, whole_lines] = run({});
  const auto [pieces, pieces_lines] = run({13, 14, 40});
  EXPECT_EQ(whole.parameters, pieces.parameters);
  EXPECT_EQ(whole.average, pieces.average);
  EXPECT_EQ(whole.adam.second, pieces.adam.second);
  ASSERT_EQ(whole_lines.size(), pieces_lines.size());
  for (std::size_t k = 0; k < whole_lines.size(); ++k) {
    EXPECT_EQ(whole_lines[k].loss, pieces_lines[k].loss);
    EXPECT_EQ(whole_lines[k].validation_loss, pieces_lines[k].validation_loss);
  }
}

TEST(Train, WritesCheckpointsByTimeByStepsOnRequestAndAtTheEnd) {
  const Configurations<float> data = gaussian_data(500, 0.5);
  ThreadPool pool(1);
  const auto steps_with_a_checkpoint = [&](double seconds, std::size_t every, std::size_t asked_at) {
    std::vector<std::size_t> found;
    LinearField field;
    TrainState state = start_training({0, 0});
    TrainOptions options = few_steps(25);
    options.checkpoint_seconds = seconds;
    options.checkpoint_every = every;
    TrainHooks hooks;
    hooks.checkpoint = [&](const TrainState& s) { found.push_back(s.step); };
    hooks.checkpoint_requested = [&] { return state.step == asked_at; };
    EXPECT_TRUE(match_flow(field, {data, {}}, options, pool, state, hooks));
    return found;
  };
  constexpr std::size_t never = 0;
  using Steps = std::vector<std::size_t>;
  EXPECT_EQ(steps_with_a_checkpoint(1e6, 0, never), Steps{25});
  EXPECT_EQ(steps_with_a_checkpoint(1e6, 10, never), (Steps{10, 20, 25}));
  EXPECT_EQ(steps_with_a_checkpoint(1e6, 10, 7), (Steps{7, 10, 20, 25}));
  EXPECT_EQ(steps_with_a_checkpoint(0, 0, never).size(), 25U);
}

TEST(Train, SkipsAndCountsANonFiniteGradientAndGivesUpAfterTen) {
  const Configurations<float> data = gaussian_data(500, 0.5);
  LinearField field;
  ThreadPool pool(1);
  field.poisoned_call = 5;
  TrainState state = start_training({0, 0});
  EXPECT_TRUE(match_flow(field, {data, {}}, few_steps(20), pool, state, {}));
  EXPECT_EQ(state.skipped, 1U);
  EXPECT_EQ(state.adam.steps, 19U);
  for (const float theta : state.parameters) EXPECT_TRUE(std::isfinite(theta));

  LinearField broken;
  broken.poisoned_call = 0;
  TrainState fresh = start_training({0, 0});
  TrainOptions options = few_steps(20);
  options.section = "finetune";
  try {
    match_flow(broken, {data, {}}, options, pool, fresh, {});
    FAIL() << "no error";
  } catch (const NumericalError& error) {
    const std::string said = error.what();
    EXPECT_TRUE(said.starts_with("training step 10: 10 steps in a row had a non-finite loss or gradient"))
        << said;
    EXPECT_NE(said.find("lower finetune.learning_rate or set finetune.clip"), std::string::npos) << said;
  }
  EXPECT_EQ(fresh.parameters, (std::vector<float>{0, 0}));
}

}  // namespace
}  // namespace equibolt
