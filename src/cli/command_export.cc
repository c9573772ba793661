#include <fmt/format.h>

#include <memory>
#include <string>

#include "chemistry/relabel.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "core/log.h"
#include "equibolt/configurations.h"
#include "io/configurations_file.h"
#include "io/structure_file.h"
#include "system/molecule_options.h"

namespace equibolt {

void add_export(CLI::App& app) {
  struct Options {
    std::string data, structure, output;
    bool mirror = false;
  };
  auto* command =
      app.add_subcommand("export",
                         "Write a molecule's configurations as a trajectory (.pdb, .xyz, .dcd), "
                         "with the atoms in the structure's order, and check bonds and chirality");
  const auto options = std::make_shared<Options>();
  command->add_option("DATA", options->data, "Samples or other configurations (.npy or .npz)")->required();
  command
      ->add_option("--structure", options->structure,
                   "A .pdb, .cif or .xyz file, or the name of a built-in structure")
      ->required();
  command->add_option("-o,--output", options->output, "The trajectory: .pdb, .xyz or .dcd");
  command->add_flag("--mirror", options->mirror,
                    "Reflect configurations that are the structure's mirror image");
  command->callback([options] {
    const Molecule molecule = load_molecule(options->structure);
    Configurations<double> x = read_configurations(
        options->data, molecule.size(), 3, [](const std::string& text) { log_text("warning", text); });
    const IdentityCounts counts =
        relabel(x.view(), molecule, options->mirror ? MirrorImages::reflect : MirrorImages::keep);
    if (!options->output.empty())
      write_trajectory(options->output, molecule, converted<float>(x.view()).view());
    fmt::print(
        "{} configurations: {} with the structure's bonds and chirality, {} its mirror image{}, {} of "
        "another "
        "stereoisomer, {} of other bonds\n",
        x.count(), counts.same, counts.mirrored, options->mirror ? " (reflected)" : "", counts.other_hand,
        counts.other_bonds);
    if (counts.renumbered > 0) {
      fmt::print(
          "{} configurations had interchangeable atoms in another order than the structure; they are {} in "
          "the "
          "structure's order\n",
          counts.renumbered, options->output.empty() ? "compared" : "written");
    }
  });
}

}  // namespace equibolt
