#include "report/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string_view>

#include "analyze/estimate.h"
#include "config/config_table.h"
#include "equibolt/error.h"
#include "report/published.h"
#include "runs/costs.h"
#include "runs/energy_inputs.h"
#include "runs/json_numbers.h"
#include "runs/run_folder.h"
#include "runs/run_record.h"

namespace equibolt {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array quantities{
    ComparedQuantity{"kl", "/kl", "KL(μ‖p)"},
    ComparedQuantity{"nll", "/nll", "NLL"},
    ComparedQuantity{"ess", "/ess", "ESS, %", 100},
    ComparedQuantity{"ess_forward", "/ess_forward", "forward ESS, %", 100},
    ComparedQuantity{"ess_trimmed", "/metrics/ess_trimmed", "trimmed ESS, %", 100},
    ComparedQuantity{"pareto_k", "/pareto_k", "k̂"},
    ComparedQuantity{"log_z", "/log_z", "ln(Z/Z_prior)"},
    ComparedQuantity{"log_z_bar", "/log_z_bar", "ln(Z/Z_prior), BAR"},
    ComparedQuantity{"energy_mean", "/energy_mean_reweighted", "⟨U⟩, kT"},
    ComparedQuantity{"free_energy_bar", "/free_energy_bar", "ΔF of the state, kT"},
    ComparedQuantity{"energy_w2", "/metrics/energy_w2/samples", "energy W2, kT"},
    ComparedQuantity{"energy_w2_reweighted", "/metrics/energy_w2/reweighted", "energy W2, reweighted"},
    ComparedQuantity{"geometric_w2", "/metrics/geometric_w2/samples", "geometric W2"},
    ComparedQuantity{"torus_w2", "/metrics/torus_w2/samples", "torus W2"},
    ComparedQuantity{"path_length", "/path_length", "path length"},
    ComparedQuantity{"evaluations", "/evaluations", "evaluations per sample"},
    ComparedQuantity{"minutes", nullptr, "minutes in all", 1.0 / 60},
    ComparedQuantity{"energies", nullptr, "energies"},
};

/// A run as far as it has got.
struct Compared {
  std::string path;
  RunConfig config;
  std::map<std::string, std::string> settings;  ///< every key of the config, as TOML
  Json evaluation;                              ///< null where there is none yet
  std::vector<StageCost> costs;
};

/// Whether two runs that differ in this key are the same experiment, done twice.
bool is_repetition(const std::string& key) {
  return key == "seed" || key == "threads" || key == "device" || key == "checkpoint_seconds" ||
         key.ends_with(".checkpoint_every");
}

std::map<std::string, std::string> settings_of(RunConfig config) {
  std::map<std::string, std::string> settings;
  for (const ConfigKey& key : config_table(config)) settings[key.name] = key.text();
  return settings;
}

/// Calls `work`, and says of which run JSON is that is not as it should be.
template <typename Work>
auto naming_damage(const std::string& path, const Work& work) {
  try {
    return work();
  } catch (const nlohmann::json::exception& error) {
    throw DataError("{}: evaluation.json, or another file of the run, is damaged: {}", path, error.what());
  }
}

Compared read_run(const std::string& path) {
  const RunFolder folder{path};
  if (!std::filesystem::exists(path)) throw IoError("{}: there is no such folder", path);
  if (kind_of(path) != FolderKind::run)
    throw UsageError("{}: is not the folder of a run; compare takes those that equibolt run has made", path);
  Compared run{path, config_of_run(folder), {}, nullptr, {}};
  run.settings = settings_of(run.config);
  if (std::filesystem::exists(folder.evaluation())) {
    run.evaluation = read_json(folder.evaluation());
    if (!run.evaluation.is_object())
      throw DataError("{}: expected an object, as evaluations are", folder.evaluation().string());
  }
  run.costs = naming_damage(path, [&] { return costs_of(run.config, folder); });
  return run;
}

std::string experiment_of(const Compared& run) {
  std::string text;
  for (const auto& [key, value] : run.settings) {
    if (!is_repetition(key)) text += key + " = " + value + '\n';
  }
  return text;
}

std::string system_of(const Compared& run) {
  std::string text;
  for (const auto& [key, value] : run.settings) {
    if (key.starts_with("system.") && !is_observation(key)) text += key + " = " + value + '\n';
  }
  return text;
}

/// The costs that stages know, added up; nothing where none does.
std::optional<double> cost_of(const Compared& run, std::string_view name) {
  std::optional<double> sum;
  for (const StageCost& cost : run.costs) {
    if (name == "minutes" && cost.seconds) sum = sum.value_or(0) + *cost.seconds;
    if (name == "energies") sum = sum.value_or(0) + static_cast<double>(cost.energies);
  }
  return sum;
}

/// The value of a run; its error is infinite where it has no error bar, and 0 where it is not of a kind that
/// has one.
std::optional<Estimate> value_of(const Compared& run, const ComparedQuantity& quantity) {
  if (quantity.where == nullptr) {
    const auto cost = cost_of(run, quantity.name);
    return cost ? std::optional(Estimate{*cost, 0}) : std::nullopt;
  }
  const auto number = [&](const std::string& where) {
    const Json::json_pointer pointer(where);
    return run.evaluation.contains(pointer) && run.evaluation[pointer].is_number()
               ? run.evaluation[pointer].get<double>()
               : NAN;
  };
  const std::string where_error = std::string(quantity.where) + "_error";
  const double value = number(quantity.where), error = number(where_error);
  if (!std::isfinite(value)) return std::nullopt;
  if (!run.evaluation.contains(Json::json_pointer(where_error))) return Estimate{value, 0};
  return Estimate{value, std::isfinite(error) ? error : INFINITY};
}

/// One run's value and its own error, or the mean of several with their standard deviation. Runs that are
/// still under way count only where none is done.
Json value_json(const std::vector<Compared>& runs, const ComparedQuantity& quantity) {
  std::vector<double> values;
  double error = INFINITY;
  std::size_t without_error = 0;
  const auto is_done = [](const Compared& run) { return !run.evaluation.is_null(); };
  const bool any_done = std::ranges::any_of(runs, is_done);
  for (const Compared& run : runs) {
    if (any_done && !is_done(run)) continue;
    const auto value = value_of(run, quantity);
    if (!value) continue;
    values.push_back(value->value);
    error = value->error;
    if (!std::isfinite(error)) ++without_error;
  }
  if (values.empty()) return nullptr;
  Json json{{"value", average(values)}};
  if (values.size() == 1) {
    if (error != 0) json["error"] = number_json(error);
  } else {
    json["deviation"] = standard_deviation(values);
    if (without_error > 0) json["without_error_bar"] = without_error;
  }
  json["runs"] = values.size();
  return json;
}

/// "runs/a, b" of several runs in one folder.
std::string label_of(const std::vector<Compared>& runs) {
  std::string label = runs[0].path;
  for (std::size_t k = 1; k < runs.size(); ++k) {
    const std::filesystem::path path = runs[k].path;
    const bool beside = path.parent_path() == std::filesystem::path(runs[0].path).parent_path();
    label += ", " + (beside ? path.filename() : path).string();
  }
  return label;
}

/// The keys in which groups differ, besides those that are repetitions.
std::vector<std::string> differing_keys(const std::vector<std::vector<Compared>>& groups) {
  std::vector<std::string> keys;
  RunConfig config = groups[0][0].config;
  for (const ConfigKey& key : config_table(config)) {
    const auto same = [&](const std::vector<Compared>& group) {
      const auto found = group[0].settings.find(key.name);
      return found != group[0].settings.end() && found->second == groups[0][0].settings.at(key.name);
    };
    if (!is_repetition(key.name) && !std::ranges::all_of(groups, same)) keys.push_back(key.name);
  }
  return keys;
}

Json group_json(const std::vector<Compared>& runs, const std::vector<std::string>& keys) {
  Json json{{"label", label_of(runs)}, {"runs", Json::array()}, {"settings", Json::object()}};
  for (const Compared& run : runs) {
    Json entry{{"path", run.path}, {"seed", run.config.seed}, {"evaluated", !run.evaluation.is_null()}};
    if (!run.evaluation.is_null()) {
      entry["n_samples"] = run.evaluation.value("n_samples", Json());
      entry["verdict"] = run.evaluation.value("verdict", std::string());
      entry["trusted"] = run.evaluation.value("weights_trusted", Json());
      entry["warnings"] = run.evaluation.value("warnings", std::vector<std::string>());
    }
    Json costs = Json::array();
    for (const StageCost& cost : run.costs) {
      costs.push_back({{"stage", name_of(cost.stage)},
                       {"seconds", number_json(cost.seconds)},
                       {"energies", cost.energies},
                       {"gradients", cost.gradients}});
    }
    entry["costs"] = costs;
    json["runs"].push_back(entry);
  }
  for (const std::string& key : keys) {
    const auto found = runs[0].settings.find(key);
    json["settings"][key] = found == runs[0].settings.end() ? Json() : Json(found->second);
  }
  for (const ComparedQuantity& quantity : quantities)
    json["values"][quantity.name] = value_json(runs, quantity);
  return json;
}

/// {"value": …, "error": …}, null where none is given.
Json estimate_json(const Estimate& estimate) {
  return {{"value", estimate.value}, {"error", number_json(estimate.error)}};
}

Json published_of(const KnownSystem& known) {
  Json published = Json::array();
  for (const PublishedResult& result : known.published) {
    Json json{{"model", result.model},
              {"source", result.source},
              {"evidence", result.evidence},
              {"remark", result.remark},
              {"values", Json::object()}};
    for (const auto& [name, value] : result.values) json["values"][name] = estimate_json(value);
    published.push_back(json);
  }
  return published;
}

/// What is compared of the groups of one system.
Json system_json(const std::vector<std::vector<Compared>>& groups) {
  const RunConfig& config = groups[0][0].config;
  const auto known = known_system(config);
  Json json{{"system", system_kinds()[config.system.kind.index()].first},
            {"preset", known ? Json(known->preset) : Json()},
            {"particles", config.system.particles},
            {"dim", config.system.dim},
            {"groups", Json::array()},
            {"known", Json::object()},
            {"published", Json::array()}};
  const std::vector<std::string> keys = differing_keys(groups);
  for (const auto& runs : groups)
    json["groups"].push_back(naming_damage(runs[0].path, [&] { return group_json(runs, keys); }));
  if (!known) return json;
  for (const auto& [name, value] : known->values) {
    json["known"][name] = estimate_json(value.estimate);
    json["known"][name].update({{"by", value.by}, {"how", value.how}});
  }
  json["published"] = published_of(*known);
  return json;
}

}  // namespace

