#include "train/path_gradient.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "equibolt/error.h"
#include "flow/flow.h"

namespace equibolt {
namespace {

constexpr double kNotANumber = std::numeric_limits<double>::quiet_NaN();

/// Longer positions or scores have no products in float32.
constexpr double kLongest = 1e15;

double square_of(std::span<const float> v) {
  double sum = 0;
  for (const float value : v) sum += static_cast<double>(value) * static_cast<double>(value);
  return sum;
}

}  // namespace

PathGradient::PathGradient(VectorField& field, const TrainingData& data, EnergyOfBatch energy,
                           const PathGradientOptions& options, const IntegratorOptions& densities,
                           double log_z, std::uint64_t seed, std::size_t batch)
    : field_(field),
      data_(data),
      energy_(std::move(energy)),
      options_(options),
      densities_(densities),
      log_z_(log_z),
      seed_(seed),
      batch_(batch),
      order_(data.training.count(), seed),
      path_(field, options.path),
      x1_(batch, data.training.particles(), data.training.dim()),
      force_(x1_),
      u_(batch),
      status_(batch),
      sum_(ParameterLayout(field.architecture()).size()) {
  if (data.training.count() == 0) throw DataError("there is no training data");
}

/// x1_ with energies and their gradients, of a step's batch.
void PathGradient::take_batch(ConfigurationsView<const float> data, DataOrder& order, std::size_t step) {
  for (std::size_t b = 0; b < batch_; ++b) {
    const auto from = data[order[step * batch_ + b]];
    std::copy(from.begin(), from.end(), x1_[b].begin());
  }
  energy_(x1_, u_, force_, status_);
}

/// Carries the batch back: x_ and score_ are at t = 0 then, the latter less the prior's; zero for samples
/// that are left out.
StepLoss PathGradient::carry_back(std::size_t step) {
  x_ = converted<float>(x1_.view());
  score_ = converted<float>(force_.view());
  for (float& value : score_.values()) value = -value;
  const std::vector<double> divergence = path_.carry_back(x_, score_, seed_, step);

  StepLoss result;
  std::vector<std::size_t> bad;
  std::size_t good = batch_;
  for (std::size_t b = 0; b < batch_; ++b) {
    const double square = square_of(x_[b]), log_density = -0.5 * square - divergence[b];
    const auto score = score_[b], x0 = x_[b];
    for (std::size_t k = 0; k < score.size(); ++k) score[k] += x0[k];
    constexpr double limit = kLongest * kLongest;
    const bool sound = square < limit && square_of(score) < limit;  // no NaN is
    if (status_[b] == EnergyStatus::ok && sound && std::isfinite(log_density)) {
      result.loss += -u_[b] - log_density - log_z_;
      good = b;
    } else {
      bad.push_back(b);
    }
  }
  result.left_out = bad.size();
  result.loss = good < batch_ ? result.loss / static_cast<double>(batch_ - bad.size()) : kNotANumber;
  for (const std::size_t b : bad) {
    std::ranges::fill(score_[b], 0.0F);
    if (good < batch_) path_.replace(b, good);
  }
  return result;
}

void PathGradient::cap_scores() {
  std::vector<double> lengths(batch_);
  for (std::size_t b = 0; b < batch_; ++b) lengths[b] = std::sqrt(square_of(score_[b]));
  std::vector<double> some = lengths;
  std::erase(some, 0.0);  // those of samples that are left out
  if (some.empty()) return;
  const auto median = some.begin() + static_cast<std::ptrdiff_t>(some.size() / 2);
  std::ranges::nth_element(some, median);
  const double longest = options_.cap * *median;
  for (std::size_t b = 0; b < batch_; ++b) {
    if (lengths[b] <= longest) continue;
    const auto factor = static_cast<float>(longest / lengths[b]);
    for (float& value : score_[b]) value *= factor;
  }
}

StepLoss PathGradient::loss_gradient(std::size_t step, std::span<float> gradient) {
  take_batch(data_.training, order_, step);
  const StepLoss result = carry_back(step);
  if (!std::isfinite(result.loss)) return result;
  if (options_.cap > 0) cap_scores();
  std::ranges::fill(sum_, 0.0);
  path_.add_gradient(score_, sum_);
  const double share = 1 / static_cast<double>(batch_ - result.left_out);
  for (std::size_t k = 0; k < gradient.size(); ++k) gradient[k] = static_cast<float>(share * sum_[k]);
  return result;
}

double PathGradient::validation_loss() {
  if (data_.validation.count() == 0) return kNotANumber;
  const std::uint64_t own_seed = Random(seed_, Stream::validation).bits();
  DataOrder order(data_.validation.count(), own_seed);
  NetworkDynamics dynamics(field_, densities_.divergence_probes);
  double sum = 0;
  std::size_t used = 0;
  for (std::size_t k = 0; k < options_.validation_batches; ++k) {
    take_batch(data_.validation, order, k);
    const FlowSamples carried = flow_density(dynamics, densities_, x1_);
    for (std::size_t b = 0; b < batch_; ++b) {
      if (status_[b] != EnergyStatus::ok || !std::isfinite(carried.log_density[b])) continue;
      sum += -u_[b] - carried.log_density[b] - log_z_;
      ++used;
    }
  }
  return used > 0 ? sum / static_cast<double>(used) : kNotANumber;
}

}  // namespace equibolt
