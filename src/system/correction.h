#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "chemistry/dihedral.h"
#include "chemistry/molecule.h"
#include "equibolt/configurations.h"
#include "io/npz.h"
#include "system/added_term.h"

namespace equibolt {

/// A sum of smooth functions of a molecule's internal coordinates, each times a weight: what one energy is
/// more than another, to be fitted (system/correction_fit.h). The functions are
///   cubic B-splines of every distance, constant outside of what was seen;
///   products of the distances of atoms one and two bonds apart that share an atom, each distance bounded;
///   Fourier series of a dihedral about each bond that has more than one on both ends, and of two
///   neighbouring ones together; products of those distances and low Fourier terms of a dihedral whose bond
///   they touch.
/// All are bounded: where nothing was seen the sum is wrong, but it makes no hole without a bottom.
class Correction {
 public:
  Correction() = default;
  /// Of configurations (n, N, 3), which tell what each distance is like; all weights zero. Throws UsageError
  /// for fewer than 2 configurations.
  Correction(const Molecule& molecule, ConfigurationsView<const double> seen);

  std::size_t particles() const { return particles_; }
  /// Of terms, F.
  std::size_t size() const { return weights_.size(); }
  std::vector<double>& weights() { return weights_; }  // (F,)
  const std::vector<double>& weights() const { return weights_; }
  /// A constant beside the terms, kT.
  double offset = 0;

  /// The sum at x (N, 3); `gradient` (N, 3) += its gradient, unless empty. NaN where a dihedral is not
  /// defined.
  double evaluate(std::span<const double> x, std::span<double> gradient) const;

  /// Internal coordinates: all distances i < j, then the dihedrals.
  std::vector<double> coordinates(std::span<const double> x) const;
  /// gradient (N, 3) += Σ_c scale[c] ∇c.
  void add_gradient(std::span<const double> x, std::span<const double> scale,
                    std::span<double> gradient) const;
  /// The atoms that coordinate c depends on.
  std::vector<std::size_t> atoms_of(std::size_t c) const;

  /// visit(term, value, a, da, b, db) for each term that is not zero at these coordinates: its derivatives
  /// are da by coordinate a and db by coordinate b.
  template <class Visit>
  void for_each_term(std::span<const double> coordinates, const Visit& visit) const;

  Npz to_npz() const;
  /// Throws DataError for arrays that do not fit together.
  static Correction from(const Npz& npz);

 private:
  /// Splines of one distance: `intervals` equal ones from low on, intervals + 3 splines.
  struct Range {
    double low, width;  ///< Å; of one interval
    std::size_t intervals;
    std::size_t first;  ///< term
  };
  /// (d − centre)/scale, bounded by ±1.
  struct Stiff {
    std::size_t distance;
    double centre, scale;
  };
  /// Two members of stiff_, or one and a dihedral, or two dihedrals, and their first term.
  struct Product {
    std::size_t a, b, first;
  };
  static constexpr std::size_t kSingle = 6;  ///< multiples of one dihedral
  static constexpr std::size_t kDouble = 3;  ///< of each of two
  static constexpr std::size_t kMixed = 2;   ///< beside a distance

  /// The products and the number of terms, from ranges_, stiff_ and dihedrals_.
  void arrange();

