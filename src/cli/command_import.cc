#include <fmt/format.h>

#include <memory>
#include <optional>
#include <vector>

#include "cli/commands.h"
#include "core/log.h"
#include "egnn/model_file.h"

namespace equibolt {

void add_import(CLI::App& app) {
  struct Options {
    std::string weights;
    std::string output;
    std::vector<int> types;
    std::optional<std::size_t> dim;
  };
  auto* command = app.add_subcommand("import", "Make a model from weights under the paper's authors' names");
  const auto options = std::make_shared<Options>();
  command->add_option("WEIGHTS", options->weights, "An .npz file, names with or without 'weight.' in front")
      ->required();
  command->add_option("-o,--output", options->output, "The .safetensors file to write")->required();
  command
      ->add_option("--types", options->types,
                   "The type of each particle, as in --types 0,0,1; else from the file")
      ->delimiter(',');
  command->add_option("--dim", options->dim, "Dimensions D; else from the file");
  command->callback([options] {
    ImportOptions import;
    if (!options->types.empty()) import.types = options->types;
    import.dim = options->dim;
    const Model model = import_npz(options->weights, import);
    write_model(options->output, model);
    const Architecture& a = model.architecture;
    log_text("message", fmt::format("wrote {}: {} particles in {} dimensions, {} layers of width {}, {} type "
                                    "features, {} weights",
                                    options->output, a.particles(), a.dim, a.layers, a.hidden,
                                    a.type_features, model.parameters.size()));
  });
}

}  // namespace equibolt
