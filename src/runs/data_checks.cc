#include "runs/data_checks.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "analyze/autocorrelation.h"
#include "system/evaluated.h"
#include "system/frame_check.h"

namespace equibolt {
namespace {

constexpr std::size_t kFewest = 30;         // for statistics
constexpr std::size_t kVirialMost = 1000;   // configurations, whose gradients are computed
constexpr double kSigmas = 5, kPart = 0.1;  // how far a virial may be off

/// Copies of those configurations that are chosen.
Configurations<double> chosen_of(ConfigurationsView<const double> x, std::span<const std::size_t> chosen) {
  Configurations<double> some(chosen.size(), x.particles(), x.dim());
  for (std::size_t k = 0; k < chosen.size(); ++k)
    std::copy_n(x[chosen[k]].data(), x.coordinates(), some[k].data());
  return some;
}

std::optional<std::string> foreign(const RunConfig& config, ConfigurationsView<const double> x) {
  const MoleculeOptions* options = molecule_options_of(config.system);
  if (options == nullptr) return std::nullopt;
  const Molecule molecule = load_molecule(options->structure);
  const FrameCheck check(molecule);
  std::size_t count = 0, first = 0;
  std::string fault;
  for (std::size_t b = 0; b < x.count(); ++b) {
    std::string found = check.fault(x[b]);
    if (found.empty()) continue;
    if (count++ > 0) continue;
    first = b;
    fault = std::move(found);
  }
  if (count == 0) return std::nullopt;
  return fmt::format("{} of {} configurations to train on are not of the molecule, the first is {}: {}",
                     count, x.count(), first, fault);
}

std::optional<std::string> far_outside(std::span<const double> energies, std::span<const std::size_t> far) {
  if (far.empty()) return std::nullopt;
  std::string list;
  constexpr std::size_t most = 5;
  for (std::size_t k = 0; k < std::min(most, far.size()); ++k) {
    list += fmt::format("{}configuration {} has {:.4g} kT", k == 0 ? "" : ", ", far[k], energies[far[k]]);
  }
  if (far.size() > most) list += ", …";
  return fmt::format(
      "{} of {} energies to train on lie far outside the rest: {}. Are these configurations broken? Leave "
      "them out "
      "of the file",
      far.size(), energies.size(), list);
}

std::optional<std::string> off_equilibrium(const RunConfig& config, const Virial& virial) {
  const double off = std::abs(virial.found.value - virial.expected);
  const bool significant = !(off <= kSigmas * virial.found.error);
  const bool large = !(off <= kPart * virial.expected);
  // Fine-tuning follows the forces on the data, flow matching only the data.
  if (!significant || !(large || config.finetunes())) return std::nullopt;
  return fmt::format(
      "the mean of x·∇U over the configurations to train on is {:.4g} ± {:.2g} kT; over equilibrium samples "
      "of this "
      "energy it is {:.4g}, one kT for each degree of freedom. The data are of another energy, temperature, "
      "unit of "
      "length or energy, or not in equilibrium (dynamics with constraints or too long a time step, relaxed "
      "or "
      "selected frames){}",
      virial.found.value, virial.found.error, virial.expected,
      config.finetunes() ? "; fine-tuning takes them for equilibrium samples, and is biased if they are not"
                         : "");
}

}  // namespace

std::optional<Virial> virial_of(ParallelEnergy& energy, ConfigurationsView<const double> x) {
  const Evaluated found = evaluated(energy, x);
  std::vector<double> virials;
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (found.status[b] != EnergyStatus::ok) continue;
    virials.push_back(std::inner_product(x[b].begin(), x[b].end(), found.gradient[b].begin(), 0.0));
  }
  if (virials.size() < kFewest) return std::nullopt;
  return Virial{correlated_mean(virials), static_cast<double>((x.particles() - 1) * x.dim())};
}

std::vector<std::size_t> outliers(std::span<const double> energies) {
  constexpr double ranges = 20;
  std::vector<double> sorted;
  std::copy_if(energies.begin(), energies.end(), std::back_inserter(sorted),
               [](double value) { return std::isfinite(value); });
  if (sorted.size() < kFewest) return {};
  std::sort(sorted.begin(), sorted.end());
  const double low = sorted[sorted.size() / 4], high = sorted[3 * sorted.size() / 4];
  // A file of a few configurations again and again has a range of zero.
  const double range = std::max(high - low, 1e-3 * (1 + std::abs(high)));
  std::vector<std::size_t> far;
  for (std::size_t b = 0; b < energies.size(); ++b) {
    if (!std::isfinite(energies[b])) continue;
    if (energies[b] < low - ranges * range || energies[b] > high + ranges * range) far.push_back(b);
  }
  return far;
}

std::vector<std::string> data_warnings(const RunConfig& config, ParallelEnergy& energy,
                                       ConfigurationsView<const double> x, std::span<const double> energies) {
  std::vector<std::string> warnings;
  const auto tell = [&](const std::optional<std::string>& text) {
    if (text) warnings.push_back(*text);
  };
  tell(foreign(config, x));
  const std::vector<std::size_t> far = outliers(energies);
  tell(far_outside(energies, far));
  std::vector<std::size_t> ordinary;
  for (std::size_t b = 0; b < x.count() && ordinary.size() < kVirialMost; ++b) {
    if (std::isfinite(energies[b]) && !std::binary_search(far.begin(), far.end(), b)) ordinary.push_back(b);
  }
  const bool varies = std::any_of(ordinary.begin(), ordinary.end(),
                                  [&](std::size_t b) { return energies[b] != energies[ordinary.front()]; });
  if (ordinary.size() > 1 && !varies) {
    tell(fmt::format("all {} configurations to train on have the same energy, {:.6g} kT", ordinary.size(),
                     energies[ordinary.front()]));
    return warnings;  // without forces there is no virial
  }
  const auto virial = virial_of(energy, chosen_of(x, ordinary).view());
  if (virial) tell(off_equilibrium(config, *virial));
  return warnings;
}

}  // namespace equibolt
