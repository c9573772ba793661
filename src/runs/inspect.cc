#include "runs/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <sstream>
#include <vector>

#include "config/config.h"
#include "config/config_table.h"
#include "core/number_text.h"
#include "core/progress.h"
#include "egnn/model_file.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/npz.h"
#include "runs/costs.h"
#include "runs/evaluation.h"
#include "runs/run_folder.h"

namespace equibolt {
namespace {

std::string line(const std::string& name, const std::string& text) {
  return fmt::format("{:<20} {}\n", name, text);
}

/// "float32 (10, 4, 2), -3.1 to 2.9, mean 0.0, 3 not finite".
std::string array_text(const Array& array) {
  std::string text = fmt::format("{} {}", name_of(array.dtype), shape_text(array.shape));
  const std::vector<double> values = array.as_double();
  double low = INFINITY, high = -INFINITY, sum = 0;
  std::size_t finite = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    low = std::min(low, value), high = std::max(high, value), sum += value;
    ++finite;
  }
  const bool whole = array.dtype != DType::f4 && array.dtype != DType::f8;
  if (values.size() == 1) return text + fmt::format(", {:.6g}", values[0]);
  if (finite > 0) {
    text += fmt::format(", {}, mean {}",
                        whole ? fmt::format("{:.0f} to {:.0f}", low, high) : range_text(low, high),
                        to_error(sum / static_cast<double>(finite), 0.1 * (high - low)));
  }
  if (finite < values.size()) text += fmt::format(", {} not finite", values.size() - finite);
  return text;
}

std::string kind_of(const Npz& npz) {
  const auto has = [&](std::initializer_list<const char*> names) {
    return std::all_of(names.begin(), names.end(), [&](const char* name) { return npz.contains(name); });
  };
  if (npz.contains("log_weight")) return "samples or densities";
  if (npz.contains("adam_first")) return "a checkpoint of a training";
  if (npz.contains("chain")) return "simulated configurations";
  if (has({"sample_energy", "step_size"})) return "the state of a simulation";
  if (has({"frame", "trajectories"})) return "relaxed frames";
  if (has({"difference", "weights", "rounds"})) return "a surrogate";
  if (has({"angles", "tried"})) return "the state of umbrella sampling";
  if (npz.contains("angles")) return "the angles of umbrella sampling";
  if (npz.contains("weight.embedding.weight") || npz.contains("embedding.weight"))
    return "weights of a network";
  return "arrays";
}

/// Arrays of bytes that are text in our files: `energy` is one in a surrogate, and numbers elsewhere.
bool is_text(const Npz& npz, const std::string& name) {
  if (npz[name].dtype != DType::u1) return false;
  return name == "about" || name == "backend" || name == "target" || name == "energy";
}

std::string npz_text(const std::filesystem::path& path) {
  const Npz npz = read_npz(path);
  std::string text = line("kind", kind_of(npz));
  std::string configs;  // texts of several lines, which go below
  for (const auto& [name, array] : npz.arrays) {
    if (!is_text(npz, name)) {
      text += line(name, array_text(array));
    } else if (const std::string words = array.as_text(); words.find('\n') == std::string::npos) {
      text += line(name, words);
    } else {
      configs += fmt::format("\n{}:\n\n{}", name, words);
    }
  }
  text += configs;
  return text;
}

std::string model_text(const std::filesystem::path& path) {
  const Model model = read_model(path);
  const Architecture& a = model.architecture;
  std::map<int, std::size_t> types;
  for (const int type : a.types) ++types[type];
  std::string type_text;
  for (const auto& [type, count] : types)
    type_text += fmt::format("{}{} of type {}", type_text.empty() ? "" : ", ", count, type);
  std::string text = line("kind", "a network");
  text += line("particles", fmt::format("{} in {} dimensions: {}", a.particles(), a.dim, type_text));
  text += line("layers", fmt::format("{} of width {}", a.layers, a.hidden));
  text += line("weights", fmt::format("{}", model.parameters.size()));
  for (const auto& [key, value] : model.metadata) {
    if (key != "config") text += line(key, value);
  }
  const auto config = model.metadata.find("config");
  if (config != model.metadata.end()) text += fmt::format("\n{}", config->second);
  return text;
}

bool is_umbrella(const nlohmann::ordered_json& json) {
  return json.contains("free_energy") && json.contains("profile");
}

/// The numbers of umbrella.json.
std::string umbrella_text(const nlohmann::ordered_json& json) {
  const auto number = [](const nlohmann::ordered_json& of, const char* key) {
    const auto found = of.find(key);
    return found != of.end() && found->is_number() ? found->get<double>() : NAN;
  };
  const auto& f = json.at("free_energy");
  const double error = number(f, "error");
  std::string text = line("state", json.value("state", "?"));
  text += line("free energy", fmt::format("{} kT by WHAM, {} by MBAR", with_error(number(f, "value"), error),
                                          to_error(number(f, "by_mbar"), error)));
  text += line("blocks", fmt::format("{:.0f}", number(json, "blocks")));
  text +=
      line("least overlap", fmt::format("{:.3g}, of neighbouring windows", number(json, "least_overlap")));
  return text;
}

std::string json_text(const std::filesystem::path& path) {
  const auto json = read_json(path);
  if (json.contains("ess")) return line("kind", "an evaluation") + evaluation_table(json);
  if (is_umbrella(json)) return line("kind", "the result of umbrella sampling") + umbrella_text(json);
  return json.dump(1) + "\n";
}

std::string config_file_text(const std::filesystem::path& path) {
  return line("kind", "a config; with every key:") + "\n" +
         config_text(parse_config(read_text_file(path), path.string(), {},
                                  std::filesystem::absolute(path).parent_path()),
                     false);
}

/// The last complete line; empty where there is none.
std::string last_line(const std::string& text) {
  std::istringstream lines(text);
  std::string last;
  for (std::string next; std::getline(lines, next) && !lines.eof();) last = next;
  return last;
}

std::string newest_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(folder, none)) {
    if (entry.path().extension() == ".npz") names.push_back(entry.path().filename().string());
  }
  if (names.empty()) return {};
  return *std::max_element(names.begin(), names.end());
}

