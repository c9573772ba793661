#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "core/threads.h"
#include "egnn/cpu_vector_field.h"
#include "equibolt/version.h"

namespace equibolt {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const auto colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

double gibibytes_of_memory() {
  return static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 0x1p30;
}

}  // namespace

void add_doctor(CLI::App& app) {
  auto* command = app.add_subcommand("doctor", "Tell what this machine has and what equibolt uses of it");
  command->callback([] {
    const std::vector<std::string> targets = instruction_sets();
    fmt::print("equibolt         {}\n", version());
    fmt::print("processor        {}\n", processor_name());
    fmt::print("threads          {} (config key 'threads' uses fewer)\n", available_threads());
    fmt::print("memory           {:.1f} GiB\n", gibibytes_of_memory());
    fmt::print("instruction set  {} is used; the processor has {}\n", targets.front(),
               fmt::join(targets, ", "));
    fmt::print("network kernels  float32; float64 for paths, densities and statistics\n");
  });
}

}  // namespace equibolt
