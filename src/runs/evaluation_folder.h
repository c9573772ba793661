#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "runs/evaluation.h"
#include "runs/output_lock.h"
#include "runs/reporter.h"
#include "runs/samples_file.h"
#include "runs/session.h"

namespace equibolt {

/// The folder with what an evaluation of a run or a model is made from, locked as long as this lives.
///
/// `output` is kept. Without one, a run keeps the folder until the evaluation is done, so that the same
/// command resumes, under a name of its own for each request; a model, or a run that cannot be written, has a
/// temporary folder.
class EvaluationFolder {
 public:
  /// Throws UsageError where `output` holds anything else, or another process works there.
  EvaluationFolder(const std::string& source, const std::filesystem::path& output, Session& session,
                   const Configurations<double>& test, Reporter& reporter);
  ~EvaluationFolder();
  EvaluationFolder(const EvaluationFolder&) = delete;
  EvaluationFolder& operator=(const EvaluationFolder&) = delete;

  /// Where the files of the evaluation lie.
  EvaluationFiles files() const;

  /// Leaves evaluation.json in a folder that is kept.
  void finish(const Evaluation& evaluation);

 private:
  enum class Kind { kept, of_run, temporary };

  std::filesystem::path folder_;
  Kind kind_;
  bool done_ = false;
  std::optional<OutputLock> lock_;
};

/// Where EvaluationFolder would be; nothing for a temporary one. Writes nothing.
std::optional<std::filesystem::path> evaluation_folder(const std::string& source,
                                                       const std::filesystem::path& output, Session& session,
                                                       const Configurations<double>& test);

}  // namespace equibolt
