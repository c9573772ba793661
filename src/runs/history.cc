#include "runs/history.h"

#include <fmt/chrono.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/machine.h"
#include "core/threads.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/cuda_vector_field.h"
#include "egnn/make_vector_field.h"
#include "equibolt/error.h"
#include "equibolt/version.h"

namespace equibolt {

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
  std::ofstream file(folder.history(), std::ios::app);
  file << line.dump() << '\n' << std::flush;
  if (!file) throw IoError("{}: cannot be written", folder.history().string());
}

std::vector<HistoryEntry> read_history(const RunFolder& folder) {
  std::vector<HistoryEntry> entries;
  std::ifstream file(folder.history());
  for (std::string line; std::getline(file, line);) {
    const auto json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) continue;  // a call that was killed while it wrote
    const auto text = [&](const char* key) { return json.value(key, std::string()); };
    entries.push_back({text("begun"), text("version"), text("commit"), text("processor"),
                       text("instruction_set"), text("gpu"), json.value("threads", std::size_t{0})});
  }
  return entries;
}

}  // namespace equibolt