/// A folder of umbrella sampling.
std::string umbrella_folder_text(const RunFolder& folder) {
  std::string text = line("kind", "umbrella sampling");
  const std::filesystem::path result = folder.path / "umbrella.json", states = folder.path / "umbrella";
  const std::string newest = newest_in(states);
  const bool done = std::filesystem::exists(result);
  text += line("sampling", done             ? "done: umbrella.json"
                           : newest.empty() ? "not begun"
                                            : fmt::format("under way: {}", newest));
  return done ? text + umbrella_text(read_json(result)) : text;
}

std::string run_text(const RunFolder& run) {
  const RunConfig config = parse_config(read_text_file(run.config()), run.config().string());
  const auto there = [](const std::filesystem::path& path) { return std::filesystem::exists(path); };
  const auto done = [&](const std::filesystem::path& path, const std::string& under_way) {
    if (there(path)) return fmt::format("done: {}", path.filename().string());
    if (under_way.empty()) return std::string("not begun");
    return fmt::format("under way: {}", under_way);
  };
  const auto parts_of = [](std::filesystem::path path) { return newest_in(path += ".parts"); };
  std::string text = line("kind", "a run");
  text += line("system",
               fmt::format("{} particles in {} dimensions", config.system.particles, config.system.dim));
  text += line("simulation", config.data.train.empty()
                                 ? done(run.simulation(), newest_in(run.simulation_states()))
                                 : fmt::format("none; data: {}", config.data.train));
  const bool two_parts = config.finetunes();
  text += line("training", done(two_parts ? run.flow_matched() : run.model(), newest_in(run.checkpoints())));
  if (there(run.metrics())) text += line("last metrics", last_line(read_text_file(run.metrics())));
  if (two_parts) {
    text += line("fine-tuning", done(run.model(), newest_in(run.finetune_checkpoints())));
    if (there(run.finetune_metrics()))
      text += line("last metrics", last_line(read_text_file(run.finetune_metrics())));
  }
  text += line("samples", done(run.samples(), parts_of(run.samples())));
  text += line("test densities", done(run.test_densities(), parts_of(run.test_densities())));
  text += line("evaluation", done(run.evaluation(), ""));
  for (const StageCost& cost : costs_of(config, run)) {
    text += line(fmt::format("cost: {}", name_of(cost.stage)),
                 fmt::format("{}{}", cost.seconds ? duration_text(*cost.seconds) : "(time unknown)",
                             cost.energies > 0 ? fmt::format(", {} energies", cost.energies) : ""));
  }
  if (there(run.evaluation())) text += fmt::format("\n{}", evaluation_table(read_json(run.evaluation())));
  return text;
}

}  // namespace

std::string inspect(const std::filesystem::path& path) {
  if (std::filesystem::is_directory(path)) {
    const RunFolder run{path};
    if (!std::filesystem::exists(run.config())) {
      throw DataError("{}: a folder without config.toml, which those of run and umbrella have",
                      path.string());
    }
    const bool umbrella =
        std::filesystem::exists(path / "umbrella.json") || std::filesystem::exists(path / "umbrella");
    const bool run_too = std::filesystem::exists(run.simulation()) || std::filesystem::exists(run.model());
    if (umbrella && run_too) return fmt::format("{}\n{}", umbrella_folder_text(run), run_text(run));
    if (umbrella) return umbrella_folder_text(run);
    return run_text(run);
  }
  const std::string extension = path.extension().string();
  if (extension == ".npz") return npz_text(path);
  if (extension == ".npy") return line("array", array_text(read_npy(path)));
  if (extension == ".safetensors") return model_text(path);
  if (extension == ".toml") return config_file_text(path);
  if (extension == ".json") return json_text(path);
  if (!std::filesystem::exists(path)) throw IoError("{}: there is no such file", path.string());
  throw DataError("{}: expected a run's folder or .npz, .npy, .safetensors, .toml or .json", path.string());
}

}  // namespace equibolt
