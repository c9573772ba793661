#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "config/config.h"
#include "config/molecule_config.h"
#include "core/log.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"

namespace equibolt {
namespace {

struct Options {
  std::string preset;
  MoleculeRequest molecule;
  std::string output;
};

/// The name of the config: that of the preset or of the structure.
std::string name_of(const Options& options) {
  if (!options.output.empty()) return options.output;
  if (!options.preset.empty()) return options.preset + ".toml";
  std::filesystem::path structure = options.molecule.structure;
  if (structure.extension() == ".gz") structure = structure.stem();
  return structure.stem().string() + ".toml";
}

void require_new(const std::string& path) {
  if (std::filesystem::exists(path)) throw UsageError("{}: exists already; choose another with -o", path);
}

}  // namespace

void add_init(CLI::App& app) {
  auto* command =
      app.add_subcommand("init",
                         "Write a config file: a preset with every key and a comment, or one for a "
                         "molecule of your own");
  const auto options = std::make_shared<Options>();
  MoleculeRequest& molecule = options->molecule;
  auto* preset = command->add_option("PRESET", options->preset,
                                     fmt::format("One of: {}", fmt::join(preset_names(), ", ")));
  auto* structure =
      command
          ->add_option("--structure", molecule.structure,
                       "A molecule's structure (.pdb, .cif, .xyz): its torsions become observables, and all "
                       "stages have settings to begin with")
          ->type_name("FILE")
          ->excludes(preset);
  command
      ->add_option(
          "--energy", molecule.energy,
          "The molecule's energy: xtb (GFN2-xTB), or openmm:SYSTEM.xml, an OpenMM System; default: xtb")
      ->type_name("ENERGY")
      ->needs(structure);
  command
      ->add_option("--solvent", molecule.solvent,
                   "Implicit solvent for GFN2-xTB, such as water; default: vacuum")
      ->type_name("NAME")
      ->needs(structure);
  command->add_option("--charge", molecule.charge, "The molecule's charge for GFN2-xTB; default: 0")
      ->needs(structure);
  command->add_option("-o,--output", options->output,
                      "The file; default: PRESET.toml, or the structure's name");
  command->callback([options] {
    if (options->preset.empty() && options->molecule.structure.empty())
      throw UsageError("init: expected a preset ({}) or --structure FILE", fmt::join(preset_names(), ", "));
    const std::string path = name_of(*options);
    if (options->preset.empty()) {
      const MoleculeConfig config = molecule_config(options->molecule, path);
      require_new(path);
      write_file(path, config.text);
      for (const std::string& remark : config.remarks) log_text("message", remark);
    } else {
      const std::string text = config_text(load_config(options->preset), true);
      require_new(path);
      write_file(path, text);
    }
    log_text("message", fmt::format("wrote {}; change it, then: equibolt run {}", path, path));
  });
}

}  // namespace equibolt
