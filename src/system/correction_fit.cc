#include "system/correction_fit.h"

#include "equibolt/error.h"

namespace equibolt {
namespace {

/// What the differences may deviate by, kT and kT/Å: energies are known as well as gradients are, but what
/// no term describes is much larger in gradients.
constexpr double kEnergyDeviation = 0.5, kGradientDeviation = 8;

}  // namespace

CorrectionFit::CorrectionFit(const Correction& terms) : terms_(terms) {
  const auto size = static_cast<Eigen::Index>(terms.size() + 1);
  normal_ = Eigen::MatrixXd::Zero(size, size);
  right_ = Eigen::VectorXd::Zero(size);
}

void CorrectionFit::add_row(const std::vector<Entry>& row, double value, double weight) {
  for (const Entry& a : row) {
    const auto i = static_cast<Eigen::Index>(a.term);
    right_(i) += weight * a.value * value;
    double* const column = normal_.col(i).data();
    for (const Entry& b : row) {
      if (b.term >= a.term) column[b.term] += weight * a.value * b.value;
    }
  }
}

void CorrectionFit::add(std::span<const double> x, double difference, std::span<const double> gradient,
                        double weight) {
  const InternalCoordinates& internal = terms_.coordinates();
  const std::vector<double> coordinates = internal.values(x);
  // ∇c of each coordinate, by atoms.
  std::vector<std::vector<std::size_t>> atoms(coordinates.size());
  std::vector<std::vector<double>> gradients(coordinates.size());
  std::vector<double> unit(coordinates.size(), 0.0), whole(x.size());
  for (std::size_t c = 0; c < coordinates.size(); ++c) {
    std::fill(whole.begin(), whole.end(), 0.0);
    unit[c] = 1;
    internal.add_gradient(x, unit, whole);
    unit[c] = 0;
    atoms[c] = internal.atoms_of(c);
    for (const std::size_t atom : atoms[c]) {
      for (std::size_t k = 0; k < 3; ++k) gradients[c].push_back(whole[3 * atom + k]);
    }
  }
  std::vector<Entry> energy_row;
  std::vector<std::vector<Entry>> rows(x.size());
  for (const Term& term : terms_.terms(coordinates)) {
    energy_row.push_back({term.index, term.value});
    for (const Slope& slope : {term.a, term.b}) {
      if (slope.value == 0) continue;
      const auto& of = atoms[slope.coordinate];
      for (std::size_t n = 0; n < of.size(); ++n) {
        for (std::size_t k = 0; k < 3; ++k) {
          std::vector<Entry>& row = rows[3 * of[n] + k];
          const double entry = slope.value * gradients[slope.coordinate][3 * n + k];
          if (!row.empty() && row.back().term == term.index) {
            row.back().value += entry;
          } else {
            row.push_back({term.index, entry});
          }
        }
      }
    }
  }
  energy_row.push_back({terms_.size(), 1.0});
  add_row(energy_row, difference, weight / (kEnergyDeviation * kEnergyDeviation));
  for (std::size_t k = 0; k < rows.size(); ++k) {
    add_row(rows[k], gradient[k], weight / (kGradientDeviation * kGradientDeviation));
  }
  ++count_;
}

Correction CorrectionFit::solve(double ridge) const {
  if (count_ == 0) throw NumericalError("a correction was fitted to no configuration at all");
  Eigen::MatrixXd matrix = normal_;
  const Eigen::Index last = matrix.rows() - 1;
  for (Eigen::Index i = 0; i < last; ++i) matrix(i, i) += ridge;
  matrix(last, last) += 1e-9;
  const Eigen::LDLT<Eigen::MatrixXd, Eigen::Lower> factors(matrix);
  const Eigen::VectorXd solution = factors.solve(right_);
  if (factors.info() != Eigen::Success || !solution.allFinite()) {
    throw NumericalError("a correction's weights could not be had from {} configurations", count_);
  }
  Correction fitted = terms_;
  for (Eigen::Index i = 0; i < last; ++i) fitted.weights()[static_cast<std::size_t>(i)] = solution(i);
  fitted.set_offset(solution(last));
  return fitted;
}

}  // namespace equibolt
