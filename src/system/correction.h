#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "chemistry/molecule.h"
#include "equibolt/configurations.h"
#include "io/npz.h"
#include "system/added_term.h"
#include "system/correction_terms.h"
#include "system/internal_coordinates.h"

namespace equibolt {

/// A sum of smooth functions of a molecule's internal coordinates, each times a weight, and a constant: what
/// one energy is more than another, to be fitted (system/correction_fit.h). The functions, in the order of
/// their weights, are
///   cubic B-splines of every distance, constant outside of what was seen;
///   products of the distances of atoms one and two bonds apart that share an atom, each distance bounded;
///   Fourier series of a dihedral about each bond that has more than one on both ends, and of two
///   neighbouring ones together; products of those distances and low Fourier terms of a dihedral whose bond
///   they touch.
/// All are bounded: where nothing was seen the sum is wrong, but it makes no hole without a bottom.
class Correction {
 public:
  Correction() = default;
  /// Of configurations (n, N, 3), which show the range of each distance; all weights are zero. Throws
  /// UsageError for fewer than 2 configurations.
  Correction(const Molecule& molecule, ConfigurationsView<const double> seen);

  std::size_t particles() const { return coordinates_.particles(); }
  const InternalCoordinates& coordinates() const { return coordinates_; }
  /// The number of functions, F.
  std::size_t size() const { return weights_.size(); }
  std::vector<double>& weights() { return weights_; }  // (F,), kT
  const std::vector<double>& weights() const { return weights_; }
  /// The constant, kT.
  double offset() const { return offset_; }
  void set_offset(double offset) { offset_ = offset; }

  /// The functions that are not zero at these values of the coordinates, ascending.
  std::vector<Term> terms(std::span<const double> values) const;

  /// The sum at x (N, 3), kT; `gradient` (N, 3) += its gradient, unless empty. NaN where a dihedral is not
  /// defined.
  double evaluate(std::span<const double> x, std::span<double> gradient) const;

  Npz to_npz() const;
  /// Throws DataError for arrays that do not fit together, before it takes more memory than they have.
  static Correction from(const Npz& npz);

 private:
  /// With the products that belong to these coordinates and all weights zero; nothing where it would have
  /// more than `most` functions.
  static std::optional<Correction> arranged(InternalCoordinates coordinates,
                                            std::vector<Splines::Range> ranges,
                                            std::vector<StiffDistance> stiff, std::size_t most);

  InternalCoordinates coordinates_;
  Splines splines_;  // of each distance
  StiffProducts stiff_products_;
  Torsions torsions_;
  MixedProducts mixed_products_;
  std::vector<double> weights_;
  double offset_ = 0;
};

/// U(x) and a correction.
class Corrected : public AddedTerm {
 public:
  /// Throws DataError where they are of different molecules.
  Corrected(std::unique_ptr<Energy> energy, std::shared_ptr<const Correction> correction);

  std::unique_ptr<Energy> clone() const override;
  double term(std::span<const double> x, std::span<double> gradient) const override {
    return correction_->evaluate(x, gradient);
  }

 private:
  std::shared_ptr<const Correction> correction_;
};

}  // namespace equibolt
