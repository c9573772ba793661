#include "runs/samples_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <vector>

#include "config/config_table.h"
#include "core/hash.h"
#include "core/stopwatch.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/npz_stream.h"
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

/// The parts of a samples file: npz files of the same format, each with the index of its first sample.
class Parts {
 public:
  explicit Parts(const SamplesTask& task) : task_(task), folder_(parts_folder(task.file)) {
    const auto above = std::filesystem::absolute(folder_).parent_path();
    if (!std::filesystem::is_directory(above)) throw IoError("{}: there is no such folder", above.string());
    create_folder(folder_);
    lock_ = std::make_unique<RunLock>(RunFolder{folder_});
    remove_partial_files(folder_);
    while (std::filesystem::exists(part(done_))) {
      const std::string about = read_npz_array(part(done_), "about").as_text();
      if (about != task.about) {
        throw UsageError(
            "{}: holds samples of another request:\n  {} there,\n  {} now\nRemove it, or give another output",
            folder_.string(), about, task.about);
      }
      firsts_.push_back(done_);
      done_ += read_npz_array(part(done_), "status").size();
    }
  }

  std::size_t done() const { return done_; }

  void add(const WeightedSamples& samples) {
    write_samples(part(done_), samples, task_.about);
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
    std::filesystem::remove_all(folder_);
  }

 private:
  std::filesystem::path part(std::size_t first) const { return folder_ / fmt::format("{:012}.npz", first); }

  const SamplesTask& task_;
  std::filesystem::path folder_;
  std::unique_ptr<RunLock> lock_;
  std::vector<std::size_t> firsts_;
  std::size_t done_ = 0;
};

/// Whether the file is there; throws UsageError where it is another one.
bool is_complete(const SamplesTask& task) {
  const auto status = std::filesystem::status(task.file);
  if (!std::filesystem::exists(status)) return false;
  if (!std::filesystem::is_regular_file(status)) {
    throw IoError("{}: cannot write: not a regular file", task.file.string());
  }
  const std::string about = read_npz_array(task.file, "about").as_text();
  const std::size_t count = read_npz_array(task.file, "status").size();
  if (about == task.about && count == task.count) return true;
  throw UsageError(
      "{}: exists, with {} samples of {}; now asked for are {} of {}. Remove it, or give another output",
      task.file.string(), count, about, task.count, task.about);
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
nlohmann::ordered_json about_model(const Session& session) {
  nlohmann::ordered_json about{
      {"model", fmt::format("{:016x}", content_hash(std::span<const float>(session.model().parameters)))}};
  RunConfig config = session.config();
  for (const ConfigKey& key : config_table(config)) {
    if (key.name.starts_with("flow.") || key.name.starts_with("system.")) about[key.name] = key.text();
  }
  return about;
}

}  // namespace

bool make_samples_file(const SamplesTask& task, const std::function<bool()>& stop, Reporter& reporter) {
  if (is_complete(task)) return false;
  Parts parts(task);
  if (parts.done() > task.count) {
    throw UsageError(
        "{}.parts: holds {} samples already, {} are asked for; remove it, or give another output",
        task.file.string(), parts.done(), task.count);
  }
  reporter.start_progress(task.label);
  WeightedSamples pending;
  Stopwatch since_part;
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
    const bool last = made == task.count, stopping = stop && stop();
    if (last || stopping || pending.x.size() * sizeof(double) >= kPartBytes ||
        since_part.seconds() > task.checkpoint_seconds) {
      parts.add(pending);
      pending = {};
      since_part = Stopwatch();
    }
    if (stopping && !last) {
      throw Stopped("{}: stopped after {} of {}; the same command goes on from there", task.label, made,
                    task.count);
    }
    reporter.progress(static_cast<double>(made) / static_cast<double>(task.count), throughput.text());
  }
  parts.join();
  reporter.say("{}: {}, {}", task.label, task.count, throughput.text());
  return true;
}

SamplesTask task_of_flow(Session& session, const std::filesystem::path& file, std::uint64_t seed,
                         std::size_t count) {
  nlohmann::ordered_json about = about_model(session);
  about["seed"] = seed;
  const auto make = [&session, seed](std::size_t first, std::size_t size) {
    return draw_samples(session, seed, first, size);
  };
  return {"samples", file, about.dump(), count, session.config().checkpoint_seconds, make};
}

SamplesTask task_of_configurations(Session& session, const std::filesystem::path& file,
                                   ConfigurationsView<const double> x) {
  nlohmann::ordered_json about = about_model(session);
  about["configurations"] = fmt::format("{:016x}", content_hash(x.values()));
  const auto make = [&session, x](std::size_t first, std::size_t size) {
    return weigh_configurations(session, x.slice(first, size));
  };
  return {"densities of test data", file, about.dump(), x.count(), session.config().checkpoint_seconds, make};
}

void remove_samples_file(const std::filesystem::path& file) {
  std::filesystem::remove(file);
  std::filesystem::remove_all(parts_folder(file));
}

}  // namespace equibolt
