#include "system/dihedral_bias.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>

#include "equibolt/error.h"

namespace equibolt {
namespace {

double von_mises(double angle, double mean, double concentration) {
  return std::exp(concentration * std::cos(angle - mean)) /
         (2 * std::numbers::pi * std::cyl_bessel_i(0.0, concentration));
}

}  // namespace

double DihedralBias::weight(double angle) const {
  return 1 + factor * von_mises(angle, mean, concentration);
}

double DihedralBias::energy(double angle) const {
  return -std::log(weight(angle));
}

double DihedralBias::derivative(double angle) const {
  const double share = 1 - 1 / weight(angle);  // of a f in the weight
  return share * concentration * std::sin(angle - mean);
}

std::optional<DihedralBias> dihedral_bias(const std::string& text, const std::string& key,
                                          const Molecule& molecule,
                                          std::span<const NamedDihedral> dihedrals) {
  if (text.empty()) return std::nullopt;
  std::istringstream words(text);
  std::string name, rest;
  DihedralBias bias;
  const bool read =
      static_cast<bool>(words >> name >> bias.factor >> bias.mean >> bias.concentration) && !(words >> rest);
  const auto found = std::ranges::find(dihedrals, name, &NamedDihedral::name);
  const bool sound = bias.factor >= 0 && bias.concentration >= 0 && bias.concentration <= 700;
  if (!read || !sound || found == dihedrals.end()) {
    throw UsageError(
        "{}: expected the name of a dihedral of {}, a factor, a mean and a concentration, as in \"phi 150 1 "
        "10\", found '{}'",
        key, molecule.origin, text);
  }
  bias.atoms = found->atoms;
  return bias;
}

double Biased::term(std::span<const double> x, std::span<double> gradient) const {
  const double angle = dihedral(x, bias_.atoms);
  if (!gradient.empty()) add_dihedral_gradient(x, bias_.atoms, bias_.derivative(angle), gradient);
  return bias_.energy(angle);
}

}  // namespace equibolt
