#include "runs/run.h"

#include <filesystem>
#include <optional>

#include "equibolt/error.h"
#include "runs/history.h"
#include "runs/output_lock.h"
#include "runs/samples_file.h"
#include "runs/target_data.h"
#include "runs/training.h"

namespace equibolt {
namespace {

/// A run's folder from the moment on that a plan for it is carried out.
class BegunRun {
 public:
  BegunRun(const RunConfig& config, const RunFolder& folder, const Permissions& permissions, Stage last)
      : lock_(locked(folder)) {
    // Another process may have worked here since the first look.
    const RunPlan plan = plan_run(config, folder, permissions, last);
    require_accepted(plan);
    remove_partial_files(folder);
    begin(plan);
    clock_.emplace(plan);
    const std::string gpu = last == Stage::simulation ? "" : gpu_of(config);
    if (plan.anything_to_do()) note_call(folder, config.threads, gpu);
  }

  const StageClock& clock() const { return *clock_; }

 private:
  static OutputLock locked(const RunFolder& folder) {
    create_folder(folder.path);
    return OutputLock::of_folder(folder.path);
  }

  OutputLock lock_;
  std::optional<StageClock> clock_;
};

/// Removes what is left over in a run in which there is nothing to do.
void tidy(const RunPlan& done, const RunConfig& config, const Permissions& permissions, Stage last,
          Reporter& reporter) {
  if (done.left_over.empty()) return;
  try {
    const OutputLock lock = OutputLock::of_folder(done.folder.path);
    // Another process may have worked here since the first look.
    remove_left_over(plan_run(config, done.folder, permissions, last));
  } catch (const Error& error) {
    reporter.warn(fmt::format("what is no longer needed stays: {}", error.what()));
  }
}

RunPlan accepted_plan(const RunConfig& config, const RunFolder& folder, const Permissions& permissions,
                      Stage last, Reporter& reporter) {
  RunPlan plan = plan_run(config, folder, permissions, last);
  require_accepted(plan);
  for (const std::string& warning : plan.warnings) reporter.warn(warning);
  for (const std::string& note : plan.notes) reporter.say("{}", note);
  for (const auto& path : plan.moved) reporter.say("{} is moved to previous/", path.string());
  return plan;
}

}  // namespace

Evaluation run(const RunConfig& config, const RunFolder& folder, const Permissions& permissions,
               const std::function<bool()>& stop, Reporter& reporter) {
  const RunPlan plan = accepted_plan(config, folder, permissions, Stage::evaluation, reporter);
  if (!plan.anything_to_do() && plan.config.empty()) {
    tidy(plan, config, permissions, Stage::evaluation, reporter);
    return read_json(folder.evaluation());
  }
  const BegunRun begun(config, folder, permissions, Stage::evaluation);
  if (!std::filesystem::exists(folder.evaluation())) {
    const TargetData data = obtain_data(config, folder, begun.clock(), stop, reporter);
    if (!std::filesystem::exists(folder.model()))
      train_run(config, folder, data, begun.clock(), stop, reporter);
    begun.clock().time(Stage::evaluation, [&] {
      Session session(config, read_model(folder.model()));
      const auto test = converted<double>(data.test.view());
      const EvaluationFiles files{folder.samples(), folder.test_densities()};
      const HeldOutCheck held_out = check_held_out(folder.path.string(), session, test);
      write_json(folder.evaluation(), evaluate_in_files(session, test, held_out, files, stop, reporter));
    });
  }
  return read_json(folder.evaluation());
}

void simulate_run(const RunConfig& config, const RunFolder& folder, const Permissions& permissions,
                  const std::function<bool()>& stop, Reporter& reporter) {
  if (!config.data.train.empty()) throw UsageError("data.train is set: there is nothing to simulate");
  const RunPlan plan = accepted_plan(config, folder, permissions, Stage::simulation, reporter);
  if (!plan.anything_to_do()) {
    tidy(plan, config, permissions, Stage::simulation, reporter);
    return;
  }
  const BegunRun begun(config, folder, permissions, Stage::simulation);
  obtain_data(config, folder, begun.clock(), stop, reporter);
}

}  // namespace equibolt
