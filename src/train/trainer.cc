#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "train/muon.h"

namespace equibolt {
namespace {

constexpr std::size_t kSkipsInARow = 10;
constexpr double kLargestNorm = 1e18;  // its square is finite in float32, which Adam's second moment needs

class Trainer {
 public:
  Trainer(VectorField& field, Objective& objective, const TrainOptions& options, ThreadPool& pool,
          TrainState& state, const TrainHooks& hooks)
      : field_(field),
        objective_(objective),
        options_(options),
        state_(state),
        hooks_(hooks),
        gradient_(state.parameters.size()),
        seconds_before_(state.seconds) {
    if (options.optimizer == Optimizer::muon) muon_.emplace(field.architecture(), pool);
  }

  bool run() {
    field_.set_parameters(state_.parameters);
    while (progress() < 1) {
      if (hooks_.stop && hooks_.stop()) {
        if (hooks_.checkpoint) hooks_.checkpoint(state_);
        return false;
      }
      step();
      const bool last = progress() >= 1;
      if (last || state_.step % options_.log_every == 0) log();
      if (hooks_.checkpoint && (checkpoint_is_due() || last)) {
        hooks_.checkpoint(state_);
        since_checkpoint_ = {};
      }
      if (hooks_.progress) hooks_.progress(progress(), latest_);
    }
    return true;
  }

 private:
  /// Fraction of the training that is done, by whichever limit is nearer.
  double progress() const {
    double fraction = 0;
    if (options_.steps > 0) fraction = static_cast<double>(state_.step) / static_cast<double>(options_.steps);
    if (options_.minutes > 0) fraction = std::max(fraction, state_.seconds / (60 * options_.minutes));
    return fraction;
  }

  bool checkpoint_is_due() const {
    const bool requested =
        hooks_.checkpoint_requested && hooks_.checkpoint_requested();  // asked at each step
    return requested || since_checkpoint_.seconds() > options_.checkpoint_seconds ||
           (options_.checkpoint_every > 0 && state_.step % options_.checkpoint_every == 0);
  }

  void step() {
    const double rate = learning_rate(options_.rate, progress());
    const auto [loss, transport_cost, left_out] = objective_.loss_gradient(state_.step, gradient_);
    state_.left_out += left_out;
    const double norm = gradient_norm(gradient_);
    ++state_.step;
    if (std::isfinite(loss) && norm < kLargestNorm) {
      skips_in_a_row_ = 0;
      if (options_.clip > 0 && norm > options_.clip) {
        const auto factor = static_cast<float>(options_.clip / norm);
        for (float& g : gradient_) g *= factor;
      }
      if (muon_) {
        muon_->step(options_.adam, rate, gradient_, state_.adam, state_.parameters);
      } else {
        adam_step(options_.adam, rate, gradient_, state_.adam, state_.parameters);
      }
      update_average(options_.ema, state_.adam.steps, state_.parameters, state_.average);
      field_.set_parameters(state_.parameters);
      MetricsWindow& window = state_.window;
      ++window.steps;
      window.loss += loss;
      window.gradient_norm += norm;
      window.transport_cost += transport_cost;
    } else {
      skip(loss, norm);
    }
    state_.seconds = seconds_before_ + watch_.seconds();
    latest_.rate = rate;
  }

  void skip(double loss, double norm) {
    ++state_.skipped;
    if (++skips_in_a_row_ == kSkipsInARow) {
      throw NumericalError(
          "training step {}: {} steps in a row had a non-finite loss or gradient (loss {}, norm of the "
          "gradient {}); lower "
          "{}.learning_rate or set {}.clip, and resume from the last checkpoint",
          state_.step, kSkipsInARow, loss, norm, options_.section, options_.section);
    }
  }

  void log() {
    const MetricsWindow& window = state_.window;
    const double steps = static_cast<double>(std::max<std::size_t>(window.steps, 1));
    const double seconds = state_.seconds - window.start_seconds;
    latest_.step = state_.step;
    latest_.loss = window.loss / steps;
    latest_.gradient_norm = window.gradient_norm / steps;
    latest_.transport_cost = window.transport_cost / steps;
    latest_.skipped = state_.skipped;
    latest_.left_out = state_.left_out;
    latest_.samples_per_second = steps * static_cast<double>(options_.batch) / seconds;
    latest_.waiting = (objective_.waited_seconds() - waited_before_) / seconds;
    latest_.seconds = state_.seconds;
    field_.set_parameters(averaged_parameters(state_));
    latest_.validation_loss = objective_.validation_loss();
    field_.set_parameters(state_.parameters);
    if (hooks_.log) hooks_.log(latest_);
    state_.window = {.start_seconds = state_.seconds};
    waited_before_ = objective_.waited_seconds();
  }

  VectorField& field_;
  Objective& objective_;
  const TrainOptions& options_;
  TrainState& state_;
  const TrainHooks& hooks_;
  std::vector<float> gradient_;
  std::optional<Muon> muon_;
  Stopwatch watch_, since_checkpoint_;
  double seconds_before_;
  double waited_before_ = 0;
  TrainMetrics latest_;
  std::size_t skips_in_a_row_ = 0;
};

}  // namespace

TrainState start_training(std::vector<float> parameters) {
  TrainState state;
  state.adam = AdamState(parameters.size());
  state.average.assign(parameters.begin(), parameters.end());
  state.parameters = std::move(parameters);
  return state;
}

std::vector<float> averaged_parameters(const TrainState& state) {
  std::vector<float> parameters(state.average.size());
  std::ranges::transform(state.average, parameters.begin(), [](double p) { return static_cast<float>(p); });
  return parameters;
}

bool train(VectorField& field, Objective& objective, const TrainOptions& options, ThreadPool& pool,
           TrainState& state, const TrainHooks& hooks) {
  if (options.steps == 0 && !(options.minutes > 0)) {
    throw UsageError("the training has no end: set {}.steps or {}.minutes", options.section, options.section);
  }
  return Trainer(field, objective, options, pool, state, hooks).run();
}

}  // namespace equibolt
