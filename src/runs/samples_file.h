#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "runs/plan.h"
#include "runs/reporter.h"
#include "runs/request.h"
#include "runs/sampling.h"

namespace equibolt {

/// A samples file that is made in parts, so that memory stays flat and a stop loses little.
struct SamplesTask {
  std::string label;  ///< for the progress
  std::filesystem::path file;
  Request request;  ///< what the samples depend on; kept in the file
  std::size_t count = 0;
  double checkpoint_seconds = 120;  ///< between parts
  /// Draws or weighs samples first, …, first + size − 1; they must not depend on how they are grouped.
  std::function<WeightedSamples(std::size_t first, std::size_t size)> make;
};

/// What make_samples_file would do, and how many samples are there. Throws as it does.
struct SamplesPlan {
  StageState state;  ///< done, resume or to_do
  std::size_t done;
};
SamplesPlan plan_samples_file(const SamplesTask& task);

/// Makes the file, or goes on from the parts that lie in the folder <file>.parts, or from a shorter file of
/// the same request; returns whether there was anything to do. Throws UsageError where the file or the parts
/// are of another request, or another process makes them, Stopped when `stop` says so, and IoError.
bool make_samples_file(const SamplesTask& task, const std::function<bool()>& stop, Reporter& reporter);

/// The task of drawing `count` samples of `seed` from the flow.
SamplesTask task_of_flow(Session& session, const std::filesystem::path& file, std::uint64_t seed,
                         std::size_t count);

/// The task of weighing given configurations (n, N, D), which must outlive it.
SamplesTask task_of_configurations(Session& session, const std::filesystem::path& file,
                                   ConfigurationsView<const double> x);

}  // namespace equibolt
