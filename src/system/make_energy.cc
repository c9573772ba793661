#include "system/make_energy.h"

namespace equibolt {
namespace {

template <typename... Kinds>
struct Overloaded : Kinds... {
  using Kinds::operator()...;
};
template <typename... Kinds>
Overloaded(Kinds...) -> Overloaded<Kinds...>;

}  // namespace

std::unique_ptr<Energy> make_energy(const SystemSpec& spec) {
  const auto make = [&]<typename Kind>(std::type_identity<Kind>, const auto& parameters) {
    return std::unique_ptr<Energy>(std::make_unique<Kind>(spec.particles, spec.dim, parameters));
  };
  return std::visit(
      Overloaded{
          [&](const HarmonicParameters& p) { return make(std::type_identity<Harmonic>{}, p); },
          [&](const DoubleWellParameters& p) { return make(std::type_identity<DoubleWell>{}, p); },
          [&](const LennardJonesParameters& p) { return make(std::type_identity<LennardJones>{}, p); }},
      spec.kind);
}

}  // namespace equibolt
