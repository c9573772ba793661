#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "chemistry/bond_graph.h"
#include "cli/commands.h"
#include "cli/options.h"
#include "core/log.h"
#include "equibolt/configurations.h"
#include "io/configurations_file.h"
#include "io/structure_file.h"
#include "system/molecule_options.h"

namespace equibolt {
namespace {

/// Configurations by what they are.
struct Counts {
  std::size_t same = 0, mirrored = 0, other_hand = 0, other_bonds = 0;
  std::size_t renumbered = 0;  ///< whose atoms were not in the structure's order
};

/// Puts the atoms of each configuration that has the molecule's bonds into the molecule's order, so that its
/// names are theirs. Reflects mirror images if `mirror`.
Counts relabel(Configurations<double>& x, const Molecule& molecule, bool mirror) {
  Counts counts;
  const BondGraph reference(molecule.elements(), molecule.positions);
  for (std::size_t b = 0; b < x.count(); ++b) {
    const Match found = match(BondGraph(molecule.elements(), x[b]), reference);
    switch (found.identity) {
      case Identity::same:
        ++counts.same;
        break;
      case Identity::mirrored:
        ++counts.mirrored;
        break;
      case Identity::other_hand:
        ++counts.other_hand;
        break;
      case Identity::other_bonds:
        ++counts.other_bonds;
        continue;
    }
    const std::vector<double> before(x[b].begin(), x[b].end());
    const double sign = mirror && found.identity == Identity::mirrored ? -1 : 1;
    for (std::size_t k = 0; k < before.size(); ++k) x[b][k] = sign * before[3 * found.atoms[k / 3] + k % 3];
    if (!std::is_sorted(found.atoms.begin(), found.atoms.end())) ++counts.renumbered;
  }
  return counts;
}

}  // namespace

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
    const Counts counts = relabel(x, molecule, options->mirror);
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
