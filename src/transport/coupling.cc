#include "transport/coupling.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <span>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "transport/assignment.h"
#include "transport/batch_costs.h"
#include "transport/matching.h"

namespace equibolt {
namespace {

using View = ConfigurationsView<const float>;

constexpr std::array<std::string_view, 4> names = {"independent", "ot", "equivariant_ot", "aligned"};

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) {
    const double difference = static_cast<double>(a[k]) - static_cast<double>(b[k]);
    sum += difference * difference;
  }
  return sum;
}

void check_finite(View x, const char* what) {
  // Products of coordinates have to stay finite in single precision.
  constexpr float limit = 1e12F;
  for (std::size_t k = 0; k < x.size(); ++k) {
    if (!(std::abs(x.data()[k]) <= limit)) {
      throw DataError(
          "coupling: coordinate {} of particle {} of {} sample {} is {}, expected a number of magnitude {:g} "
          "at most",
          k % x.dim(), k / x.dim() % x.particles(), what, k / x.coordinates(), x.data()[k], limit);
    }
  }
}

/// The batch part, the same for all kinds: which samples become pairs.
class BatchCoupling : public Coupling {
 public:
  explicit BatchCoupling(const CouplingOptions& options) : options_(options) {}

  double pair(View prior, View data, Random& random, ConfigurationsView<float> x0,
              ConfigurationsView<float> x1) final {
    check(prior, data, x0, x1);
    double sum = 0;
    const std::size_t batch = prior.count();
    if (batch == 0) return 0;
    plan(prior, data, random);
    for (std::size_t b = 0; b < batch; ++b) {
      const std::size_t from = options_.with_replacement && has_plan() ? random.below(batch) : b;
      std::copy_n(prior[from].data(), prior.coordinates(), x0[b].data());
      write(prior[from], data, partner_[from], x1[b]);
      sum += squared_distance(x0[b], x1[b]);
    }
    return sum / static_cast<double>(batch);
  }

 protected:
  /// Fills partner_: the data sample of each prior sample.
  virtual void plan(View prior, View data, Random& random) = 0;
  /// Writes data sample `partner` as it goes with x0.
  virtual void write(std::span<const float> x0, View data, std::size_t partner, std::span<float> x1) = 0;

  void pair_in_order(std::size_t batch) {
    partner_.resize(batch);
    std::iota(partner_.begin(), partner_.end(), std::size_t{0});
  }

  CouplingOptions options_;
  std::vector<std::size_t> partner_;

 private:
  bool has_plan() const {
    return options_.kind == CouplingKind::ot || options_.kind == CouplingKind::equivariant_ot;
  }

  void check(View prior, View data, View x0, View x1) const {
    for (const View* x : {&prior, &data, &x0, &x1}) {
      if (x->count() != prior.count() || x->particles() != options_.types.size() ||
          x->dim() != options_.dim) {
        throw DataError(
            "coupling: a batch of {} configurations of {} particles in {} dimensions, expected {} of {} in "
            "{}",
            x->count(), x->particles(), x->dim(), prior.count(), options_.types.size(), options_.dim);
      }
    }
    check_finite(prior, "prior");
    check_finite(data, "data");
  }
};

class IndependentCoupling final : public BatchCoupling {
 public:
  using BatchCoupling::BatchCoupling;
  std::unique_ptr<Coupling> clone() const override { return std::make_unique<IndependentCoupling>(options_); }

 private:
  void plan(View prior, View, Random&) override { pair_in_order(prior.count()); }
  void write(std::span<const float>, View data, std::size_t partner, std::span<float> x1) override {
    std::copy_n(data[partner].data(), x1.size(), x1.data());
  }
};

class OtCoupling final : public BatchCoupling {
 public:
  explicit OtCoupling(const CouplingOptions& options)
      : BatchCoupling(options), groups_(groups_of(options.types)) {}
  std::unique_ptr<Coupling> clone() const override { return std::make_unique<OtCoupling>(options_); }

 private:
  void plan(View prior, View data, Random& random) override {
    const std::size_t batch = prior.count();
    moved_ = Configurations<float>(batch, data.particles(), data.dim());
    for (std::size_t b = 0; b < batch; ++b) move_at_random(data[b], random, moved_[b]);

    cost_.resize(batch * batch);
    squared_distances(prior, moved_.view(), transposed_, cost_);
    partner_.resize(batch);
    solve_assignment<float>(cost_, batch, partner_, work_);
  }

  void write(std::span<const float>, View, std::size_t partner, std::span<float> x1) override {
    std::copy_n(moved_[partner].data(), x1.size(), x1.data());
  }

  void move_at_random(std::span<const float> x, Random& random, std::span<float> out) {
    const std::size_t dim = options_.dim;
    for (const auto& group : groups_) {
      auto order = group;
      random.shuffle(std::span(order));
      for (std::size_t i = 0; i < group.size(); ++i)
        std::copy_n(&x[order[i] * dim], dim, &out[group[i] * dim]);
    }
    rotate(out, std::span<const double>(random_rotation(random, dim, options_.reflections)), dim);
  }

  std::vector<std::vector<std::size_t>> groups_;
  AssignmentWorkspace<float> work_;
  Configurations<float> moved_;
  std::vector<float> transposed_;
  std::vector<float> cost_;
};

class EquivariantCoupling final : public BatchCoupling {
 public:
  explicit EquivariantCoupling(const CouplingOptions& options)
      : BatchCoupling(options),
        matcher_(options.types, options.dim, options.reflections, options.alternate) {}
  std::unique_ptr<Coupling> clone() const override { return std::make_unique<EquivariantCoupling>(options_); }

 private:
  void plan(View prior, View data, Random&) override {
    const std::size_t batch = prior.count();
    pair_in_order(batch);
    if (options_.kind == CouplingKind::aligned || batch == 1) return;
    cost_.resize(batch * batch);
    matcher_.costs(prior, data, cost_);
    solve_assignment<float>(cost_, batch, partner_, work_);
  }

  void write(std::span<const float> x0, View data, std::size_t partner, std::span<float> x1) override {
    matcher_.match(x0, data[partner], x1);
  }

  Matcher matcher_;
  AssignmentWorkspace<float> work_;
  std::vector<float> cost_;
};

}  // namespace

std::string_view coupling_name(CouplingKind kind) {
  return names.at(static_cast<std::size_t>(kind));
}

CouplingKind coupling_kind(std::string_view name) {
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) {
    throw UsageError("coupling \"{}\" is not known, expected one of {}", name, fmt::join(names, ", "));
  }
  return static_cast<CouplingKind>(found - names.begin());
}

std::unique_ptr<Coupling> make_coupling(const CouplingOptions& options) {
  if (options.types.empty() || options.dim == 0) {
    throw UsageError("coupling: {} particles in {} dimensions, expected at least one of each",
                     options.types.size(), options.dim);
  }
  switch (options.kind) {
    case CouplingKind::independent:
      return std::make_unique<IndependentCoupling>(options);
    case CouplingKind::ot:
      return std::make_unique<OtCoupling>(options);
    default:
      return std::make_unique<EquivariantCoupling>(options);
  }
}

}  // namespace equibolt
