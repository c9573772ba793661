#include "system/symmetry.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <span>
#include <utility>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "system/evaluated.h"
#include "system/openmm_energy.h"
#include "system/xtb_energy.h"

namespace equibolt {
namespace {

constexpr double kRounding = 1e-8;       // of |U|
constexpr double kNoiseThatMatters = 5;  // times symmetry_noise

enum class Kind { translation, rotation, reflection, permutation };

struct Symmetry {
  Kind kind;
  const char* name;
  std::function<void(std::span<double> x, Random& random)> apply;
};

std::vector<Symmetry> symmetries_of(const Energy& energy) {
  const std::size_t dim = energy.dim();
  const auto translate = [dim](std::span<double> x, Random& random) {
    for (std::size_t k = 0; k < dim; ++k) {
      const double shift = random.normal();
      for (std::size_t j = k; j < x.size(); j += dim) x[j] += shift;
    }
  };
  const auto turn = [dim](std::span<double> x, Random& random) {
    rotate(x, std::span<const double>(random_rotation(random, dim)), dim);
  };
  const auto reflect = [dim](std::span<double> x, Random&) {
    for (std::size_t j = 0; j < x.size(); j += dim) x[j] = -x[j];
  };
  const auto permute = [dim, groups = groups_of(energy.types())](std::span<double> x, Random& random) {
    const std::vector<double> before(x.begin(), x.end());
    for (const auto& group : groups) {
      auto order = group;
      random.shuffle(std::span(order));
      for (std::size_t i = 0; i < group.size(); ++i) {
        std::copy_n(&before[order[i] * dim], dim, &x[group[i] * dim]);
      }
    }
  };
  return {{Kind::translation, "a translation", translate},
          {Kind::rotation, "a rotation", turn},
          {Kind::reflection, "a reflection", reflect},
          {Kind::permutation, "a permutation of particles of the same type", permute}};
}

double tolerance_of(double energy) {
  return kSymmetryTolerance + kRounding * std::abs(energy);
}

/// |after − before|; infinite where there is an energy before and none after.
double change(double before, double after, EnergyStatus status_after) {
  return status_after == EnergyStatus::ok ? std::abs(after - before)
                                          : std::numeric_limits<double>::infinity();
}

void exchange(std::span<double> x, std::size_t i, std::size_t j, std::size_t dim) {
  std::swap_ranges(x.begin() + static_cast<std::ptrdiff_t>(i * dim),
                   x.begin() + static_cast<std::ptrdiff_t>((i + 1) * dim),
                   x.begin() + static_cast<std::ptrdiff_t>(j * dim));
}

/// The configuration whose energy changes most, beyond rounding, under one symmetry.
struct Change {
  std::size_t configuration = 0;
  double before = 0, after = 0;
  double excess = -std::numeric_limits<double>::infinity();  ///< |after − before| less what is allowed anyway
  double size = 0;                                           ///< |after − before|
};

Change largest_change(const Evaluated& before, const Evaluated& after) {
  Change largest;
  for (std::size_t b = 0; b < before.energy.size(); ++b) {
    if (before.status[b] != EnergyStatus::ok) continue;
    const double size = change(before.energy[b], after.energy[b], after.status[b]);
    const double excess = size - tolerance_of(before.energy[b]);
    if (excess <= largest.excess) continue;
    largest = {b, before.energy[b], after.energy[b], excess, size};
  }
  return largest;
}

std::string particle_label(const Molecule* molecule, std::size_t particle) {
  return molecule == nullptr ? std::to_string(particle) : atom_label(*molecule, particle);
}

/// "exchanging the particles 1 and 3 alone changes U by 0.2 kT", for those pairs that change it most.
std::string guilty_pairs(Energy& energy, std::span<const double> x, double before, const Molecule* molecule) {
  struct Pair {
    std::size_t i, j;
    double change;
  };
  std::vector<Pair> pairs;
  for (const auto& group : groups_of(energy.types())) {
    for (std::size_t k = 1; k < group.size(); ++k) pairs.push_back({group[0], group[k], 0});
  }
  Configurations<double> moved(pairs.size(), energy.particles(), energy.dim());
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    std::copy(x.begin(), x.end(), moved[p].begin());
    exchange(moved[p], pairs[p].i, pairs[p].j, energy.dim());
  }
  const Evaluated after = energies_of(energy, moved);
  for (std::size_t p = 0; p < pairs.size(); ++p) {
    pairs[p].change = change(before, after.energy[p], after.status[p]);
  }
  std::stable_sort(pairs.begin(), pairs.end(),
                   [](const Pair& a, const Pair& b) { return a.change > b.change; });
  std::string text;
  constexpr std::size_t most = 3;
  for (std::size_t p = 0; p < std::min(most, pairs.size()); ++p) {
    if (pairs[p].change <= tolerance_of(before)) break;
    text += fmt::format("{}{} and {} by {:.3g} kT", text.empty() ? " (exchanging " : ", ",
                        particle_label(molecule, pairs[p].i), particle_label(molecule, pairs[p].j),
                        pairs[p].change);
  }
  return text.empty() ? text : text + ")";
}

/// "CMAPTorsionForce by 0.8 kT": the forces of an OpenMM System that change between two configurations.
std::string guilty_forces(const OpenMmEnergy& energy, std::span<const double> x,
                          std::span<const double> moved) {
  const auto before = energy.force_energies(x), after = energy.force_energies(moved);
  std::string text;
  for (std::size_t f = 0; f < before.size(); ++f) {
    const double difference = std::abs(after[f].energy - before[f].energy);
    if (difference <= tolerance_of(before[f].energy)) continue;
    text += fmt::format("{}{} by {:.3g} kT", text.empty() ? "" : ", ", before[f].name, difference);
  }
  return text;
}

/// What may be the reason, and what helps.
std::string advice(Energy& energy, Kind kind, std::span<const double> x, double before,
                   std::span<const double> moved, const Molecule* molecule) {
  const auto* openmm = dynamic_cast<const OpenMmEnergy*>(&energy);
  const auto* xtb = dynamic_cast<const XtbEnergy*>(&energy);
  if (kind == Kind::permutation) {
    const std::string pairs = guilty_pairs(energy, x, before, molecule);
    std::string types = "give particles that are not interchangeable different types";
    if (openmm != nullptr || xtb != nullptr) {
      types += ": system.types = \"symmetry\", \"distinct\", or a list";
    }
    return types + pairs;
  }
  if (xtb != nullptr && xtb->is_self_consistent()) {
    return "xtb's self-consistent cycle has several solutions for this configuration, and which one it finds "
           "depends on how the molecule lies: raise system.electronic_temperature, and check system.charge "
           "and "
           "system.unpaired";
  }
  const std::string forces = openmm == nullptr ? "" : guilty_forces(*openmm, x, moved);
  const std::string by = forces.empty() ? "" : fmt::format(" (of the System's forces, {})", forces);
  switch (kind) {
    case Kind::translation:
      return "it depends on absolute positions, as an external field or a restraint to fixed places does" +
             by + ": leave that out, or let it act on differences of positions";
    case Kind::rotation:
      return "it depends on the orientation, as an external field, a trap that is not round, or a restraint "
             "to "
             "fixed places does" +
             by + ": leave that out";
    default:
      return "it tells a configuration from its mirror image, which the flow cannot: such chiral terms are "
             "CMAP "
             "corrections (ff19SB, CHARMM36), torsions with a phase other than 0 or π, and restraints to one "
             "hand" +
             by + ": leave them out, or take a force field without (ff14SB, ff99SB-ILDN)" +
             (openmm == nullptr
                  ? ""
                  : "; configurations of the other chirality are mirrored only where the molecule has a "
                    "stereocentre");
  }
}

}  // namespace

