#include <fmt/format.h>

#include <memory>

#include "chemistry/bond_graph.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "equibolt/error.h"
#include "io/configurations_file.h"
#include "io/structure_file.h"
#include "system/molecule_options.h"

namespace equibolt {

void add_export(CLI::App& app) {
  struct Options {
    std::string data, structure, output;
    bool mirror = false;
  };
  auto* command = app.add_subcommand("export",
                                     "Write a molecule's configurations as a trajectory (.pdb, .xyz, .dcd), "
                                     "and check their bonds and hands");
  const auto options = std::make_shared<Options>();
  command->add_option("DATA", options->data, "Samples or other configurations (.npy or .npz)")->required();
  command
      ->add_option("--structure", options->structure,
                   "A .pdb or .xyz file, or the name of a built-in structure")
      ->required();
  command->add_option("-o,--output", options->output, "The trajectory: .pdb, .xyz or .dcd");
  command->add_flag("--mirror", options->mirror,
                    "Reflect configurations that are the structure's mirror image");
  command->callback([options] {
    const Molecule molecule = load_molecule(options->structure);
    Configurations<double> x = read_configurations(options->data, molecule.size(), 3);
    const BondGraph reference(molecule.elements(), molecule.positions);
    std::size_t same = 0, mirrored = 0, other_hand = 0, other_bonds = 0;
    for (std::size_t b = 0; b < x.count(); ++b) {
      switch (compare(BondGraph(molecule.elements(), x[b]), reference)) {
        case Identity::same:
          ++same;
          break;
        case Identity::other_hand:
          ++other_hand;
          break;
        case Identity::other_bonds:
          ++other_bonds;
          break;
        case Identity::mirrored:
          ++mirrored;
          if (options->mirror) {
            for (double& value : x[b]) value = -value;
          }
      }
    }
    if (!options->output.empty())
      write_trajectory(options->output, molecule, converted<float>(x.view()).view());
    fmt::print(
        "{} configurations: {} with the structure's bonds and hands, {} its mirror image{}, {} of other "
        "hands, {} "
        "of other bonds\n",
        x.count(), same, mirrored, options->mirror ? " (reflected)" : "", other_hand, other_bonds);
  });
}

}  // namespace equibolt
