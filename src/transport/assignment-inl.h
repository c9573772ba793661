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
#include <type_traits>
#include <utility>

#include "transport/assignment.h"

HWY_BEFORE_NAMESPACE();
namespace equibolt {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

/// Shortest augmenting paths on costs that already lie in `work.cost`, columns in lanes.
///
/// The problem's dual: maximise Σ_i u_i + Σ_j v_j subject to u_i + v_j ≤ c_ij. Any v with u_i = min_j (c_ij −
/// v_j) is feasible, so only v is stored; an assigned row always has a column where its minimum is attained,
/// and once all rows are assigned both sums are equal, hence optimal. `Vectors` is the number of vectors in a
/// row, or 0 when it is known at run time alone.
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
        iota_(hn::Iota(d_, T{0})) {}

  /// v_j = min_i c_ij, the start when nothing better is known.
  void reduce_columns() {
    for (std::size_t k = 0; k < vectors(); ++k) {
      V least = hn::Load(d_, cost_ + k * lanes_);
      for (std::size_t i = 1; i < n_; ++i) {
        least = hn::Min(least, hn::Load(d_, cost_ + i * stride_ + k * lanes_));
      }
      hn::Store(least, d_, v_ + k * lanes_);
    }
  }

  /// Solves from the duals in work.column_duals, whatever their values.
  void solve() {
    if (n_ == 1) {
      work_.column_of_row[0] = work_.row_of_column[0] = 0;
      return;
    }
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

  /// One number per column, columns in lanes: in registers where a row has few vectors, else in memory.
  class Row {
   public:
    explicit Row(T* memory) : memory_(memory) {}
    V get(std::size_t k) const {
      if constexpr (Vectors != 0) return vectors_[k];
      return hn::Load(D(), memory_ + k * hn::Lanes(D()));
    }
    void set(std::size_t k, V value) {
      if constexpr (Vectors != 0) {
        vectors_[k] = value;
      } else {
        hn::Store(value, D(), memory_ + k * hn::Lanes(D()));
      }
    }
    /// Lowers the number of one column by `amount`, the same in every lane.
    void lower(std::size_t column, V amount) {
      const std::size_t lanes = hn::Lanes(D());
      const V iota = hn::Iota(D(), T{0});
      // A scalar store would stall the load of the whole vector that follows soon.
      if constexpr (Vectors != 0) {
        for (std::size_t k = 0; k < Vectors; ++k) {
          const auto lane = static_cast<std::make_signed_t<std::size_t>>(column - k * lanes);
          vectors_[k] = hn::IfThenElse(hn::Eq(iota, hn::Set(D(), static_cast<T>(lane))),
                                       hn::Sub(vectors_[k], amount), vectors_[k]);
        }
      } else {
        const auto lane = hn::Eq(iota, hn::Set(D(), static_cast<T>(column % lanes)));
        const V old = get(column / lanes);
        set(column / lanes, hn::IfThenElse(lane, hn::Sub(old, amount), old));
      }
    }
    void load() {
      for (std::size_t k = 0; k < Vectors; ++k) vectors_[k] = hn::Load(D(), memory_ + k * hn::Lanes(D()));
    }
    void store() const {
      for (std::size_t k = 0; k < Vectors; ++k) hn::Store(vectors_[k], D(), memory_ + k * hn::Lanes(D()));
    }

   private:
    T* memory_;
    V vectors_[Vectors != 0 ? Vectors : 1];
  };

  struct TwoLeast {
    T first;
    T second;
    std::size_t column;  // of the first
    V gap;               // second − first, in every lane
  };

  /// The least and the second least of c_ij − v_j over j, ties counted twice.
  HWY_INLINE TwoLeast two_least(std::size_t row, const Row& v) {
    const T* cost = cost_ + row * stride_;
    V reduced[Vectors != 0 ? Vectors : 1];
    V first = hn::Sub(hn::Load(d_, cost), v.get(0));
    V second = hn::Set(d_, infinity);
    V block = hn::Zero(d_);
    reduced[0] = first;
    for (std::size_t k = 1; k < vectors(); ++k) {
      const V next = hn::Sub(hn::Load(d_, cost + k * lanes_), v.get(k));
      second = hn::Min(second, hn::Max(first, next));
      if constexpr (Vectors != 0) {
        reduced[k] = next;
      } else {
        block = hn::IfThenElse(hn::Lt(next, first), hn::Set(d_, static_cast<T>(k * lanes_)), block);
      }
      first = hn::Min(first, next);
    }
    // Halving by exchange, the least and the second least together: every lane ends with both.
    V least = first;
    const auto exchange = [&](auto reversed) HWY_ATTR {
      const V other = reversed(least);
      second = hn::Min(hn::Min(second, reversed(second)), hn::Max(least, other));
      least = hn::Min(least, other);
    };
    constexpr std::size_t most_lanes = hn::MaxLanes(D());
    if constexpr (most_lanes >= 2) exchange([&](V x) HWY_ATTR { return hn::Reverse2(d_, x); });
    if constexpr (most_lanes >= 4) exchange([&](V x) HWY_ATTR { return hn::Reverse4(d_, x); });
    if constexpr (most_lanes >= 8) exchange([&](V x) HWY_ATTR { return hn::Reverse8(d_, x); });
    if constexpr (most_lanes >= 16) exchange([&](V x) HWY_ATTR { return hn::Reverse(d_, x); });

    std::size_t column = 0;
    if constexpr (Vectors != 0) {
      for (std::size_t k = Vectors; k-- > 0;) {
        const intptr_t lane = hn::FindFirstTrue(d_, hn::Eq(reduced[k], least));
        column = lane >= 0 ? k * lanes_ + static_cast<std::size_t>(lane) : column;
      }
    } else {
      column = column_of(first, least, block);
    }
    return {hn::GetLane(least), hn::GetLane(second), column, hn::Sub(second, least)};
  }

  /// The column of a value that is the least of `values`, whose vectors began at column `block`, by lane.
  std::size_t column_of(V values, V least, V block) {
    const auto lane = static_cast<std::size_t>(hn::FindFirstTrue(d_, hn::Eq(values, least)));
    if (vectors() == 1) return lane;
    HWY_ALIGN T blocks[AssignmentWorkspace<T>::lanes];
    hn::Store(block, d_, blocks);
    return lane + static_cast<std::size_t>(blocks[lane]);
  }

  /// Augmenting row reduction: each row takes its cheapest column and lowers v there until the second
  /// cheapest is as good, turning out the row that had it. Returns how many rows are still free.
  std::size_t reduce_rows(std::int32_t* free_rows) {
    std::int32_t* const row_of_column = work_.row_of_column.data();
    Row v(v_);
    v.load();

    // Where a row is one vector, first all rows with the same v, which the processor can overlap. A fall
    // found with v as it was is never too deep, since the other columns only become dearer.
    std::size_t waiting = 0;
    const Row start = v;
    for (std::size_t i = 0; i < n_; ++i) {
      const TwoLeast least = two_least(i, Vectors == 1 ? start : v);
      if (row_of_column[least.column] < 0) {
        row_of_column[least.column] = static_cast<std::int32_t>(i);
        v.lower(least.column, least.gap);
      } else {
        free_rows[waiting++] = static_cast<std::int32_t>(i);
      }
    }

    std::size_t left = 0;
    // Beyond about one step per row, searching paths is faster.
    std::size_t steps = n_;
    for (std::size_t k = 0; k < waiting; ++k) {
      std::int32_t row = free_rows[k];
      while (row >= 0) {
        if (steps == 0) {
          free_rows[left++] = row;
          break;
        }
        --steps;
        const TwoLeast least = two_least(static_cast<std::size_t>(row), v);
        const std::int32_t owner = row_of_column[least.column];
        // A column changes hands only when its price falls.
        if (owner >= 0 && !(least.first < least.second)) {
          free_rows[left++] = row;
          break;
        }
        v.lower(least.column, least.gap);
        row_of_column[least.column] = row;
        row = owner;
      }
    }
    v.store();
    for (std::size_t j = 0; j < n_; ++j) {
      const std::int32_t row = row_of_column[j];
      if (row >= 0) work_.column_of_row[static_cast<std::size_t>(row)] = static_cast<std::int32_t>(j);
    }
    return left;
  }

  /// Dijkstra's search with reduced costs from a free row to the nearest free column; then the pairs along
  /// the path change over and the duals of the settled columns follow.
  void augment(std::int32_t free_row) {
    std::int32_t* const row_of_column = work_.row_of_column.data();
    std::int32_t* const column_of_row = work_.column_of_row.data();
    const V inf = hn::Set(d_, infinity);
    Row open(work_.open.get()), distance(work_.distance.get()), predecessor(work_.predecessor.get());

    const T* cost = cost_ + static_cast<std::size_t>(free_row) * stride_;
    V nearest = inf;
    V block = hn::Zero(d_);
    // The columns' candidates for the next to be settled, and where the vector of the nearest begins.
    const auto consider = [&](std::size_t k, V candidate) HWY_ATTR {
      if (vectors() > 1) {
        block = hn::IfThenElse(hn::Lt(candidate, nearest), hn::Set(d_, static_cast<T>(k * lanes_)), block);
      }
      nearest = hn::Min(nearest, candidate);
    };
    for (std::size_t k = 0; k < vectors(); ++k) {
      const V v = hn::Load(d_, v_ + k * lanes_);
      const V length = hn::Sub(hn::Load(d_, cost + k * lanes_), v);
      open.set(k, v);
      distance.set(k, length);
      predecessor.set(k, hn::Set(d_, static_cast<T>(free_row)));
      consider(k, length);
    }
    std::size_t column;
    for (;;) {
      const V reached = hn::MinOfLanes(d_, nearest);
      column = column_of(nearest, reached, block);
      if (row_of_column[column] < 0) {
        settle(distance, reached);
        break;
      }
      open.lower(column, inf);
      const auto row = static_cast<std::size_t>(row_of_column[column]);
      cost = cost_ + row * stride_;
      // What turns this row's c − v into the length of a path through it.
      const V offset = hn::Sub(hn::Set(d_, cost[column] - v_[column]), reached);
      const V from = hn::Set(d_, static_cast<T>(row));
      nearest = inf;
      block = hn::Zero(d_);
      for (std::size_t k = 0; k < vectors(); ++k) {
        const V length = hn::Sub(hn::Sub(hn::Load(d_, cost + k * lanes_), open.get(k)), offset);
        const V known = distance.get(k);
        predecessor.set(k, hn::IfThenElse(hn::Lt(length, known), from, predecessor.get(k)));
        distance.set(k, hn::Min(length, known));
        consider(k, hn::IfThenElse(hn::Eq(open.get(k), hn::Neg(inf)), inf, hn::Min(length, known)));
      }
    }
    predecessor.store();

    std::int32_t next = static_cast<std::int32_t>(column);
    std::int32_t owner;
    do {
      owner = static_cast<std::int32_t>(work_.predecessor[static_cast<std::size_t>(next)]);
      row_of_column[next] = owner;
      std::swap(column_of_row[owner], next);
    } while (owner != free_row);
  }

  /// v_j −= reached − distance_j for the settled columns; the others' distance is at least `reached`.
  void settle(const Row& distance, V reached) {
    for (std::size_t k = 0; k < vectors(); ++k) {
      const V change = hn::Min(hn::Sub(distance.get(k), reached), hn::Zero(d_));
      hn::Store(hn::Add(hn::Load(d_, v_ + k * lanes_), change), d_, v_ + k * lanes_);
    }
  }

  const D d_{};
  AssignmentWorkspace<T>& work_;
  const std::size_t n_, stride_, lanes_, vectors_;
  const T* const cost_;
  T* const v_;
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
    case 3:
      return run(Solver<T, 3>(work, n));
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
