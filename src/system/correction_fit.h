#pragma once

#include <Eigen/Dense>
#include <cstddef>
#include <span>
#include <vector>

#include "system/correction.h"

namespace equibolt {

/// Weighted least squares for a correction's weights and offset: that its value is the difference of two
/// energies, and its gradient that of their gradients, over given configurations.
class CorrectionFit {
 public:
  /// Of a correction's terms; its weights do not matter. It must outlive this object.
  explicit CorrectionFit(const Correction& terms);

  /// Adds the configuration x (N, 3) with its difference of energies, kT, and of gradients (N, 3), kT/Å, with
  /// a weight > 0.
  void add(std::span<const double> x, double difference, std::span<const double> gradient, double weight);

  /// The terms with the weights that fit best, with `ridge` (1/kT²) times the sum of
  /// their squares as a penalty. Throws NumericalError where no configuration was added.
  Correction solve(double ridge) const;

 private:
  struct Entry {
    std::size_t term;
    double value;
  };
  void add_row(const std::vector<Entry>& row, double value, double weight);

  const Correction& terms_;
  Eigen::MatrixXd normal_;  ///< (F + 1, F + 1), the offset last; the lower triangle
  Eigen::VectorXd right_;
  std::size_t count_ = 0;
};

}  // namespace equibolt
