#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <vector>

#include "system/internal_coordinates.h"

namespace equibolt {

/// The derivative of something by one internal coordinate.
struct Slope {
  std::size_t coordinate;
  double value;
};

/// One function of a correction that is not zero at some configuration. It depends on two coordinates at
/// most; where on one, the second slope is zero.
struct Term {
  std::size_t index;  ///< among all functions, as of its weight
  double value;
  Slope a, b;
};

// Four families of functions. Each knows how many functions it has, size(), and appends to `terms` those that
// are not zero, numbered from `first` on.

/// Cubic B-splines of each distance on equal intervals, intervals + 3 for each; constant outside.
class Splines {
 public:
  struct Range {
    double low, width;  ///< Å; the width of one interval
    std::size_t intervals;
  };

  Splines() = default;
  /// Of each distance.
  explicit Splines(std::vector<Range> ranges);

  const std::vector<Range>& ranges() const { return ranges_; }
  std::size_t size() const { return size_; }
  void append(std::span<const double> coordinates, std::size_t first, std::vector<Term>& terms) const;

 private:
  std::vector<Range> ranges_;
  std::size_t size_ = 0;
};

/// A distance that varies little, bounded: q = tanh((d − centre)/scale).
struct StiffDistance {
  std::size_t distance;  ///< its index among the pairs
  double centre, scale;  ///< Å
};

/// q and dq/dd of each stiff distance.
struct Bounded {
  double value, slope;
};
std::vector<Bounded> bounded(std::span<const StiffDistance> stiff, std::span<const double> coordinates);

/// cos nφ and sin nφ of a dihedral φ, n from 0.
struct Fourier {
  static constexpr std::size_t kOrder = 6;
  std::array<double, kOrder + 1> cosine, sine;
};
/// Of all dihedrals, the coordinates after the first `distances`.
std::vector<Fourier> fourier(std::span<const double> coordinates, std::size_t distances);

/// Two members of the lists that a family makes products of.
struct Product {
  std::size_t a, b;
};

/// q_a q_b of stiff distances that share an atom.
class StiffProducts {
 public:
  StiffProducts() = default;
  StiffProducts(std::vector<StiffDistance> stiff, std::vector<Product> products)
      : stiff_(std::move(stiff)), products_(std::move(products)) {}

  const std::vector<StiffDistance>& stiff() const { return stiff_; }
  std::size_t size() const { return products_.size(); }
  void append(std::span<const Bounded> q, std::size_t first, std::vector<Term>& terms) const;

 private:
  std::vector<StiffDistance> stiff_;
  std::vector<Product> products_;
};

/// cos nφ and sin nφ of each dihedral, n = 1 … 6, and products of those up to n = 3 of two dihedrals whose
/// bonds share an atom.
class Torsions {
 public:
  Torsions() = default;
  Torsions(std::size_t distances, std::size_t dihedrals, std::vector<Product> products)
      : distances_(distances), dihedrals_(dihedrals), products_(std::move(products)) {}

  std::size_t size() const { return singles() + products_.size() * 4 * kPairOrder * kPairOrder; }
  void append(std::span<const Fourier> series, std::size_t first, std::vector<Term>& terms) const;

 private:
  static constexpr std::size_t kPairOrder = 3;
  std::size_t singles() const { return dihedrals_ * 2 * Fourier::kOrder; }

  std::size_t distances_ = 0, dihedrals_ = 0;
  std::vector<Product> products_;
};

/// q cos nφ and q sin nφ, n = 1, 2, of a stiff distance and a dihedral whose bond it touches.
class MixedProducts {
 public:
  MixedProducts() = default;
  MixedProducts(std::size_t distances, std::vector<Product> products)
      : distances_(distances), products_(std::move(products)) {}

  std::size_t size() const { return products_.size() * 2 * kOrder; }
  void append(std::span<const StiffDistance> stiff, std::span<const Bounded> q,
              std::span<const Fourier> series, std::size_t first, std::vector<Term>& terms) const;

 private:
  static constexpr std::size_t kOrder = 2;

  std::size_t distances_ = 0;
  std::vector<Product> products_;
};

}  // namespace equibolt
