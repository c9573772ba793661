#include "runs/samples_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <vector>

#include "config/config_table.h"
#include "core/hash.h"
#include "core/saver.h"
#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/npz.h"
#include "runs/format_version.h"
#include "runs/output_lock.h"
#include "runs/run_folder.h"

namespace equibolt {
namespace {

constexpr std::size_t kPartBytes = std::size_t{4}
                                   << 20;  // of coordinates; writing holds them some times over
constexpr std::size_t kFirstBlock = 16, kLargestBlock = 1024;
constexpr double kBlockSeconds = 5;  // how long a stop may have to wait, about

std::filesystem::path parts_folder(std::filesystem::path file) {
  return file += ".parts";
}

constexpr const char* kRemedy = "Give another output, or the same settings.";

/// The number of samples in a file of this request; throws UsageError where it is of another one.
std::size_t samples_in(const SamplesTask& task, const std::filesystem::path& file) {
  require_version(read_npz_array(file, "format_version"), kSamplesVersion, file.string());
  task.request.require_same(read_npz_array(file, "about").as_text(), file.string(), kRemedy);
  return read_npz_array(file, "status").size();
}

/// The parts of a samples file: npz files of the same format, each with the index of its first sample.
class Parts {
 public:
  explicit Parts(const SamplesTask& task) : task_(task), folder_(parts_folder(task.file)) { look(); }

  /// Makes the folder, and locks it. A shorter file of the same request becomes the first part.
  void open(std::size_t in_file) {
    const auto above = std::filesystem::absolute(folder_).parent_path();
    if (!std::filesystem::is_directory(above)) throw IoError("{}: there is no such folder", above.string());
    create_folder(folder_);
    lock_.emplace(OutputLock::of_folder(folder_));
    remove_partial_files_in(folder_);
    look();
    if (done_ == 0 && in_file > 0) {
      write_file(part(0), read_file(task_.file));
      look();
    }
  }

  std::size_t done() const { return done_; }

  void add(const WeightedSamples& samples) {
    write_samples(part(done_), samples, task_.request.text());
    firsts_.push_back(done_);
    done_ += samples.status.size();
  }

  /// All parts in one file, which then are removed.
  void join() {
    const Npz first = read_npz(part(0));
    std::map<std::string, ArrayInPieces> arrays;
    for (const auto& [name, array] : first.arrays) {
      if (name == "about" || name == "format_version") {
        arrays[name] = {array.dtype, array.shape, 1, [bytes = array.bytes](std::size_t) { return bytes; }};
        continue;
      }
      std::vector<std::size_t> shape = array.shape;
      shape[0] = done_;
      arrays[name] = {array.dtype, shape, firsts_.size(), [this, name = name](std::size_t k) {
                        return read_npz_array(part(firsts_[k]), name).bytes;
                      }};
    }
    write_npz_in_pieces(task_.file, arrays);
    remove_left_over(folder_);
  }

  /// Removes parts that have been joined, unless another process has them.
  void remove() {
    if (!std::filesystem::is_directory(folder_)) return;
    lock_.emplace(OutputLock::of_folder(folder_));
    remove_left_over(folder_);
  }

 private:
  std::filesystem::path part(std::size_t first) const { return folder_ / fmt::format("{:012}.npz", first); }

  void look() {
    firsts_.clear();
    done_ = 0;
    while (std::filesystem::exists(part(done_))) {
      firsts_.push_back(done_);
      done_ += samples_in(task_, part(done_));
    }
  }

