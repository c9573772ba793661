#include "runs/history.h"

#include <fmt/chrono.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/machine.h"
#include "core/stopwatch.h"
#include "core/threads.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/cuda_vector_field.h"
#include "egnn/make_vector_field.h"
#include "equibolt/error.h"
#include "equibolt/version.h"

namespace equibolt {
namespace {

void append(const RunFolder& folder, const nlohmann::ordered_json& line) {
  std::ofstream file(folder.history(), std::ios::app);
  file << line.dump() << '\n' << std::flush;
  if (!file) throw IoError("{}: cannot be written", folder.history().string());
}

/// The lines of the history; without what a call that was killed left of one.
std::vector<nlohmann::json> lines_of(const RunFolder& folder) {
  std::vector<nlohmann::json> lines;
  std::ifstream file(folder.history());
  for (std::string line; std::getline(file, line);) {
    auto json = nlohmann::json::parse(line, nullptr, false);
    if (json.is_object()) lines.push_back(std::move(json));
  }
  return lines;
}

}  // namespace

std::string gpu_of(const RunConfig& config) {
  const Architecture shape{.types = {}, .dim = config.system.dim, .hidden = config.network.hidden};
  return device_for(config.device, shape, config.matching.precision) == Device::cuda ? cuda_device().name
                                                                                     : std::string();
}

void note_call(const RunFolder& folder, std::size_t threads, const std::string& gpu) {
  const auto now = std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  nlohmann::ordered_json line{{"begun", fmt::format("{:%Y-%m-%d %H:%M:%S}", now)},
                              {"version", version()},
                              {"commit", commit()},
                              {"processor", processor_name()},
                              {"instruction_set", instruction_sets().front()},
                              {"threads", threads == 0 ? available_threads() : threads}};
  if (!gpu.empty()) line["gpu"] = gpu;
  append(folder, line);
}

std::vector<HistoryEntry> read_history(const RunFolder& folder) {
  std::vector<HistoryEntry> entries;
  for (const nlohmann::json& json : lines_of(folder)) {
    if (json.contains("stage")) continue;
    const auto text = [&](const char* key) { return json.value(key, std::string()); };
    entries.push_back({text("begun"), text("version"), text("commit"), text("processor"),
                       text("instruction_set"), text("gpu"), json.value("threads", std::size_t{0})});
  }
  return entries;
}

void StageClock::time(Stage stage, const std::function<void()>& work) const {
  const Stopwatch watch;
  try {
    work();
  } catch (const Stopped&) {
    note(stage, watch.seconds());
    throw;
  }
  note(stage, watch.seconds());
}

void StageClock::note(Stage stage, double seconds) const {
  const StageState before = plan_.state(stage);
  const bool anew = before == StageState::to_do || before == StageState::again;
  append(plan_.folder, {{"stage", name_of(stage)}, {"seconds", seconds}, {"anew", anew}});
}

std::map<Stage, double> stage_seconds(const RunFolder& folder) {
  std::map<Stage, double> seconds;
  for (const nlohmann::json& json : lines_of(folder)) {
    for (const Stage stage : kStages) {
      if (json.value("stage", "") != name_of(stage)) continue;
      if (json.value("anew", false)) seconds[stage] = 0;
      seconds[stage] += json.value("seconds", 0.0);
    }
  }
  return seconds;
}

}  // namespace equibolt
