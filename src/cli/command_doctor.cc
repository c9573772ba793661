#include <fmt/format.h>

#include <string>
#include <vector>

#include "cli/commands.h"
#include "core/machine.h"
#include "core/threads.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/cuda_vector_field.h"
#include "equibolt/version.h"
#include "system/openmm_energy.h"
#include "system/xtb_energy.h"

namespace equibolt {
void add_doctor(CLI::App& app) {
  auto* command = app.add_subcommand("doctor", "Print what this machine has and what equibolt uses of it");
  command->callback([] {
    const std::vector<std::string> targets = instruction_sets();
    fmt::print("equibolt         {}, commit {}\n", version(), commit());
    fmt::print("processor        {}\n", processor_name());
    fmt::print("threads          {} (config key 'threads' uses fewer)\n", available_threads());
    fmt::print("memory           {:.1f} GiB\n", gibibytes_of_memory());
    fmt::print("instruction set  {} is used; the processor has {}\n", targets.front(),
               fmt::join(targets, ", "));
    fmt::print("OpenMM           {}\n", openmm_version().empty() ? "not built in" : openmm_version());
    fmt::print("xtb              {}\n", has_xtb() ? "built in" : "not built in");
    const CudaDevice gpu = cuda_device();
    fmt::print("GPU              {}\n",
               gpu.name.empty() ? "none is used: " + gpu.absence
                                : fmt::format("{}, {:.0f} GiB, {}", gpu.name, gpu.gibibytes, gpu.version));
    fmt::print("network kernels  float32; float64 for paths, densities and statistics\n");
    fmt::print("bf16 training    {}\n", has_bf16_gradients()
                                            ? "there (AVX512_BF16): train.precision = \"bf16\""
                                            : "not there: it needs a processor with AVX512_BF16");
  });
}

}  // namespace equibolt
