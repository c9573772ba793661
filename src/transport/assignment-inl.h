// The assignment solver for one instruction set; included once per Highway target.

#if defined(EQUIBOLT_TRANSPORT_ASSIGNMENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIBOLT_TRANSPORT_ASSIGNMENT_INL_H_
#undef EQUIBOLT_TRANSPORT_ASSIGNMENT_INL_H_
#else
#define EQUIBOLT_TRANSPORT_ASSIGNMENT_INL_H_
#endif

#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "transport/assignment.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Shortest augmenting paths on costs that already lie in `work.cost`, columns in lanes. Feasible duals are
/// kept throughout: u_i = min_j (c_ij − v_j) for any v, and an assigned pair attains that minimum. Only v is
/// stored. `Vectors` is the number of vectors in a row, or 0 when it is known at run time alone.
template <typename T, std::size_t Vectors>
class Solver {
  using D = hn::ScalableTag<T>;
  using V = hn::Vec<D>;
  static constexpr T infinity = std::numeric_limits<T>::infinity();

 public:
  Solver(AssignmentWorkspace<T>& work, std::size_t n)
      : work_(work),
        n_(n),
        stride_(work.stride),
        lanes_(hn::Lanes(d_)),
        vectors_(Vectors != 0 ? Vectors : (n + lanes_ - 1) / lanes_),
        cost_(work.cost.get()),
        v_(work.column_duals.get()),
        open_(work.open.get()),
        distance_(work.distance.get()),
        predecessor_(work.predecessor.get()),
        iota_(hn::Iota(d_, T{0})) {}

  /// v_j = min_i c_ij, the start when nothing better is known.
  void reduce_columns() {
    for (std::size_t k = 0; k < vectors(); ++k) {
      V least = hn::Load(d_, cost_ + k * lanes_);
      for (std::size_t i = 1; i < n_; ++i)
        least = hn::Min(least, hn::Load(d_, cost_ + i * stride_ + k * lanes_));
      hn::Store(least, d_, v_ + k * lanes_);
    }
  }

  /// Solves from the duals in work.column_duals, whatever their values.
  void solve() {
    close_padding();
    std::fill_n(work_.row_of_column.begin(), n_, -1);
    std::int32_t* free_rows = work_.free_rows.data();
    const std::size_t free_count = reduce_rows(free_rows);
    for (std::size_t k = 0; k < free_count; ++k) augment(free_rows[k]);
  }

 private:
  std::size_t vectors() const { return Vectors != 0 ? Vectors : vectors_; }

  /// Columns that only fill the last vector are never the least: v = −∞ makes c − v infinite.
  void close_padding() {
    const std::size_t last = (vectors() - 1) * lanes_;
    const V v = hn::Load(d_, v_ + last);
    const auto real = hn::Lt(iota_, hn::Set(d_, static_cast<T>(n_ - last)));
    hn::Store(hn::IfThenElse(real, v, hn::Set(d_, -infinity)), d_, v_ + last);
  }

  void set_lane(T* array, std::size_t index, T value) {
    // Through the whole vector: a scalar store would stall the vector load that follows soon.
    T* block = array + index / lanes_ * lanes_;
    const auto lane = hn::Eq(iota_, hn::Set(d_, static_cast<T>(index % lanes_)));
    hn::Store(hn::IfThenElse(lane, hn::Set(d_, value), hn::Load(d_, block)), d_, block);
  }

  struct TwoLeast {
    T first;
    T second;
    std::size_t column;  // of the first
  };

  /// The least and the second least of c_ij − v_j over j, ties counted twice.
  TwoLeast two_least(std::size_t row) {
    const T* cost = cost_ + row * stride_;
    V first = hn::Sub(hn::Load(d_, cost), hn::Load(d_, v_));
    V second = hn::Set(d_, infinity);
    V block = hn::Zero(d_);
    for (std::size_t k = 1; k < vectors(); ++k) {
      const V reduced = hn::Sub(hn::Load(d_, cost + k * lanes_), hn::Load(d_, v_ + k * lanes_));
      second = hn::Min(second, hn::Max(first, reduced));
      block = hn::IfThenElse(hn::Lt(reduced, first), hn::Set(d_, static_cast<T>(k * lanes_)), block);
      first = hn::Min(first, reduced);
    }
    const V least = hn::MinOfLanes(d_, first);
    const auto lane = static_cast<std::size_t>(hn::FindFirstTrue(d_, hn::Eq(first, least)));
    const auto is_lane = hn::Eq(iota_, hn::Set(d_, static_cast<T>(lane)));
    const V next = hn::MinOfLanes(d_, hn::IfThenElse(is_lane, second, first));
    std::size_t column = lane;
    if (vectors() > 1) {
      HWY_ALIGN T blocks[AssignmentWorkspace<T>::lanes];
      hn::Store(block, d_, blocks);
      column += static_cast<std::size_t>(blocks[lane]);
    }
    return {hn::GetLane(least), hn::GetLane(next), column};
  }

