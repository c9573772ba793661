#include "system/make_energy.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"

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
  constexpr std::size_t kCount = 3;
  Configurations<double> x(kCount, energy.particles(), energy.dim());
  for (std::size_t b = 0; b < kCount; ++b) {
    // A spiral of irrational steps: without symmetry, and no two particles at one place.
    for (std::size_t k = 0; k < x.coordinates(); ++k) {
      const auto n = static_cast<double>(b * x.coordinates() + k + 1);
      x[b][k] = std::sqrt(n) * std::sin(2.399963 * n);
    }
  }
  remove_mean(x.view());
  std::vector<double> values(kCount);
  std::vector<EnergyStatus> status(kCount);
  energy.clone()->evaluate(x.view(), values, {}, status);
  return fmt::format("{:.4g}", fmt::join(values, " "));
}

SystemSpec own_system(std::shared_ptr<const Energy> energy) {
  SystemSpec spec{energy->particles(), energy->dim(), OwnEnergy{check_of(*energy), nullptr}};
  std::get<OwnEnergy>(spec.kind).prototype = std::move(energy);
  return spec;
}

std::unique_ptr<Energy> make_energy(const SystemSpec& spec) {
  const auto make = [&]<typename Kind>(std::type_identity<Kind>, const auto& parameters) {
    return std::unique_ptr<Energy>(std::make_unique<Kind>(spec.particles, spec.dim, parameters));
  };
  const auto own = [&](const OwnEnergy& e) {
    if (e.prototype) return e.prototype->clone();
    throw UsageError(
        "system.kind = \"own\": this energy is not built in; only the program that made it has it");
  };
  return std::visit(
      Overloaded{own, [&](const HarmonicParameters& p) { return make(std::type_identity<Harmonic>{}, p); },
                 [&](const DoubleWellParameters& p) { return make(std::type_identity<DoubleWell>{}, p); },
                 [&](const LennardJonesParameters& p) { return make(std::type_identity<LennardJones>{}, p); },
                 [&](const OpenMmParameters& p) { return make(std::type_identity<OpenMmEnergy>{}, p); },
                 [&](const XtbParameters& p) { return make(std::type_identity<XtbEnergy>{}, p); }},
      spec.kind);
}

}  // namespace equibolt