std::vector<std::string> check_symmetry(Energy& energy, ConfigurationsView<const double> x,
                                        std::uint64_t seed, const Molecule* molecule) {
  std::vector<std::string> warnings;
  const Evaluated before = energies_of(energy, x);
  for (const Symmetry& symmetry : symmetries_of(energy)) {
    Configurations<double> moved = converted<double>(x);
    for (std::size_t b = 0; b < x.count(); ++b) {
      Random random(seed, Stream::symmetry_check, 0, b);
      symmetry.apply(moved[b], random);
    }
    const Change largest = largest_change(before, energies_of(energy, moved));
    const bool turns = symmetry.kind == Kind::rotation || symmetry.kind == Kind::reflection;
    const double noise = turns ? energy.symmetry_noise() : 0;
    if (largest.excess <= noise) continue;
    const std::size_t b = largest.configuration;
    if (largest.excess <= kNoiseThatMatters * noise) {
      warnings.push_back(
          fmt::format("the energy changes by up to {:.2g} kT under {} (configuration {}), more than the "
                      "{:.2g} kT that its "
                      "method usually does: weights and free energies carry that much noise",
                      largest.size, symmetry.name, b, noise));
      continue;
    }
    throw UsageError(
        "the energy is not invariant under {}, as the flow will be: configuration {} has U = {:.10g} before "
        "and "
        "{:.10g} after; {}",
        symmetry.name, b, largest.before, largest.after,
        advice(energy, symmetry.kind, x[b], largest.before, moved[b], molecule));
  }
  return warnings;
}

ParticleTypes split_types(Energy& energy, ConfigurationsView<const double> x) {
  const Evaluated before = energies_of(energy, x);
  const auto interchangeable = [&](std::size_t i, std::size_t j) {
    Configurations<double> moved = converted<double>(x);
    for (std::size_t b = 0; b < x.count(); ++b) exchange(moved[b], i, j, energy.dim());
    return largest_change(before, energies_of(energy, moved)).excess <= 0;
  };
  // Being interchangeable is an equivalence, so that one member stands for a class.
  std::map<int, std::vector<std::size_t>> classes;  // of each old type: a member of each new class
  std::vector<std::size_t> member(energy.particles());
  for (std::size_t i = 0; i < energy.particles(); ++i) {
    auto& members = classes[energy.types()[i]];
    const auto found = std::find_if(members.begin(), members.end(),
                                    [&](std::size_t other) { return interchangeable(other, i); });
    member[i] = found == members.end() ? i : *found;
    if (found == members.end()) members.push_back(i);
  }
  // Where nothing was divided the numbers stay, gaps included: they are part of a network's shape.
  const bool divided =
      std::any_of(classes.begin(), classes.end(), [](const auto& one) { return one.second.size() > 1; });
  if (!divided) return energy.types();
  ParticleTypes types(energy.particles());
  std::map<std::size_t, int> number;  // of a class, by its member
  for (std::size_t i = 0; i < energy.particles(); ++i) {
    const auto next = static_cast<int>(number.size());
    types[i] = number.emplace(member[i], next).first->second;
  }
  return types;
}

Configurations<double> shaken(const Molecule& molecule, std::size_t count) {
  constexpr double deviation = 0.1;  // Å
  Configurations<double> x(count, molecule.size(), 3);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(0, Stream::symmetry_check, 1, b);
    for (std::size_t k = 0; k < x.coordinates(); ++k) {
      x[b][k] = molecule.positions[k] + deviation * random.normal();
    }
  }
  return x;
}

std::string atom_label(const Molecule& molecule, std::size_t atom) {
  const Atom& a = molecule.atoms[atom];
  return fmt::format("{}:{} (atom {})", a.residue_number, a.name, atom);
}

}  // namespace equibolt