  const SamplesTask& task_;
  std::filesystem::path folder_;
  std::optional<OutputLock> lock_;
  std::vector<std::size_t> firsts_;
  std::size_t done_ = 0;
};

/// The number of samples in the finished file; 0 where there is none.
std::size_t samples_in_file(const SamplesTask& task) {
  const auto status = std::filesystem::status(task.file);
  if (!std::filesystem::exists(status)) return 0;
  if (!std::filesystem::is_regular_file(status)) {
    throw IoError("{}: cannot write: not a regular file", task.file.string());
  }
  const std::size_t count = samples_in(task, task.file);
  if (count > task.count) {
    throw UsageError("{}: holds {} samples, more than the {} that are asked for. {}", task.file.string(),
                     count, task.count, kRemedy);
  }
  return count;
}

/// What samples have cost so far.
class Throughput {
 public:
  void add(const WeightedSamples& samples, double seconds) {
    samples_ += samples.status.size();
    evaluations_ = std::accumulate(samples.evaluations.begin(), samples.evaluations.end(), evaluations_);
    divergences_ = std::accumulate(samples.divergences.begin(), samples.divergences.end(), divergences_);
    seconds_ += seconds;
  }
  std::string text() const {
    const auto each = [&](std::size_t sum) {
      return static_cast<double>(sum) / static_cast<double>(std::max<std::size_t>(samples_, 1));
    };
    return fmt::format(
        "{:.4g} per second, {:.4g} evaluations of the network each, {:.4g} with the divergence",
        static_cast<double>(samples_) / std::max(seconds_, 1e-9), each(evaluations_), each(divergences_));
  }

 private:
  std::size_t samples_ = 0, evaluations_ = 0, divergences_ = 0;
  double seconds_ = 0;
};

/// The network and how its paths are computed.
Request request_of(const Session& session) {
  Request request(session.config(), [](const std::string& key) {
    return key.starts_with("flow.") || (key.starts_with("system.") && !is_observation(key));
  });
  request.add("model",
              fmt::format("{:016x}", content_hash(std::span<const float>(session.model().parameters))));
  return request;
}

}  // namespace

SamplesPlan plan_samples_file(const SamplesTask& task) {
  const std::size_t in_file = samples_in_file(task);
  if (in_file == task.count) return {StageState::done, in_file};
  const std::size_t done = std::max(in_file, Parts(task).done());
  return {done > 0 ? StageState::resume : StageState::to_do, done};
}

bool make_samples_file(const SamplesTask& task, const std::function<bool()>& stop, Reporter& reporter) {
  const std::size_t in_file = samples_in_file(task);
  Parts parts(task);
  if (in_file == task.count) {
    parts.remove();  // what was killed when it had joined them
    return false;
  }
  parts.open(in_file);
  if (parts.done() > task.count) {
    throw UsageError(
        "{}.parts: holds {} samples already, {} are asked for; remove it, or give another output",
        task.file.string(), parts.done(), task.count);
  }
  reporter.start_progress(task.label);
  WeightedSamples pending;
  Saver saver(stop, task.checkpoint_seconds, [&] {
    parts.add(pending);
    pending = {};
  });
  Throughput throughput;
  std::size_t block = kFirstBlock;
  for (std::size_t made = parts.done(); made < task.count;) {
    const std::size_t size = std::min(block, task.count - made);
    const Stopwatch watch;
    const WeightedSamples samples = task.make(made, size);
    append(pending, samples);
    throughput.add(samples, watch.seconds());
    made += size;
    if (watch.seconds() < kBlockSeconds) block = std::min(2 * block, kLargestBlock);
    const bool last = made == task.count, full = pending.x.size() * sizeof(double) >= kPartBytes;
    if (saver.save_if_due(last || full) && !last) {
      throw Stopped("{}: stopped after {} of {}; the same command goes on from there", task.label, made,
                    task.count);
    }
    reporter.progress(static_cast<double>(made) / static_cast<double>(task.count), throughput.text());
  }
  reporter.end_progress();
  parts.join();
  reporter.say("{}: {}, {}", task.label, task.count, throughput.text());
  return true;
}

SamplesTask task_of_flow(Session& session, const std::filesystem::path& file, std::uint64_t seed,
                         std::size_t count) {
  Request request = request_of(session);
  request.add("seed", seed);
  const auto make = [&session, seed](std::size_t first, std::size_t size) {
    return draw_samples(session, seed, first, size);
  };
  return {"samples", file, std::move(request), count, session.config().checkpoint_seconds, make};
}

SamplesTask task_of_configurations(Session& session, const std::filesystem::path& file,
                                   ConfigurationsView<const double> x) {
  Request request = request_of(session);
  request.add("configurations", fmt::format("{:016x}", content_hash(x.values())));
  const auto make = [&session, x](std::size_t first, std::size_t size) {
    return weigh_configurations(session, x.slice(first, size));
  };
  return {"densities of test data",
          file,
          std::move(request),
          x.count(),
          session.config().checkpoint_seconds,
          make};
}

}  // namespace equibolt
