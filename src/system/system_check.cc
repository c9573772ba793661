#include "system/system_check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "core/geometry.h"
#include "core/random.h"
#include "equibolt/error.h"
#include "system/evaluated.h"
#include "system/symmetry.h"

namespace equibolt {
namespace {

/// Of several widths, the configuration of each that has the lowest energy.
Configurations<double> gaussian_configurations(Energy& energy, std::uint64_t seed) {
  constexpr double widths[] = {0.125, 0.25, 0.5, 1, 2, 4, 8};
  constexpr std::size_t tries = 4;
  Configurations<double> x(std::size(widths), energy.particles(), energy.dim());
  Configurations<double> some(tries, energy.particles(), energy.dim());
  for (std::size_t w = 0; w < x.count(); ++w) {
    for (std::size_t t = 0; t < tries; ++t) {
      Random random(seed, Stream::symmetry_check, 2 + w, t);
      mean_free_normal(random, some[t], energy.dim());
      for (double& value : some[t]) value *= widths[w];
    }
    const std::vector<double> energies = energies_of(energy, some.view()).energy;  // +∞ where there is none
    const auto lowest = std::min_element(energies.begin(), energies.end()) - energies.begin();
    const auto best = some[static_cast<std::size_t>(lowest)];
    std::copy(best.begin(), best.end(), x[w].begin());
  }
  return x;
}

/// Which atoms the bond graph calls alike and the energy does not.
std::optional<std::string> divided_types(const Molecule& molecule, const ParticleTypes& types) {
  std::string atoms;
  for (const auto& group : groups_of(particle_types_of(molecule, "symmetry"))) {
    std::map<int, std::string> parts;
    for (const std::size_t i : group) {
      std::string& part = parts[types[i]];
      part += (part.empty() ? "" : ", ") + atom_label(molecule, i);
    }
    if (parts.size() < 2) continue;
    std::string text;
    for (const auto& [type, part] : parts) text += (text.empty() ? "" : " from ") + part;
    atoms += (atoms.empty() ? "" : "; ") + text;
  }
  if (atoms.empty()) return std::nullopt;
  return fmt::format(
      "the energy tells atoms apart that have the same neighbours, so that system.types = \"symmetry\" gives "
      "them different types: {}. Force fields do so where an improper torsion depends on the order of its "
      "atoms",
      atoms);
}

std::optional<Molecule> molecule_of(const SystemSpec& spec) {
  const MoleculeOptions* options = molecule_options_of(spec);
  if (options == nullptr) return std::nullopt;
  return load_molecule(options->structure);
}

}  // namespace

std::vector<std::string> check_system(const SystemSpec& spec, Energy& energy, std::uint64_t seed) {
  const std::optional<Molecule> molecule = molecule_of(spec);
  if (!molecule) return check_system(spec, energy, gaussian_configurations(energy, seed), seed);
  const std::size_t count = std::holds_alternative<XtbParameters>(spec.kind) ? 2 : 8;
  auto warnings = check_system(spec, energy, shaken(*molecule, count), seed);
  if (const auto* openmm = dynamic_cast<const OpenMmEnergy*>(&energy);
      openmm != nullptr && openmm->mirrors()) {
    warnings.push_back(
        "the OpenMM System distinguishes a configuration from its mirror image, as CMAP corrections do: U is "
        "that "
        "of the structure's chirality, and a configuration of the other one is mirrored before it is "
        "evaluated");
  }
  const auto divided = divided_types(*molecule, energy.types());
  if (molecule_options_of(spec)->types == "symmetry" && divided) warnings.push_back(*divided);
  return warnings;
}

std::vector<std::string> check_system(const SystemSpec& spec, Energy& energy,
                                      ConfigurationsView<const double> x, std::uint64_t seed) {
  std::vector<double> finite;
  const Evaluated found = energies_of(energy, x);
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (found.status[b] == EnergyStatus::ok) finite.push_back(found.energy[b]);
  }
  if (finite.empty()) {
    return {fmt::format(
        "none of {} configurations has a finite energy, so that its symmetry could not be checked",
        x.count())};
  }
  std::vector<std::string> warnings;
  const auto [low, high] = std::minmax_element(finite.begin(), finite.end());
  if (finite.size() > 1 && *low == *high) {
    warnings.push_back(fmt::format(
        "the energy is {:.6g} kT at all of {} configurations{}", *low, finite.size(),
        std::holds_alternative<OpenMmParameters>(spec.kind) ? ": does the OpenMM System have forces?" : ""));
  }
  const std::optional<Molecule> molecule = molecule_of(spec);
  for (std::string& text : check_symmetry(energy, x, seed, molecule ? &*molecule : nullptr)) {
    warnings.push_back(std::move(text));
  }
  return warnings;
}

}  // namespace equibolt
