#include "system/checked_energy.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <limits>
#include <string>
#include <utility>

#include "equibolt/error.h"

namespace equibolt {
namespace {

/// The first numbers of a configuration, "0.1 -2.3 1.7 …", by which it can be made again.
std::string beginning_of(std::span<const double> x) {
  constexpr std::size_t most = 12;
  const auto shown = x.first(std::min(most, x.size()));
  return fmt::format("{:.6g}{}", fmt::join(shown, " "), shown.size() < x.size() ? " …" : "");
}

[[noreturn]] void refuse(const char* what, double value, std::size_t b, std::span<const double> x) {
  throw NumericalError(
      "the program's own energy gave {} {} with the status ok for configuration {} of its batch, x = {}; "
      "where "
      "there is no energy the status has to be EnergyStatus::not_finite, and an energy without a lower bound "
      "defines no distribution",
      what, value, b, beginning_of(x));
}

}  // namespace

void require_types(const ParticleTypes& types, std::size_t particles) {
  if (types.size() != particles) {
    throw UsageError("types: {} of them for {} particles, expected one for each", types.size(), particles);
  }
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] >= 0 && types[i] < kMostTypes) continue;
    throw UsageError("types: particle {} has type {}, expected a number from 0 to {}", i, types[i],
                     kMostTypes - 1);
  }
}

CheckedEnergy::CheckedEnergy(std::unique_ptr<Energy> energy) : energy_(std::move(energy)) {
  if (!energy_) throw UsageError("the program's own energy: its clone() gave a null pointer");
  require_types(energy_->types(), energy_->particles());
}

std::unique_ptr<Energy> CheckedEnergy::clone() const {
  return std::make_unique<CheckedEnergy>(energy_->clone());
}

void CheckedEnergy::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                             ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  try {
    energy_->evaluate(x, energy, gradient, status);
  } catch (const std::exception&) {
    throw;
  } catch (...) {
    // Nobody above knows what it is, and in a worker thread nothing could be said of it.
    throw NumericalError("the program's own energy threw something that is no std::exception");
  }
  constexpr double infinity = std::numeric_limits<double>::infinity();
  for (std::size_t b = 0; b < x.count(); ++b) {
    const auto slope = gradient.size() > 0 ? gradient[b] : std::span<double>();
    if (status[b] == EnergyStatus::ok && energy[b] == infinity) status[b] = EnergyStatus::not_finite;
    if (status[b] != EnergyStatus::ok) {
      energy[b] = infinity;
      std::fill(slope.begin(), slope.end(), 0.0);
      continue;
    }
    if (!std::isfinite(energy[b])) refuse("the energy", energy[b], b, x[b]);
    const auto bad = std::find_if(slope.begin(), slope.end(), [](double g) { return !std::isfinite(g); });
    if (bad != slope.end()) refuse("the gradient", *bad, b, x[b]);
  }
}

}  // namespace equibolt
