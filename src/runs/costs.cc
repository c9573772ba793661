#include "runs/costs.h"

#include <algorithm>
#include <filesystem>
#include <map>

#include "runs/history.h"
#include "runs/simulated_system.h"
#include "runs/training_stage.h"

namespace equibolt {
namespace {

template <typename Json>
std::uint64_t count(const Json& json, const char* key) {
  const auto found = json.find(key);
  return found != json.end() && found->is_number() ? found->template get<std::uint64_t>() : 0;
}

std::uint64_t of_simulation(const RunConfig& config, const RunFolder& folder) {
  if (!std::filesystem::exists(folder.simulation())) return 0;
  const auto simulation = read_json(folder.simulation());
  // Those of a surrogate, which the ladder is of then, cost next to nothing.
  if (const auto surrogate = simulation.find("surrogate"); surrogate != simulation.end())
    return count(*surrogate, "evaluations");
  return gradient_evaluations(config.simulate, count(simulation, "iterations"));
}

/// Each batch has its forces computed; each validation is a line of the metrics, and the end has two more.
std::uint64_t of_finetuning(const RunConfig& config, const std::vector<nlohmann::json>& metrics, bool done) {
  if (metrics.empty()) return 0;
  const std::uint64_t steps = count(metrics.back(), "step");
  const auto is_validated = [](const nlohmann::json& line) {
    const auto loss = line.find("validation_loss");
    return loss != line.end() && loss->is_number();
  };
  auto validations = static_cast<std::uint64_t>(std::ranges::count_if(metrics, is_validated));
  if (done && validations > 0) validations += 2;
  return config.finetune.batch * (steps + validations * config.path_gradient.validation_batches);
}

/// One energy for each sample and each density.
std::uint64_t of_evaluation(const RunFolder& folder) {
  if (!std::filesystem::exists(folder.evaluation())) return 0;
  const auto evaluation = read_json(folder.evaluation());
  return count(evaluation, "n_samples") + count(evaluation, "n_test");
}

}  // namespace

std::vector<StageCost> costs_of(const RunConfig& config, const RunFolder& folder) {
  const auto there = [](const std::filesystem::path& path) { return std::filesystem::exists(path); };
  const auto metrics = read_metrics(folder.metrics()), finetuning = read_metrics(folder.finetune_metrics());
  std::map<Stage, double> seconds = stage_seconds(folder);
  // Trainings of earlier versions have their times in their metrics alone.
  const auto from_metrics = [&](Stage stage, const std::vector<nlohmann::json>& lines) {
    if (lines.empty() || seconds.contains(stage)) return;
    const auto found = lines.back().find("seconds");
    if (found != lines.back().end() && found->is_number()) seconds[stage] = found->get<double>();
  };
  from_metrics(Stage::training, metrics);
  from_metrics(Stage::finetuning, finetuning);

  std::vector<StageCost> costs;
  for (const Stage stage : kStages) {
    StageCost cost{stage, std::nullopt};
    if (const auto found = seconds.find(stage); found != seconds.end()) cost.seconds = found->second;
    if (stage == Stage::simulation) cost.energies = cost.gradients = of_simulation(config, folder);
    if (stage == Stage::finetuning)
      cost.energies = cost.gradients = of_finetuning(config, finetuning, there(folder.model()));
    if (stage == Stage::evaluation) cost.energies = of_evaluation(folder);
    if (cost.seconds || cost.energies > 0) costs.push_back(cost);
  }
  return costs;
}

}  // namespace equibolt
