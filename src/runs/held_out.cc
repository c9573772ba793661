#include "runs/held_out.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "runs/energy_inputs.h"
#include "runs/run_folder.h"

namespace equibolt {
namespace {

constexpr double kSame = 1e-5;

double square_of(std::span<const double> x) {
  double sum = 0;
  for (const double value : x) sum += value * value;
  return sum;
}

bool same(std::span<const double> a, std::span<const double> b) {
  double largest = 0, difference = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    largest = std::max(largest, std::abs(a[k]));
    difference = std::max(difference, std::abs(a[k] - b[k]));
  }
  return difference <= kSame * largest;
}

/// The file with the training data, with the content that was trained on; empty where there is none.
std::filesystem::path training_data(const std::string& run_or_model, const Session& session) {
  const RunFolder folder{run_or_model};
  const std::string& named = session.config().data.train;
  const bool is_run = std::filesystem::is_directory(run_or_model);
  std::filesystem::path path = named;
  if (named.empty() && is_run) path = folder.train_data();
  if (path.empty() || !std::filesystem::is_regular_file(path)) return {};
  if (!is_run || named.empty()) return path;
  try {
    require_recorded(folder, "data.train", path.string());
  } catch (const UsageError&) {
    return {};
  }
  return path;
}

}  // namespace

const char* name_of(HeldOut held_out) {
  switch (held_out) {
    case HeldOut::yes:
      return "held out";
    case HeldOut::no:
      return "trained on";
    case HeldOut::unknown:
      break;
  }
  return "unknown";
}

std::size_t count_shared(Configurations<double> test, Configurations<double> train) {
  if (test.coordinates() != train.coordinates()) return 0;
  remove_mean(test.view());
  remove_mean(train.view());
  // |x|² finds the few candidates.
  std::vector<std::pair<double, std::size_t>> squares;
  for (std::size_t b = 0; b < train.count(); ++b) squares.emplace_back(square_of(train[b]), b);
  std::ranges::sort(squares);
  std::size_t shared = 0;
  for (std::size_t b = 0; b < test.count(); ++b) {
    const double square = square_of(test[b]);
    const double tolerance = 2 * kSame * std::sqrt(static_cast<double>(test.coordinates())) * square;
    auto candidate = std::ranges::lower_bound(squares, std::pair{square - tolerance, std::size_t{0}});
    for (; candidate != squares.end() && candidate->first <= square + tolerance; ++candidate) {
      if (!same(test[b], train[candidate->second])) continue;
      ++shared;
      break;
    }
  }
  return shared;
}

HeldOutCheck check_held_out(const std::string& run_or_model, const Session& session,
                            ConfigurationsView<const double> test) {
  if (test.count() == 0) return {};
  const std::filesystem::path path = training_data(run_or_model, session);
  if (!path.empty()) {
    const std::size_t shared =
        count_shared(converted<double>(test), read_configurations(path, session.particles(), session.dim()));
    if (shared > 0) {
      return {HeldOut::no,
              fmt::format("{} of the {} held-out configurations are among those that the network "
                          "was trained on ({})",
                          shared, test.count(), path.string())};
    }
  }
  if (path.empty()) return {};
  if (!std::filesystem::is_directory(run_or_model)) {
    return {HeldOut::unknown, "a model file does not record the content of its training data"};
  }
  if (!session.config().network.init_from.empty()) {
    return {HeldOut::unknown, fmt::format("the network began as {}, whose training data are not known",
                                          session.config().network.init_from)};
  }
  return {HeldOut::yes, ""};
}

}  // namespace equibolt
