#include "runs/run.h"

#include <filesystem>
#include <map>
#include <string>

#include "config/config_table.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "runs/history.h"
#include "runs/samples_file.h"
#include "runs/target_data.h"
#include "runs/training.h"

namespace equibolt {
namespace {

/// What a changed key means for results that are there already.
enum class Change { refused, train_on, finetune_on, evaluate_again, harmless };

/// How far a run has come.
struct Begun {
  bool simulation, training, finetuning;
  bool from_network;  ///< without flow matching of its own

  explicit Begun(const RunFolder& folder)
      : simulation(std::filesystem::exists(folder.simulation()) ||
                   std::filesystem::exists(folder.simulation_states())),
        training(std::filesystem::exists(folder.checkpoints()) ||
                 std::filesystem::exists(folder.flow_matched())),
        finetuning(std::filesystem::exists(folder.finetune_checkpoints())),
        from_network(training && !std::filesystem::exists(folder.checkpoints())) {}
};

Change effect_of(const std::string& key, const Begun& begun) {
  if (key == "threads" || key == "device" || key == "checkpoint_seconds" || key == "train.log_every" ||
      key == "train.checkpoint_every" || key == "train.producers" || key == "finetune.log_every" ||
      key == "finetune.checkpoint_every" || key.starts_with("relax.") || key.starts_with("umbrella.")) {
    return Change::harmless;
  }
  for (const char* part :
       {"steps", "minutes", "learning_rate", "schedule", "warmup", "clip", "weight_decay", "ema"}) {
    if (key.starts_with(std::string("train.") + part))
      return begun.from_network ? Change::refused : Change::train_on;
    if (key.starts_with(std::string("finetune.") + part)) return Change::finetune_on;
  }
  if (key.starts_with("finetune.")) return begun.finetuning ? Change::refused : Change::harmless;
  if (key.starts_with("train.") || key.starts_with("network."))
    return begun.training ? Change::refused : Change::harmless;
  if (key.starts_with("flow.") || key.starts_with("evaluate.")) return Change::evaluate_again;
  return Change::refused;
}

std::map<std::string, std::string> values_of(RunConfig config) {
  std::map<std::string, std::string> values;
  for (const ConfigKey& key : config_table(config)) values[key.name] = key.text();
  return values;
}

void remove_evaluation(const RunFolder& folder) {
  std::filesystem::remove(folder.evaluation());
  remove_samples_file(folder.samples());
  remove_samples_file(folder.test_densities());
}

/// Puts the config into the folder. Where another one is there, refuses changes that would mix results of two
/// configs, and removes results that the others make stale.
void settle_config(const RunConfig& config, const RunFolder& folder, Reporter& reporter) {
  const Begun begun(folder);
  if ((begun.simulation || begun.training) && std::filesystem::exists(folder.config())) {
    const RunConfig old_config = parse_config(read_text_file(folder.config()), folder.config().string());
    const auto before = values_of(old_config), now = values_of(config);
    std::string refused;
    bool train_again = false, finetune_again = false, evaluate_again = false;
    for (const auto& [key, value] : now) {
      const auto old = before.find(key);
      const std::string old_value = old == before.end() ? "(absent)" : old->second;
      if (old_value == value) continue;
      const Change change = effect_of(key, begun);
      train_again |= change == Change::train_on;
      finetune_again |= change == Change::finetune_on;
      evaluate_again |= change == Change::evaluate_again;
      if (change == Change::refused)
        refused += fmt::format("\n  {}: {} there, {} now", key, old_value, value);
      if (change != Change::refused) reporter.say("{}: {} before, {} now", key, old_value, value);
    }
    if (!refused.empty()) {
      throw UsageError(
          "{} holds a run with another config:{}\nGive another folder with -o, or the same config.",
          folder.path.string(), refused);
    }
    if (train_again) {  // which fine-tuning begins from
      std::filesystem::remove(folder.flow_matched());
      std::filesystem::remove_all(folder.finetune_checkpoints());
      std::filesystem::remove(folder.finetune_metrics());
    }
    if (train_again || finetune_again) std::filesystem::remove(folder.model());
    if (train_again || finetune_again || evaluate_again) remove_evaluation(folder);
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
  if (!std::filesystem::exists(folder.evaluation())) note_call(folder, config.threads);
  const TargetData data = obtain_data(config, folder, stop, reporter);
  if (!std::filesystem::exists(folder.model())) {
    remove_evaluation(folder);  // of another training
    train_run(config, folder, data, stop, reporter);
  }
  if (!std::filesystem::exists(folder.evaluation())) {
    Session session(config, read_model(folder.model()));
    const auto test = converted<double>(data.test.view());
    const EvaluationFiles files{folder.samples(), folder.test_densities()};
    write_json(folder.evaluation(), evaluate_in_files(session, test, files, stop, reporter));
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
  if (!std::filesystem::exists(folder.simulation())) note_call(folder, config.threads);
  obtain_data(config, folder, stop, reporter);
}

}  // namespace equibolt
