#include "workflow/run.h"

#include <filesystem>
#include <map>
#include <string>

#include "core/error.h"
#include "io/atomic_file.h"
#include "workflow/config_table.h"
#include "workflow/samples_file.h"
#include "workflow/sampling.h"
#include "workflow/target_data.h"
#include "workflow/training.h"

namespace equibolt {
namespace {

/// What a changed key means for results that are there already.
enum class Change { refused, train_on, evaluate_again, harmless };

Change effect_of(const std::string& key) {
  if (key == "threads" || key == "checkpoint_seconds" || key == "train.log_every" ||
      key == "train.checkpoint_every" || key == "train.producers") {
    return Change::harmless;
  }
  for (const char* part : {"train.steps", "train.minutes", "train.learning_rate", "train.schedule",
                           "train.warmup", "train.clip", "train.weight_decay", "train.ema"}) {
    if (key.starts_with(part)) return Change::train_on;
  }
  if (key.starts_with("flow.") || key.starts_with("evaluate.")) return Change::evaluate_again;
  return Change::refused;
}

std::map<std::string, std::string> values_of(RunConfig config) {
  std::map<std::string, std::string> values;
  for (const ConfigKey& key : config_table(config)) values[key.name] = key.text();
  return values;
}

/// Puts the config into the folder. Where another one is there, refuses changes that would mix results of two
/// configs, and removes results that the others make stale.
void settle_config(const RunConfig& config, const RunFolder& folder, Reporter& reporter) {
  const bool has_results = std::filesystem::exists(folder.simulation()) ||
                           std::filesystem::exists(folder.simulation_states()) ||
                           std::filesystem::exists(folder.checkpoints());
  if (has_results && std::filesystem::exists(folder.config())) {
    const RunConfig old_config = parse_config(read_text_file(folder.config()), folder.config().string());
    const auto before = values_of(old_config), now = values_of(config);
    std::string refused;
    bool train_again = false, evaluate_again = false;
    for (const auto& [key, value] : now) {
      const auto old = before.find(key);
      const std::string old_value = old == before.end() ? "(absent)" : old->second;
      if (old_value == value) continue;
      const Change change = effect_of(key);
      train_again |= change == Change::train_on;
      evaluate_again |= change == Change::evaluate_again || change == Change::train_on;
      if (change == Change::refused)
        refused += fmt::format("\n  {}: {} there, {} now", key, old_value, value);
      if (change != Change::refused) reporter.say("{}: {} before, {} now", key, old_value, value);
    }
    if (!refused.empty()) {
      throw UsageError(
          "{} holds a run with another config:{}\nGive another folder with -o, or the same config.",
          folder.path.string(), refused);
    }
    if (train_again) std::filesystem::remove(folder.model());
    if (evaluate_again) std::filesystem::remove(folder.evaluation());
  }
  write_file(folder.config(), config_text(config, true));
}

}  // namespace

Evaluation run(const RunConfig& config, const RunFolder& folder, const std::function<bool()>& stop,
               Reporter& reporter) {
  create_folder(folder.path);
  const RunLock lock(folder);
  remove_partial_files(folder.path);
  settle_config(config, folder, reporter);
  const TargetData data = obtain_data(config, folder, stop, reporter);
  if (!std::filesystem::exists(folder.model())) train_run(config, folder, data, stop, reporter);
  Session session(config, read_model(folder.model()));
  if (!std::filesystem::exists(folder.evaluation())) {
    const ProgressCallback progress = [&](double fraction) {
      if (stop()) throw Stopped("stopped in the evaluation; the same command begins it again");
      reporter.progress(fraction);
    };
    reporter.start_progress("sampling");
    const WeightedSamples samples = draw_samples(session, config.seed, 0, config.evaluate.samples, progress);
    write_samples(folder.samples(), samples,
                  task_of_flow(session, folder.samples(), config.seed, config.evaluate.samples).about);
    reporter.start_progress("densities of test data");
    const auto test = converted<double>(data.test.view());
    Evaluation evaluation = evaluate(session, samples, test, progress);
    reporter.end_progress();
    write_json(folder.evaluation(), evaluation);
    return evaluation;
  }
  return read_json(folder.evaluation());
}

void simulate_run(const RunConfig& config, const RunFolder& folder, const std::function<bool()>& stop,
                  Reporter& reporter) {
  create_folder(folder.path);
  const RunLock lock(folder);
  remove_partial_files(folder.path);
  if (!config.data.train.empty()) throw UsageError("data.train is set: there is nothing to simulate");
  settle_config(config, folder, reporter);
  obtain_data(config, folder, stop, reporter);
}

}  // namespace equibolt
