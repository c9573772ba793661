#include "runs/evaluation_folder.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "core/hash.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "runs/run_folder.h"

namespace equibolt {
namespace {

namespace fs = std::filesystem;

fs::path temporary_folder() {
  std::string name = (fs::temp_directory_path() / "equibolt-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw IoError("{}: cannot be made: {}", name, std::strerror(errno));
  return name;
}

/// Throws UsageError where the folder holds what is no evaluation's.
void require_evaluation(const fs::path& folder) {
  if (!fs::exists(folder)) return;
  if (!fs::is_directory(folder)) throw UsageError("{}: is not a folder", folder.string());
  constexpr std::array own{
      "samples.npz", "samples.npz.parts", "test_densities.npz", "test_densities.npz.parts", "evaluation.json",
      "lock",        "lock.owner"};
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (std::ranges::count(own, name) > 0 || name.starts_with(".") || is_partial_file(name)) continue;
    throw UsageError("{}: holds {} and is no folder of an evaluation: nothing was written. Give a new folder",
                     folder.string(), name);
  }
}

}  // namespace

std::optional<fs::path> evaluation_folder(const std::string& source, const fs::path& output, Session& session,
                                          const Configurations<double>& test) {
  if (!output.empty()) {
    require_evaluation(output);
    return output;
  }
  if (!fs::is_directory(source)) return {};
  const SamplesTask task = task_of_flow(session, {}, session.config().seed, 0);
  const std::string request =
      fmt::format("{} {}", task.request.text(), session.config().evaluate.test_samples);
  const std::uint64_t hash =
      content_hash(std::span<const char>(request), content_hash(std::span<const double>(test.values())));
  return fs::path(source) / "evaluations" / fmt::format("{:016x}", hash);
}

EvaluationFolder::EvaluationFolder(const std::string& source, const fs::path& output, Session& session,
                                   const Configurations<double>& test, Reporter& reporter) {
  const auto folder = evaluation_folder(source, output, session, test);
  kind_ = !output.empty() ? Kind::kept : folder ? Kind::of_run : Kind::temporary;
  if (kind_ == Kind::temporary) {
    reporter.say("a model's evaluation resumes only with --output");
    folder_ = temporary_folder();
    return;
  }
  try {
    create_folder(*folder);
  } catch (const IoError& error) {
    if (kind_ == Kind::kept) throw;
    reporter.warn(
        fmt::format("{}; the evaluation is made in a temporary folder and cannot resume", error.what()));
    kind_ = Kind::temporary;
    folder_ = temporary_folder();
    return;
  }
  folder_ = *folder;
  lock_.emplace(OutputLock::of_folder(folder_));
}

EvaluationFolder::~EvaluationFolder() {
  std::error_code ignored;
  if (kind_ == Kind::temporary || (kind_ == Kind::of_run && done_)) fs::remove_all(folder_, ignored);
  if (kind_ == Kind::of_run) fs::remove(folder_.parent_path(), ignored);  // if it is empty
}

EvaluationFiles EvaluationFolder::files() const {
  return {folder_ / "samples.npz", folder_ / "test_densities.npz"};
}

void EvaluationFolder::finish(const Evaluation& evaluation) {
  done_ = true;
  if (kind_ == Kind::kept) write_json(folder_ / "evaluation.json", evaluation);
}

}  // namespace equibolt
