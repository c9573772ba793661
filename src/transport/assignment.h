#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/aligned.h"

namespace equibolt {

/// Scratch memory of the assignment solver. It grows at need; keep one per thread. T is float or double.
template <typename T>
struct AssignmentWorkspace {
  /// Numbers in the widest vector of any instruction set; rows are padded to whole ones.
  static constexpr std::size_t lanes = 64 / sizeof(T);

  /// Makes room for n × n costs. Their values are lost when it grows.
  void prepare(std::size_t n);
  std::span<T> cost_row(std::size_t row) { return {cost.get() + row * stride, size}; }

  std::size_t size = 0;          ///< n
  std::size_t stride = 0;        ///< n, padded
  AlignedArray<T> cost;          ///< (n, stride)
  AlignedArray<T> column_duals;  ///< (stride): v
  AlignedArray<T> open;          ///< (stride): v, or −∞ once a path search has settled the column
  AlignedArray<T> distance;      ///< (stride): length of the shortest path to the column
  AlignedArray<T> predecessor;   ///< (stride): the row before the column on that path
  std::vector<std::int32_t> column_of_row;  ///< (n): the solution
  std::vector<std::int32_t> row_of_column;  ///< (n): its inverse
  std::vector<std::int32_t> free_rows;      ///< rows without a column so far

 private:
  std::size_t capacity_ = 0;
};

/// The linear assignment problem: the permutation that minimises Σ_i cost(i, column_of_row[i]).
///
/// `cost` is (n, n), row-major. Writes column_of_row (n) and returns the optimal sum, added up in double.
/// Shortest augmenting paths after Jonker and Volgenant, Computing 38, 325 (1987), O(n³). The duals left in
/// `work` prove optimality: with u_i = cost(i, column_of_row[i]) − v of that column, cost(i, j) − u_i − v_j ≥
/// 0 for all i, j up to rounding in T, so the sum is optimal to about n roundings of the largest cost. Where
/// several permutations are optimal, the choice is a fixed one for a given instruction set.
///
/// Throws DataError when a cost is not finite or beyond 1e30 (float) or 1e290 (double) in magnitude.
template <typename T>
double solve_assignment(std::span<const T> cost, std::size_t n, std::span<std::size_t> column_of_row,
                        AssignmentWorkspace<T>& work);

/// The same for costs already in `work` (prepare(), cost_row()), finite and within those bounds; the solution
/// stays there too. For many small problems in a row.
template <typename T>
void solve_prepared(AssignmentWorkspace<T>& work);

}  // namespace equibolt
