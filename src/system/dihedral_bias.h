#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "system/added_term.h"
#include "system/molecule_options.h"

namespace equibolt {

/// A potential b(φ) = −ln(1 + a f(φ)) of a dihedral, f being von Mises' density: what is sampled with it has
/// the weight 1 + a f(φ) against what is sampled without (paper, eq. 30).
struct DihedralBias {
  DihedralAtoms atoms{};
  double factor = 0;         ///< a ≥ 0
  double mean = 0;           ///< of f, rad
  double concentration = 0;  ///< κ of f, in [0, 700]

  /// 1 + a f.
  double weight(double angle) const;
  /// b, kT, and its derivative.
  double energy(double angle) const;
  double derivative(double angle) const;
};

/// From a text "NAME a mean concentration", as in "phi 150 1 10"; nothing where it is empty. Throws
/// UsageError that begins with `key` and names the structure.
std::optional<DihedralBias> dihedral_bias(const std::string& text, const std::string& key,
                                          const Molecule& molecule, std::span<const NamedDihedral> dihedrals);

/// U(x) and the bias. Not invariant under reflection, nor under permutations of the dihedral's atoms.
class Biased : public AddedTerm {
 public:
  Biased(std::unique_ptr<Energy> energy, const DihedralBias& bias)
      : AddedTerm(std::move(energy)), bias_(bias) {}

  std::unique_ptr<Energy> clone() const override { return std::make_unique<Biased>(energy().clone(), bias_); }
  /// b(φ(x)).
  double term(std::span<const double> x, std::span<double> gradient) const override;

 private:
  DihedralBias bias_;
};

}  // namespace equibolt
