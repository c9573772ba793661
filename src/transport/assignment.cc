#include "transport/assignment.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "transport/assignment.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>

#include "equibolt/error.h"
#include "transport/assignment-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt {
namespace HWY_NAMESPACE {

void solve_float(AssignmentWorkspace<float>& work) {
  solve_in_lanes(work, false);
}
void solve_double(AssignmentWorkspace<double>& work) {
  solve_in_lanes(work, false);
}

}  // namespace HWY_NAMESPACE
}  // namespace equibolt
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace equibolt {
namespace {

HWY_EXPORT(solve_float);
HWY_EXPORT(solve_double);

}  // namespace

template <>
void solve_prepared(AssignmentWorkspace<float>& work) {
  HWY_DYNAMIC_DISPATCH(solve_float)(work);
}
template <>
void solve_prepared(AssignmentWorkspace<double>& work) {
  HWY_DYNAMIC_DISPATCH(solve_double)(work);
}

template <typename T>
void AssignmentWorkspace<T>::prepare(std::size_t n) {
  size = n;
  stride = (n + lanes - 1) / lanes * lanes;
  if (n <= capacity_) return;
  capacity_ = stride;
  cost = allocate_aligned<T>(stride * stride);
  for (auto* array : {&column_duals, &open, &distance, &predecessor}) *array = allocate_aligned<T>(stride);
  column_of_row.resize(stride);
  row_of_column.resize(stride);
  free_rows.resize(stride);
  // Lanes beyond the last column are read, never used; they should not be signalling NaNs or denormals.
  std::fill_n(cost.get(), stride * stride, T{0});
  std::fill_n(column_duals.get(), stride, T{0});
}

template <typename T>
double solve_assignment(std::span<const T> cost, std::size_t n, std::span<std::size_t> column_of_row,
                        AssignmentWorkspace<T>& work) {
  if (cost.size() != n * n || column_of_row.size() != n) {
    throw DataError("assignment: {} costs and {} columns given, expected {} and {}", cost.size(),
                    column_of_row.size(), n * n, n);
  }
  // Sums of a few n of the costs must stay finite.
  const T limit = sizeof(T) == 4 ? static_cast<T>(1e30) : static_cast<T>(1e290);
  for (std::size_t k = 0; k < cost.size(); ++k) {
    if (!(std::abs(cost[k]) <= limit)) {
      throw DataError(
          "assignment: the cost in row {}, column {} is {}, expected a number of magnitude {:g} at most",
          k / n, k % n, cost[k], limit);
    }
  }
  work.prepare(n);
  for (std::size_t i = 0; i < n; ++i) std::copy_n(cost.data() + i * n, n, work.cost_row(i).data());
  solve_prepared(work);
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) {
    column_of_row[i] = static_cast<std::size_t>(work.column_of_row[i]);
    sum += static_cast<double>(cost[i * n + column_of_row[i]]);
  }
  return sum;
}

template struct AssignmentWorkspace<float>;
template struct AssignmentWorkspace<double>;
template double solve_assignment(std::span<const float>, std::size_t, std::span<std::size_t>,
                                 AssignmentWorkspace<float>&);
template double solve_assignment(std::span<const double>, std::size_t, std::span<std::size_t>,
                                 AssignmentWorkspace<double>&);

}  // namespace equibolt
#endif