  std::size_t particles_ = 0;
  std::vector<std::array<std::size_t, 2>> pairs_;  // (N (N − 1)/2,)
  std::vector<Range> ranges_;                      // of each distance
  std::vector<Stiff> stiff_;
  std::vector<DihedralAtoms> dihedrals_;
  std::vector<Product> of_distances_, of_dihedrals_, mixed_;
  std::size_t first_single_ = 0;
  std::vector<double> weights_;
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

template <class Visit>
void Correction::for_each_term(std::span<const double> coordinates, const Visit& visit) const {
  for (std::size_t p = 0; p < ranges_.size(); ++p) {
    const Range& range = ranges_[p];
    const auto intervals = static_cast<double>(range.intervals);
    const double inside = (coordinates[p] - range.low) / range.width, u = std::clamp(inside, 0.0, intervals);
    if (std::isnan(u)) continue;
    const double floor = std::min(std::floor(u), intervals - 1), t = u - floor, s = 1 - t;
    const double per_width = u == inside ? 1 / range.width : 0.0;
    const double value[4] = {s * s * s / 6, (3 * t * t * t - 6 * t * t + 4) / 6,
                             (3 * s * s * s - 6 * s * s + 4) / 6, t * t * t / 6};
    const double slope[4] = {-s * s / 2, (3 * t - 4) * t / 2, -(3 * s - 4) * s / 2, t * t / 2};
    const std::size_t first = range.first + static_cast<std::size_t>(floor);
    for (std::size_t k = 0; k < 4; ++k) visit(first + k, value[k], p, slope[k] * per_width, p, 0.0);
  }

  std::vector<double> bounded(stiff_.size()), bounded_slope(stiff_.size());
  for (std::size_t s = 0; s < stiff_.size(); ++s) {
    bounded[s] = std::tanh((coordinates[stiff_[s].distance] - stiff_[s].centre) / stiff_[s].scale);
    bounded_slope[s] = (1 - bounded[s] * bounded[s]) / stiff_[s].scale;
  }
  for (const Product& p : of_distances_) {
    visit(p.first, bounded[p.a] * bounded[p.b], stiff_[p.a].distance, bounded_slope[p.a] * bounded[p.b],
          stiff_[p.b].distance, bounded[p.a] * bounded_slope[p.b]);
  }

  // cos nφ and sin nφ, n from 0.
  using Series = std::array<double, kSingle + 1>;
  std::vector<Series> cosine(dihedrals_.size()), sine(dihedrals_.size());
  for (std::size_t d = 0; d < dihedrals_.size(); ++d) {
    const double c = std::cos(coordinates[ranges_.size() + d]), s = std::sin(coordinates[ranges_.size() + d]);
    cosine[d][0] = 1;
    sine[d][0] = 0;
    for (std::size_t n = 1; n <= kSingle; ++n) {
      cosine[d][n] = cosine[d][n - 1] * c - sine[d][n - 1] * s;
      sine[d][n] = sine[d][n - 1] * c + cosine[d][n - 1] * s;
    }
    const std::size_t coordinate = ranges_.size() + d;
    for (std::size_t n = 1; n <= kSingle; ++n) {
      const std::size_t term = first_single_ + 2 * (d * kSingle + n - 1);
      const auto times = static_cast<double>(n);
      visit(term, cosine[d][n], coordinate, -times * sine[d][n], coordinate, 0.0);
      visit(term + 1, sine[d][n], coordinate, times * cosine[d][n], coordinate, 0.0);
    }
  }
  for (const Product& p : of_dihedrals_) {
    const std::size_t a = ranges_.size() + p.a, b = ranges_.size() + p.b;
    std::size_t term = p.first;
    for (std::size_t m = 1; m <= kDouble; ++m) {
      for (std::size_t n = 1; n <= kDouble; ++n) {
        const double cm = cosine[p.a][m], sm = sine[p.a][m], cn = cosine[p.b][n], sn = sine[p.b][n];
        const auto dm = static_cast<double>(m), dn = static_cast<double>(n);
        visit(term++, cm * cn, a, -dm * sm * cn, b, -dn * cm * sn);
        visit(term++, cm * sn, a, -dm * sm * sn, b, dn * cm * cn);
        visit(term++, sm * cn, a, dm * cm * cn, b, -dn * sm * sn);
        visit(term++, sm * sn, a, dm * cm * sn, b, dn * sm * cn);
      }
    }
  }
  for (const Product& p : mixed_) {
    const std::size_t a = stiff_[p.a].distance, b = ranges_.size() + p.b;
    std::size_t term = p.first;
    for (std::size_t n = 1; n <= kMixed; ++n) {
      const double c = cosine[p.b][n], s = sine[p.b][n], q = bounded[p.a], dq = bounded_slope[p.a];
      const auto times = static_cast<double>(n);
      visit(term++, q * c, a, dq * c, b, -times * q * s);
      visit(term++, q * s, a, dq * s, b, times * q * c);
    }
  }
}

}  // namespace equibolt