std::span<const ComparedQuantity> compared_quantities() {
  return quantities;
}

Json comparison_request(const std::vector<std::string>& paths) {
  return {{"runs", paths}};
}

Json compare_runs(const std::vector<std::string>& paths) {
  std::vector<std::pair<std::string, std::vector<std::vector<Compared>>>> systems;  // in the order given
  std::set<std::filesystem::path> seen;
  for (const std::string& path : paths) {
    Compared run = read_run(path);
    if (!seen.insert(std::filesystem::canonical(path)).second)
      throw UsageError("compare: {} is named twice", path);
    const std::string system = system_of(run), experiment = experiment_of(run);
    auto found = std::ranges::find(systems, system, &decltype(systems)::value_type::first);
    if (found == systems.end()) found = systems.insert(systems.end(), {system, {}});
    auto& groups = found->second;
    const auto group = std::ranges::find_if(
        groups, [&](const std::vector<Compared>& runs) { return experiment_of(runs[0]) == experiment; });
    if (group == groups.end()) {
      groups.push_back({std::move(run)});
    } else {
      group->push_back(std::move(run));
    }
  }
  Json json{{"format_version", 1}, {"asked", comparison_request(paths)}, {"systems", Json::array()}};
  for (const auto& [system, groups] : systems) json["systems"].push_back(system_json(groups));
  return json;
}

}  // namespace equibolt
