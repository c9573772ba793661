#include "transport/structure_distance.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <tuple>

#include "core/geometry.h"
#include "transport/alignment.h"

namespace equibolt {
namespace {

constexpr std::size_t kStarts = 24;         // pairs that a search begins with
constexpr std::size_t kAlternations = 100;  // each lowers the distance, so that few are needed

double square(std::span<const double> vector) {
  return std::inner_product(vector.begin(), vector.end(), vector.begin(), 0.0);
}

std::span<const double> particle(std::span<const double> x, std::size_t dim, std::size_t i) {
  return x.subspan(i * dim, dim);
}

/// How two particles lie about the centre: their squared distances from it, and their scalar product.
struct PairShape {
  double first, second, product;
};
PairShape shape_of(std::span<const double> x, std::size_t dim, std::size_t i, std::size_t j) {
  const auto a = particle(x, dim, i), b = particle(x, dim, j);
  return {square(a), square(b), std::inner_product(a.begin(), a.end(), b.begin(), 0.0)};
}
double difference(const PairShape& a, const PairShape& b) {
  const auto term = [](double p, double q) { return (p - q) * (p - q); };
  return term(a.first, b.first) + term(a.second, b.second) + 2 * term(a.product, b.product);
}

}  // namespace

StructureDistance::StructureDistance(std::span<const double> reference, ParticleTypes types, std::size_t dim,
                                     bool reflections)
    : reference_(reference.begin(), reference.end()),
      types_(std::move(types)),
      dim_(dim),
      reflections_(reflections),
      order_(types_.size()) {
  assert(reference_.size() == types_.size() * dim_ && types_.size() >= 2);
  remove_mean(std::span(reference_), dim_);
  for (auto& group : groups_of(types_)) {
    if (group.size() > 1) groups_.push_back(std::move(group));
  }
  // Two particles that fix a rotation well: far from the centre, and the second not on the line of the first.
  double farthest = -1, widest = -1;
  for (std::size_t i = 0; i < types_.size(); ++i) {
    const double r = square(particle(reference_, dim_, i));
    if (r > farthest) std::tie(farthest, first_) = std::pair(r, i);
  }
  for (std::size_t j = 0; j < types_.size(); ++j) {
    const PairShape shape = shape_of(reference_, dim_, first_, j);
    const double area = shape.first * shape.second - shape.product * shape.product;
    if (j != first_ && area > widest) std::tie(widest, second_) = std::pair(area, j);
  }
}

double StructureDistance::rotate_onto(std::span<const double> x, std::vector<double>& rotation) {
  std::vector<double> permuted(x.size()), overlap(dim_ * dim_);
  for (std::size_t i = 0; i < order_.size(); ++i) {
    const auto from = particle(x, dim_, order_[i]);
    std::copy(from.begin(), from.end(), permuted.begin() + static_cast<std::ptrdiff_t>(i * dim_));
  }
  overlap_matrix<double>(reference_, permuted, dim_, overlap);
  const double gain = optimal_rotation(overlap, dim_, reflections_, rotation);
  return square(reference_) + square(x) - 2 * gain;
}

double StructureDistance::refine(std::span<const double> x, std::vector<double> rotation) {
  double best = INFINITY;
  for (std::size_t turn = 0; turn < kAlternations; ++turn) {
    std::vector<double> rotated(x.begin(), x.end());
    rotate(std::span(rotated), rotation, dim_);
    for (const auto& group : groups_) {
      work_.prepare(group.size());
      for (std::size_t i = 0; i < group.size(); ++i) {
        const auto row = work_.cost_row(i);
        for (std::size_t j = 0; j < group.size(); ++j) {
          row[j] = 0;
          for (std::size_t d = 0; d < dim_; ++d) {
            const double apart = reference_[group[i] * dim_ + d] - rotated[group[j] * dim_ + d];
            row[j] += apart * apart;
          }
        }
      }
      solve_prepared(work_);
      for (std::size_t i = 0; i < group.size(); ++i)
        order_[group[i]] = group[static_cast<std::size_t>(work_.column_of_row[i])];
    }
    const double now = rotate_onto(x, rotation);
    if (!(now < best * (1 - 1e-12))) return std::min(now, best);
    best = now;
  }
  return best;
}

std::vector<std::vector<double>> StructureDistance::first_rotations(std::span<const double> x) const {
  const PairShape wanted = shape_of(reference_, dim_, first_, second_);
  std::vector<std::tuple<double, std::size_t, std::size_t>> pairs;
  for (std::size_t i = 0; i < types_.size(); ++i) {
    for (std::size_t j = 0; j < types_.size(); ++j) {
      if (i == j || types_[i] != types_[first_] || types_[j] != types_[second_]) continue;
      pairs.emplace_back(difference(shape_of(x, dim_, i, j), wanted), i, j);
    }
  }
  const std::size_t count = std::min(kStarts, pairs.size());
  std::partial_sort(pairs.begin(), pairs.begin() + static_cast<std::ptrdiff_t>(count), pairs.end());
  std::vector<std::vector<double>> rotations;
  const std::vector<bool> hands = reflections_ ? std::vector{false, true} : std::vector{false};
  for (std::size_t p = 0; p < count; ++p) {
    const auto [unused, i, j] = pairs[p];
    std::vector<double> here, there, overlap(dim_ * dim_), rotation(dim_ * dim_);
    for (const std::size_t k : {i, j}) here.insert(here.end(), &x[k * dim_], &x[k * dim_] + dim_);
    for (const std::size_t k : {first_, second_})
      there.insert(there.end(), &reference_[k * dim_], &reference_[k * dim_] + dim_);
    for (const bool reflected : hands) {
      // Two particles fit both hands equally well in three dimensions: the other one by way of x's image.
      if (reflected) {
        for (std::size_t k = 0; k < here.size(); k += dim_) here[k] = -here[k];
      }
      overlap_matrix<double>(there, here, dim_, overlap);
      (void)optimal_rotation(overlap, dim_, false, rotation);
      std::vector<double> matrix = rotation;
      if (reflected) {
        for (std::size_t d = 0; d < dim_; ++d) matrix[d * dim_] = -matrix[d * dim_];
      }
      rotations.push_back(std::move(matrix));
    }
  }
  return rotations;
}

double StructureDistance::operator()(std::span<const double> x) {
  assert(x.size() == reference_.size());
  centred_.assign(x.begin(), x.end());
  remove_mean(std::span(centred_), dim_);
  std::iota(order_.begin(), order_.end(), 0U);
  std::vector<double> rotation(dim_ * dim_);
  double least = rotate_onto(centred_, rotation);
  if (!groups_.empty()) {
    least = std::min(least, refine(centred_, rotation));
    for (const auto& first : first_rotations(centred_)) least = std::min(least, refine(centred_, first));
  }
  return std::sqrt(std::max(least, 0.0) / static_cast<double>(types_.size()));
}

}  // namespace equibolt
