#include "system/make_energy.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>
#include <utility>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "system/checked_energy.h"
#include "system/evaluated.h"
#include "system/shape.h"

namespace equibolt {
namespace {

template <typename... Kinds>
struct Overloaded : Kinds... {
  using Kinds::operator()...;
};
template <typename... Kinds>
Overloaded(Kinds...) -> Overloaded<Kinds...>;

}  // namespace

std::string check_of(const Energy& energy) {
  // Distorted cubic lattices: particles at distances that energies in nm, in Å and in units of their own
  // know.
  constexpr double spacings[] = {0.15, 0.4, 1.1, 2, 4};
  const std::size_t particles = energy.particles(), dim = energy.dim();
  std::size_t side = 1;
  const auto sites = [&] {
    double count = 1;
    for (std::size_t k = 0; k < dim; ++k) count *= static_cast<double>(side);
    return count;
  };
  while (sites() < static_cast<double>(particles)) ++side;
  Configurations<double> x(std::size(spacings), particles, dim);
  for (std::size_t b = 0; b < x.count(); ++b) {
    for (std::size_t i = 0; i < particles; ++i) {
      std::size_t site = i;
      for (std::size_t k = 0; k < dim; ++k) {
        const auto n = static_cast<double>(b * x.coordinates() + i * dim + k + 1);
        const double distortion = 0.2 * std::sin(2.399963 * n);  // an irrational step: without symmetry
        x[b][i * dim + k] = spacings[b] * (static_cast<double>(site % side) + distortion);
        site /= side;
      }
    }
  }
  remove_mean(x.view());
  CheckedEnergy checked(energy.clone());
  return fmt::format("{:.6g}", fmt::join(energies_of(checked, x.view()).energy, " "));
}

SystemSpec own_system(std::shared_ptr<const Energy> energy) {
  if (!energy) throw UsageError("the program's own energy: expected an energy, found a null pointer");
  require_shape("the program's own energy", energy->particles(), energy->dim());
  SystemSpec spec{energy->particles(), energy->dim(), OwnEnergy{check_of(*energy), nullptr}};
  std::get<OwnEnergy>(spec.kind).prototype = std::move(energy);
  return spec;
}

std::unique_ptr<Energy> make_energy(const SystemSpec& spec) {
  require_shape("system", spec.particles, spec.dim);
  const auto make = [&]<typename Kind>(std::type_identity<Kind>, const auto& parameters) {
    return std::unique_ptr<Energy>(std::make_unique<Kind>(spec.particles, spec.dim, parameters));
  };
  const auto own = [&](const OwnEnergy& e) -> std::unique_ptr<Energy> {
    if (e.prototype) return std::make_unique<CheckedEnergy>(e.prototype->clone());
    throw UsageError(
        "system.kind = \"own\": this energy is not built in; only the program that made it has it");
  };
  const auto lennard_jones = [&](const LennardJonesParameters& p) {
    if (p.trap == 0) {
      throw UsageError(
          "lennard_jones: expected trap > 0, found 0: particles evaporate, and exp(-U) has no finite "
          "integral");
    }
    return make(std::type_identity<LennardJones>{}, p);
  };
  auto energy = std::visit(
      Overloaded{own, lennard_jones,
                 [&](const HarmonicParameters& p) { return make(std::type_identity<Harmonic>{}, p); },
                 [&](const DoubleWellParameters& p) { return make(std::type_identity<DoubleWell>{}, p); },
                 [&](const OpenMmParameters& p) { return make(std::type_identity<OpenMmEnergy>{}, p); },
                 [&](const XtbParameters& p) { return make(std::type_identity<XtbEnergy>{}, p); }},
      spec.kind);
  require_types(energy->types(), energy->particles());
  return energy;
}

}  // namespace equibolt
