#include "train/checkpoint.h"

#include <vector>

#include "equibolt/error.h"
#include "io/generations.h"

namespace equibolt {
namespace {

constexpr std::int64_t kFormatVersion = 4;
constexpr std::int64_t kOldestVersion =
    2;  // does not count samples left out; the average is float32 before 4

Generations checkpoints_in(const std::filesystem::path& folder) {
  return {folder, "step"};
}

Npz to_npz(const Checkpoint& checkpoint) {
  const TrainState& state = checkpoint.state;
  Npz npz;
  npz.arrays["format_version"] = Array::scalar(kFormatVersion);
  npz.arrays["fingerprint"] = Array::scalar(static_cast<std::int64_t>(checkpoint.fingerprint));
  npz.arrays["metrics_bytes"] = Array::scalar(static_cast<std::int64_t>(checkpoint.metrics_bytes));
  npz.arrays["backend"] = Array::text(checkpoint.backend);
  npz.arrays["parameters"] = Array::of(state.parameters);
  npz.arrays["average"] = Array::of(state.average);
  npz.arrays["adam_first"] = Array::of(state.adam.first);
  npz.arrays["adam_second"] = Array::of(state.adam.second);
  const MetricsWindow& window = state.window;
  npz.arrays["counters"] = Array::of(std::vector<std::int64_t>{
      static_cast<std::int64_t>(state.step), static_cast<std::int64_t>(state.adam.steps),
      static_cast<std::int64_t>(state.skipped), static_cast<std::int64_t>(window.steps),
      static_cast<std::int64_t>(state.left_out)});
  npz.arrays["sums"] = Array::of(std::vector<double>{state.seconds, window.loss, window.gradient_norm,
                                                     window.transport_cost, window.start_seconds});
  return npz;
}

Checkpoint from_npz(const Npz& npz) {
  const auto scalar = [&](const char* name) {
    const auto values = npz[name].as_int64();
    if (values.size() != 1)
      throw DataError("{}: {}: expected one number, found {}", npz.origin, name, values.size());
    return values[0];
  };
  const std::int64_t version = scalar("format_version");
  if (version < kOldestVersion || version > kFormatVersion) {
    throw DataError("{}: checkpoint format {}, but this program reads formats {} to {}", npz.origin, version,
                    kOldestVersion, kFormatVersion);
  }
  Checkpoint checkpoint;
  checkpoint.fingerprint = static_cast<std::uint64_t>(scalar("fingerprint"));
  checkpoint.metrics_bytes = static_cast<std::uint64_t>(scalar("metrics_bytes"));
  checkpoint.backend = npz["backend"].as_text();
  TrainState& state = checkpoint.state;
  state.parameters = npz["parameters"].as_float();
  state.average = npz["average"].as_double();
  state.adam.first = npz["adam_first"].as_float();
  state.adam.second = npz["adam_second"].as_float();
  const auto counters = npz["counters"].as_int64();
  const auto sums = npz["sums"].as_double();
  const std::size_t size = state.parameters.size();
  const std::size_t counts = version == kOldestVersion ? 4 : 5;
  if (counters.size() != counts || sums.size() != 5 || state.average.size() != size ||
      state.adam.first.size() != size || state.adam.second.size() != size) {
    throw DataError("{}: not a checkpoint: arrays of unexpected sizes", npz.origin);
  }
  for (const char* name : {"parameters", "average", "adam_first", "adam_second", "sums"}) {
    if (const auto bad = npz[name].first_not_finite()) {
      throw DataError("{}: {}[{}] is not finite", npz.origin, name, *bad);
    }
  }
  state.step = static_cast<std::size_t>(counters[0]);
  state.adam.steps = static_cast<std::size_t>(counters[1]);
  state.skipped = static_cast<std::size_t>(counters[2]);
  if (counts == 5) state.left_out = static_cast<std::size_t>(counters[4]);
  state.window = {static_cast<std::size_t>(counters[3]), sums[1], sums[2], sums[3], sums[4]};
  state.seconds = sums[0];
  return checkpoint;
}

}  // namespace

void write_checkpoint(const std::filesystem::path& folder, const Checkpoint& checkpoint) {
  checkpoints_in(folder).write(checkpoint.state.step, to_npz(checkpoint));
}

std::optional<Checkpoint> read_newest_checkpoint(const std::filesystem::path& folder,
                                                 const std::function<void(const std::string&)>& warn) {
  std::optional<Checkpoint> newest;
  checkpoints_in(folder).read_newest([&](const Npz& npz) { newest = from_npz(npz); }, warn);
  return newest;
}

}  // namespace equibolt
