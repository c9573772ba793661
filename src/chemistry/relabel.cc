#include "chemistry/relabel.h"

#include <algorithm>
#include <vector>

namespace equibolt {

IdentityCounts relabel(ConfigurationsView<double> x, const Molecule& molecule, MirrorImages images,
                       std::span<Identity> identities) {
  IdentityCounts counts;
  const BondGraph reference(molecule.elements(), molecule.positions);
  std::vector<double> before;
  for (std::size_t b = 0; b < x.count(); ++b) {
    const Match found = match(BondGraph(molecule.elements(), x[b]), reference);
    if (!identities.empty()) identities[b] = found.identity;
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
    before.assign(x[b].begin(), x[b].end());
    const bool reflected = images == MirrorImages::reflect && found.identity == Identity::mirrored;
    const double sign = reflected ? -1 : 1;
    for (std::size_t k = 0; k < before.size(); ++k) x[b][k] = sign * before[3 * found.atoms[k / 3] + k % 3];
    if (!std::is_sorted(found.atoms.begin(), found.atoms.end())) ++counts.renumbered;
  }
  return counts;
}

bool is_chiral(const Molecule& molecule) {
  std::vector<double> image = molecule.positions;
  for (double& coordinate : image) coordinate = -coordinate;
  const BondGraph reference(molecule.elements(), molecule.positions);
  return match(BondGraph(molecule.elements(), image), reference).identity == Identity::mirrored;
}

}  // namespace equibolt
