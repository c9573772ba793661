#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/random.h"
#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "train/batches_ahead.h"
#include "train/muon.h"

namespace equibolt {
namespace {

constexpr std::size_t kSkipsInARow = 10;
constexpr double kLargestNorm = 1e18;  // its square is finite in float32, which Adam's second moment needs

/// Batches of held-out data, fixed for the whole training, and the loss on them.
class Validation {
 public:
  Validation(ConfigurationsView<const float> data, const Coupling& coupling, const TrainOptions& options,
             std::uint64_t seed) {
    if (data.count() == 0) return;
    const std::uint64_t own_seed = Random(seed, Stream::validation).bits();
    BatchMaker maker(data, coupling, own_seed, std::min(options.batch, data.count()), options.sigma);
    batches_.resize(options.validation_batches);
    for (std::size_t k = 0; k < batches_.size(); ++k) maker.make(k, batches_[k]);
  }

  /// Mean over batches, samples and coordinates of (v − target)²; NaN without data.
  double loss(VectorField& field) const {
    if (batches_.empty()) return std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
    for (const TrainingBatch& batch : batches_) {
      Configurations<float> v = batch.x;
      field.velocity(batch.t, batch.x, v);
      double square = 0;
      for (std::size_t k = 0; k < v.size(); ++k) {
        const double difference =
            static_cast<double>(v.data()[k]) - static_cast<double>(batch.target.data()[k]);
        square += difference * difference;
      }
      sum += square / static_cast<double>(v.size());
    }
    return sum / static_cast<double>(batches_.size());
  }

 private:
  std::vector<TrainingBatch> batches_;
};

class Trainer {
 public:
  Trainer(VectorField& field, const TrainingData& data, const Coupling& coupling, const TrainOptions& options,
          std::uint64_t seed, ThreadPool& pool, TrainState& state, const TrainHooks& hooks)
      : field_(field),
        options_(options),
        state_(state),
        hooks_(hooks),
        validation_(data.validation, coupling, options, seed),
        batches_([&] { return BatchMaker(data.training, coupling, seed, options.batch, options.sigma); },
                 state.step, options.producers, 4 * options.producers + 4),
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
      if (hooks_.checkpoint && (last || state_.step % options_.checkpoint_every == 0))
        hooks_.checkpoint(state_);
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

  void step() {
    batches_.take(batch_);
    const double rate = learning_rate(options_.rate, progress());
    const double loss = field_.loss_gradient(batch_.t, batch_.x, batch_.target, gradient_);
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
      window.transport_cost += batch_.transport_cost;
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
          "training step {}: {} steps in a row had a loss or gradient beyond all numbers (loss {}, gradient "
          "norm {}); lower train.learning_rate or set train.clip, and go on from the last checkpoint",
          state_.step, kSkipsInARow, loss, norm);
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
    latest_.samples_per_second = steps * static_cast<double>(options_.batch) / seconds;
    latest_.waiting = (batches_.waited_seconds() - waited_before_) / seconds;
    latest_.seconds = state_.seconds;
    field_.set_parameters(state_.average);
    latest_.validation_loss = validation_.loss(field_);
    field_.set_parameters(state_.parameters);
    if (hooks_.log) hooks_.log(latest_);
    state_.window = {.start_seconds = state_.seconds};
    waited_before_ = batches_.waited_seconds();
  }

  VectorField& field_;
  const TrainOptions& options_;
  TrainState& state_;
  const TrainHooks& hooks_;
  Validation validation_;
  BatchesAhead batches_;
  TrainingBatch batch_;
  std::vector<float> gradient_;
  std::optional<Muon> muon_;
  Stopwatch watch_;
  double seconds_before_;
  double waited_before_ = 0;
  TrainMetrics latest_;
  std::size_t skips_in_a_row_ = 0;
};

}  // namespace

TrainState start_training(std::vector<float> parameters) {
  TrainState state;
  state.adam = AdamState(parameters.size());
  state.average = parameters;
  state.parameters = std::move(parameters);
  return state;
}

bool train(VectorField& field, const TrainingData& data, const Coupling& coupling,
           const TrainOptions& options, std::uint64_t seed, ThreadPool& pool, TrainState& state,
           const TrainHooks& hooks) {
  if (options.steps == 0 && !(options.minutes > 0)) {
    throw UsageError("training has no end: set train.steps or train.minutes");
  }
  if (data.training.count() == 0) throw DataError("there is no training data");
  return Trainer(field, data, coupling, options, seed, pool, state, hooks).run();
}

}  // namespace equibolt
