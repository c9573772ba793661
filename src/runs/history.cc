#include "runs/history.h"

#include <fmt/chrono.h>

#include <algorithm>
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
  const StageState before = plan_.state(stage);
  const bool anew = before == StageState::to_do || before == StageState::again;
  if (anew) append(plan_.folder, {{"stage", name_of(stage)}, {"begun", "anew"}});
  const Stopwatch watch;
  const auto note = [&] { append(plan_.folder, {{"stage", name_of(stage)}, {"seconds", watch.seconds()}}); };
  try {
    work();
  } catch (const Stopped&) {
    note();
    throw;
  }
  note();
}

std::map<Stage, double> stage_seconds(const RunFolder& folder) {
  std::map<Stage, double> seconds;
  for (const nlohmann::json& json : lines_of(folder)) {
    const auto name = json.find("stage"), time = json.find("seconds");
    const auto stage = std::ranges::find_if(
        kStages, [&](Stage of) { return name != json.end() && *name == nlohmann::json(name_of(of)); });
    if (stage == kStages.end()) continue;
    // What was made from an earlier result of this stage no longer belongs.
    if (json.contains("begun")) std::erase_if(seconds, [&](const auto& of) { return of.first >= *stage; });
    if (time != json.end() && time->is_number()) seconds[*stage] += time->get<double>();
  }
  return seconds;
}

}  // namespace equibolt