  /// Augmenting row reduction: each row takes its cheapest column and lowers v there until the second
  /// cheapest is as good, turning out the row that had it. Returns how many rows are still free.
  std::size_t reduce_rows(std::int32_t* free_rows) {
    std::int32_t* const row_of_column = work_.row_of_column.data();
    std::size_t left = 0;
    std::size_t steps = row_reduction_steps * n_;
    for (std::size_t i = 0; i < n_; ++i) {
      auto row = static_cast<std::int32_t>(i);
      while (row >= 0) {
        const TwoLeast least = two_least(static_cast<std::size_t>(row));
        const T lowered = v_[least.column] - (least.second - least.first);
        const std::int32_t owner = row_of_column[least.column];
        // A column changes hands only when its price falls, or rows could take it from each other for ever.
        const bool takes = owner < 0 || (lowered < v_[least.column] && steps > 0);
        if (!takes) {
          free_rows[left++] = row;
          break;
        }
        if (steps > 0) --steps;
        if (n_ > 1) set_lane(v_, least.column, lowered);
        row_of_column[least.column] = row;
        row = owner;
      }
    }
    for (std::size_t j = 0; j < n_; ++j) {
      if (row_of_column[j] >= 0)
        work_.column_of_row[static_cast<std::size_t>(row_of_column[j])] = static_cast<std::int32_t>(j);
    }
    return left;
  }

  /// Dijkstra's search with reduced costs from a free row to the nearest free column; then the pairs along
  /// the path change over and the duals of the settled columns follow.
  void augment(std::int32_t free_row) {
    std::int32_t* const row_of_column = work_.row_of_column.data();
    std::int32_t* const column_of_row = work_.column_of_row.data();
    const V inf = hn::Set(d_, infinity);
    const V minus_inf = hn::Set(d_, -infinity);

    auto row = static_cast<std::size_t>(free_row);
    std::size_t column = 0;
    T offset = 0;  // c_row,column − v_column − distance(column): what turns c − v into a path's length
    for (bool first_step = true;; first_step = false) {
      const T* cost = cost_ + row * stride_;
      const V shift = hn::Set(d_, offset);
      const V from = hn::Set(d_, static_cast<T>(row));
      V least = inf;
      V block = hn::Zero(d_);
      for (std::size_t k = 0; k < vectors(); ++k) {
        const std::size_t at = k * lanes_;
        const V open = hn::Load(d_, (first_step ? v_ : open_) + at);
        const V length = hn::Sub(hn::Sub(hn::Load(d_, cost + at), open), shift);
        V distance = length;
        if (first_step) {
          hn::Store(open, d_, open_ + at);
          hn::Store(from, d_, predecessor_ + at);
        } else {
          const V known = hn::Load(d_, distance_ + at);
          const auto shorter = hn::Lt(length, known);
          distance = hn::Min(length, known);
          hn::Store(hn::IfThenElse(shorter, from, hn::Load(d_, predecessor_ + at)), d_, predecessor_ + at);
        }
        hn::Store(distance, d_, distance_ + at);
        const V candidate = hn::IfThenElse(hn::Gt(open, minus_inf), distance, inf);
        if (vectors() > 1) {
          block = hn::IfThenElse(hn::Lt(candidate, least), hn::Set(d_, static_cast<T>(at)), block);
        }
        least = hn::Min(least, candidate);
      }
      const V nearest = hn::MinOfLanes(d_, least);
      const auto lane = static_cast<std::size_t>(hn::FindFirstTrue(d_, hn::Eq(least, nearest)));
      column = lane;
      if (vectors() > 1) {
        HWY_ALIGN T blocks[AssignmentWorkspace<T>::lanes];
        hn::Store(block, d_, blocks);
        column += static_cast<std::size_t>(blocks[lane]);
      }
      const T reached = hn::GetLane(nearest);
      if (row_of_column[column] < 0) {
        settle(reached);
        break;
      }
      row = static_cast<std::size_t>(row_of_column[column]);
      offset = cost_[row * stride_ + column] - v_[column] - reached;
      set_lane(open_, column, -infinity);
    }

    std::int32_t next = static_cast<std::int32_t>(column);
    std::int32_t owner;
    do {
      owner = static_cast<std::int32_t>(predecessor_[next]);
      row_of_column[next] = owner;
      std::swap(column_of_row[owner], next);
    } while (owner != free_row);
  }

  /// v_j −= reached − distance_j for the settled columns; the others' distance is at least `reached`.
  void settle(T reached) {
    for (std::size_t k = 0; k < vectors(); ++k) {
      const std::size_t at = k * lanes_;
      const V change = hn::Sub(hn::Load(d_, distance_ + at), hn::Set(d_, reached));
      const V v = hn::Load(d_, v_ + at);
      hn::Store(hn::Add(v, hn::Min(change, hn::Zero(d_))), d_, v_ + at);
    }
  }

  static constexpr std::size_t row_reduction_steps = 4;  // per row, at most

  const D d_{};
  AssignmentWorkspace<T>& work_;
  const std::size_t n_, stride_, lanes_, vectors_;
  const T* const cost_;
  T* const v_;
  T* const open_;
  T* const distance_;
  T* const predecessor_;
  const V iota_;
};

/// Solves the problem in work.cost; `warm`: from the duals in work.column_duals instead of the columns'
/// minima.
template <typename T>
void solve_in_lanes(AssignmentWorkspace<T>& work, bool warm) {
  const std::size_t n = work.size;
  const auto run = [&](auto solver) {
    if (!warm) solver.reduce_columns();
    solver.solve();
  };
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<T>());
  switch ((n + lanes - 1) / lanes) {
    case 0:
      return;
    case 1:
      return run(Solver<T, 1>(work, n));
    case 2:
      return run(Solver<T, 2>(work, n));
    case 4:
      return run(Solver<T, 4>(work, n));
    default:
      return run(Solver<T, 0>(work, n));
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace equibolt
HWY_AFTER_NAMESPACE();

#endif
