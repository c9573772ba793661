#include "transport/coupling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "transport/alignment.h"

namespace equibolt {
namespace {

using Batch = Configurations<float>;

/// A batch of mean-free Gaussians of standard deviation `scale`.
Batch gaussians(std::size_t batch, std::size_t particles, std::size_t dim, std::uint64_t seed,
                float scale = 1) {
  Batch x(batch, particles, dim);
  for (std::size_t b = 0; b < batch; ++b) {
    Random random(seed, Stream::test, 0, b);
    mean_free_normal(random, x[b], dim);
    for (float& value : x[b]) value *= scale;
  }
  return x;
}

struct Pairs {
  Batch x0, x1;
  double cost = 0;
};

Pairs pairs_of(const CouplingOptions& options, const Batch& prior, const Batch& data,
               std::uint64_t seed = 1) {
  Pairs out{Batch(prior.count(), prior.particles(), prior.dim()),
            Batch(prior.count(), prior.particles(), prior.dim())};
  Random random(seed, Stream::batch_plan);
  out.cost = make_coupling(options)->pair(prior, data, random, out.x0, out.x1);
  return out;
}

double squared_distance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += (double{a[k]} - b[k]) * (double{a[k]} - b[k]);
  return sum;
}

const std::vector<CouplingKind> all_kinds = {CouplingKind::independent, CouplingKind::ot,
                                             CouplingKind::equivariant_ot, CouplingKind::aligned};

TEST(Coupling, NamesAreReadBack) {
  for (const CouplingKind kind : all_kinds) EXPECT_EQ(coupling_kind(coupling_name(kind)), kind);
  EXPECT_THROW(coupling_kind("optimal"), UsageError);
}

TEST(Coupling, RejectsWrongShapesAndNumbersThatAreNotFinite) {
  const CouplingOptions options{.kind = CouplingKind::ot, .types = {0, 0, 0}, .dim = 2};
  Batch prior = gaussians(4, 3, 2, 1);
  const Batch data = gaussians(4, 3, 2, 2);
  EXPECT_THROW(pairs_of(options, gaussians(4, 2, 2, 1), data), DataError);
  EXPECT_THROW(pairs_of(options, prior, gaussians(3, 3, 2, 1)), DataError);
  prior[2][3] = std::nanf("");
  try {
    pairs_of(options, prior, data);
    FAIL() << "NaN was accepted";
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find("coordinate 1 of particle 1 of prior sample 2"),
              std::string::npos)
        << error.what();
  }
  EXPECT_THROW(make_coupling({.kind = CouplingKind::ot, .types = {}, .dim = 2}), UsageError);
}

/// What permutations within types, rotations and reflections leave as it is: sorted distances between
/// particles, and from the origin, with the types of both.
std::vector<double> fingerprint(std::span<const float> x, const ParticleTypes& types, std::size_t dim) {
  std::vector<double> out;
  for (std::size_t i = 0; i < types.size(); ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      const double kind = 1000.0 * (std::min(types[i], types[j]) * 10 + std::max(types[i], types[j]));
      double square = 0;  // of the distance, of that from the origin where i = j
      for (std::size_t k = 0; k < dim; ++k)
        square += std::pow(double{x[i * dim + k]} - (i == j ? 0 : x[j * dim + k]), 2);
      out.push_back(kind + std::sqrt(square) + (i == j ? 1e6 : 0));
    }
  }
  std::sort(out.begin(), out.end());
  return out;
}

bool same_up_to_symmetry(std::span<const float> a, std::span<const float> b, const ParticleTypes& types,
                         std::size_t dim) {
  const auto fa = fingerprint(a, types, dim), fb = fingerprint(b, types, dim);
  for (std::size_t k = 0; k < fa.size(); ++k) {
    if (!(std::abs(fa[k] - fb[k]) <= 1e-4)) return false;
  }
  return true;
}

struct System {
  ParticleTypes types;
  std::size_t dim;
};
const std::vector<System> systems = {{{0, 0, 0, 0}, 2},
                                     {ParticleTypes(13, 0), 3},
                                     {{0, 1, 0, 2, 1, 0, 0, 3}, 3},
                                     {{0, 0, 1}, 1},
                                     {{0, 1, 1, 1, 0}, 4}};

TEST(Coupling, EachSampleIsUsedOnceAndKeptUpToSymmetry) {
  for (const System& system : systems) {
    const std::size_t batch = 12;
    const Batch prior = gaussians(batch, system.types.size(), system.dim, 3);
    const Batch data = gaussians(batch, system.types.size(), system.dim, 4, 1.5F);
    for (const CouplingKind kind : all_kinds) {
      for (const bool alternate : {false, true}) {
        const Pairs pairs = pairs_of(
            {.kind = kind, .types = system.types, .dim = system.dim, .alternate = alternate}, prior, data);
        EXPECT_TRUE(std::equal(prior.values().begin(), prior.values().end(), pairs.x0.values().begin()));
        std::vector<int> used(batch);
        double cost = 0;
        for (std::size_t b = 0; b < batch; ++b) {
          int matches = 0;
          for (std::size_t c = 0; c < batch; ++c) {
            if (!same_up_to_symmetry(pairs.x1[b], data[c], system.types, system.dim)) continue;
            ++matches;
            ++used[c];
          }
          EXPECT_EQ(matches, 1) << coupling_name(kind);
          cost += squared_distance(pairs.x0[b], pairs.x1[b]) / static_cast<double>(batch);
          std::vector<float> centred(pairs.x1[b].begin(), pairs.x1[b].end());
          remove_mean(std::span(centred), system.dim);
          EXPECT_TRUE(squared_distance(centred, pairs.x1[b]) <= 1e-10);
        }
        EXPECT_EQ(used, std::vector<int>(batch, 1));
        EXPECT_NEAR(pairs.cost, cost, 1e-10 * cost);
      }
    }
  }
}

TEST(Coupling, WithReplacementDrawsPairsOfThePlan) {
  const std::size_t batch = 200;
  const Batch prior = gaussians(batch, 3, 2, 5);
  const Batch data = gaussians(batch, 3, 2, 6);
  for (const CouplingKind kind : {CouplingKind::ot, CouplingKind::equivariant_ot}) {
    CouplingOptions options{.kind = kind, .types = {0, 0, 0}, .dim = 2};
    const Pairs exact = pairs_of(options, prior, data);
    options.with_replacement = true;
    const Pairs drawn = pairs_of(options, prior, data);
    std::size_t distinct = 0;
    std::vector<bool> seen(batch);
    for (std::size_t b = 0; b < batch; ++b) {
      std::size_t from = 0;
      while (from < batch && !std::equal(prior[from].begin(), prior[from].end(), drawn.x0[b].begin())) ++from;
      ASSERT_LT(from, batch);
      EXPECT_TRUE(std::equal(exact.x1[from].begin(), exact.x1[from].end(), drawn.x1[b].begin()));
      distinct += !seen[from];
      seen[from] = true;
    }
    // 1 − 1/e of the samples are expected.
    EXPECT_NEAR(static_cast<double>(distinct) / batch, 1 - std::exp(-1.0), 0.1);
  }
}

/// The mean over the best assignment of the batch, by trying all.
double best_mean(const std::vector<double>& cost, std::size_t batch) {
  std::vector<std::size_t> order(batch);
  std::iota(order.begin(), order.end(), std::size_t{0});
  double best = std::numeric_limits<double>::infinity();
  do {
    double sum = 0;
    for (std::size_t b = 0; b < batch; ++b) sum += cost[b * batch + order[b]];
    best = std::min(best, sum / static_cast<double>(batch));
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

/// Eq. 14 by trying every permutation within the types.
double sequential_search(std::span<const float> x0, std::span<const float> x1, const System& system,
                         bool reflections) {
  const std::size_t n = system.types.size();
  const std::size_t dim = system.dim;
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  double best = std::numeric_limits<double>::infinity();
  std::vector<float> permuted(x1.size()), chosen;
  do {
    bool allowed = true;
    for (std::size_t i = 0; i < n; ++i) {
      allowed = allowed && system.types[i] == system.types[order[i]];
      std::copy_n(&x1[order[i] * dim], dim, &permuted[i * dim]);
    }
    const double distance = squared_distance(x0, permuted);
    if (allowed && distance < best) {
      best = distance;
      chosen = permuted;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return align<float>(x0, chosen, dim, reflections);
}

TEST(Coupling, EquivariantOtEqualsBruteForceOnTinySystems) {
  const std::size_t batch = 5;
  for (const System& system : {System{{0, 0, 0, 0}, 2}, System{{0, 0, 0, 0, 0}, 3},
                               System{{0, 1, 0, 1, 0, 2}, 3}, System{{0, 0, 1, 0}, 4}}) {
    for (const bool reflections : {false, true}) {
      const Batch prior = gaussians(batch, system.types.size(), system.dim, 7);
      const Batch data = gaussians(batch, system.types.size(), system.dim, 8, 1.3F);
      std::vector<double> cost;
      double in_order = 0;
      for (std::size_t i = 0; i < batch; ++i) {
        for (std::size_t j = 0; j < batch; ++j)
          cost.push_back(sequential_search(prior[i], data[j], system, reflections));
        in_order += cost[i * batch + i] / batch;
      }
      CouplingOptions options{.kind = CouplingKind::equivariant_ot,
                              .types = system.types,
                              .dim = system.dim,
                              .reflections = reflections};
      EXPECT_NEAR(pairs_of(options, prior, data).cost, best_mean(cost, batch), 1e-5);
      options.kind = CouplingKind::aligned;
      EXPECT_NEAR(pairs_of(options, prior, data).cost, in_order, 1e-5);
    }
  }
}

TEST(Coupling, OtOfOneTypelessParticleLineEqualsBruteForce) {
  // With every particle of its own type and dim 1, no symmetry is left: plain transport of the batch.
  const std::size_t batch = 6;
  const Batch prior = gaussians(batch, 3, 1, 9);
  const Batch data = gaussians(batch, 3, 1, 10);
  std::vector<double> cost;
  for (std::size_t i = 0; i < batch; ++i) {
    for (std::size_t j = 0; j < batch; ++j) cost.push_back(squared_distance(prior[i], data[j]));
  }
  const Pairs pairs = pairs_of({.kind = CouplingKind::ot, .types = {0, 1, 2}, .dim = 1}, prior, data);
  EXPECT_NEAR(pairs.cost, best_mean(cost, batch), 1e-6);
}

TEST(Coupling, MoreFreedomCostsLess) {
  for (const System& system : systems) {
    const Batch prior = gaussians(40, system.types.size(), system.dim, 11);
    const Batch data = gaussians(40, system.types.size(), system.dim, 12);
    const auto cost = [&](CouplingKind kind, bool alternate = false) {
      return pairs_of({.kind = kind, .types = system.types, .dim = system.dim, .alternate = alternate}, prior,
                      data)
          .cost;
    };
    const double rounding = 1e-5;
    const double equivariant = cost(CouplingKind::equivariant_ot);
    EXPECT_TRUE(equivariant <= cost(CouplingKind::ot) + rounding);
    EXPECT_TRUE(equivariant <= cost(CouplingKind::aligned) + rounding);
    EXPECT_TRUE(cost(CouplingKind::aligned) <= cost(CouplingKind::independent) + rounding);
    EXPECT_TRUE(cost(CouplingKind::equivariant_ot, true) <= equivariant + rounding);
    EXPECT_TRUE(cost(CouplingKind::aligned, true) <= cost(CouplingKind::aligned) + rounding);
    if (system.dim > 1) {
      EXPECT_LT(equivariant, 0.98 * cost(CouplingKind::independent));
    }
  }
}

TEST(Coupling, EquivariantCostDoesNotSeePermutationsOfTheData) {
  const System& system = systems[2];
  const Batch prior = gaussians(10, 8, 3, 13);
  const Batch data = gaussians(10, 8, 3, 14);
  Batch permuted = data;
  for (std::size_t b = 0; b < 10; ++b) {
    for (std::size_t k = 0; k < 3; ++k) {  // particles 0, 2, 5 and 1, 4 in a cycle
      const auto x = data[b];
      permuted[b][k] = x[6 + k], permuted[b][6 + k] = x[15 + k], permuted[b][15 + k] = x[k];
      permuted[b][3 + k] = x[12 + k], permuted[b][12 + k] = x[3 + k];
    }
  }
  for (const CouplingKind kind : {CouplingKind::equivariant_ot, CouplingKind::aligned}) {
    const CouplingOptions options{.kind = kind, .types = system.types, .dim = 3};
    const Pairs a = pairs_of(options, prior, data), b = pairs_of(options, prior, permuted);
    EXPECT_NEAR(a.cost, b.cost, 1e-6 * a.cost);
    for (std::size_t k = 0; k < a.x1.size(); ++k) EXPECT_NEAR(a.x1.data()[k], b.x1.data()[k], 1e-4);
  }
  // The permutation is searched before the rotation: with all types distinct only the rotation is left, and
  // the cost does not see rotations of the data either.
  ParticleTypes distinct(8);
  std::iota(distinct.begin(), distinct.end(), 0);
  Batch rotated = data;
  for (std::size_t b = 0; b < 10; ++b) {
    Random random(15, Stream::test, 0, b);
    rotate(rotated[b], std::span<const double>(random_rotation(random, 3)), 3);
  }
  const CouplingOptions options{.kind = CouplingKind::equivariant_ot, .types = distinct, .dim = 3};
  EXPECT_NEAR(pairs_of(options, prior, data).cost, pairs_of(options, prior, rotated).cost, 1e-4);
}

/// A reflected copy of a chiral shape must come out reflected unless reflections are allowed.
TEST(Coupling, HandednessIsKeptUnlessReflectionsAreAllowed) {
  const ParticleTypes types = {0, 1, 2, 3, 4};
  const Batch prior = gaussians(6, 5, 3, 16);
  Batch mirrored = prior;
  for (std::size_t k = 0; k < mirrored.size(); k += 3) mirrored.data()[k] = -mirrored.data()[k];
  CouplingOptions options{.kind = CouplingKind::aligned, .types = types, .dim = 3};
  EXPECT_GT(pairs_of(options, prior, mirrored).cost, 0.1);
  options.reflections = true;
  EXPECT_NEAR(pairs_of(options, prior, mirrored).cost, 0, 1e-8);
}

TEST(Coupling, AlternatingEndsWhereNeitherStepLowersTheCost) {
  const Batch prior = gaussians(20, 9, 3, 17);
  const Batch data = gaussians(20, 9, 3, 18);
  CouplingOptions options{
      .kind = CouplingKind::aligned, .types = ParticleTypes(9, 0), .dim = 3, .alternate = true};
  const Pairs once = pairs_of(options, prior, data);
  options.alternate = false;
  EXPECT_NEAR(pairs_of(options, once.x0, once.x1).cost, once.cost, 1e-5);
  EXPECT_LT(once.cost, pairs_of(options, prior, data).cost);
}

TEST(Coupling, PairsDependOnTheArgumentsAlone) {
  const Batch prior = gaussians(20, 6, 3, 19);
  const Batch data = gaussians(20, 6, 3, 20);
  for (const CouplingKind kind : all_kinds) {
    const auto used = make_coupling({.kind = kind, .types = {0, 0, 1, 0, 1, 0}, .dim = 3});
    Pairs a{Batch(20, 6, 3), Batch(20, 6, 3)}, b = a, other = a;
    Random first(1, Stream::batch_plan), again(1, Stream::batch_plan), clones(1, Stream::batch_plan);
    used->pair(prior, data, first, a.x0, a.x1);
    Random elsewhere(2, Stream::batch_plan);
    used->pair(data, prior, elsewhere, other.x0, other.x1);
    used->pair(prior, data, again, b.x0, b.x1);
    EXPECT_TRUE(std::equal(a.x1.values().begin(), a.x1.values().end(), b.x1.values().begin()));
    used->clone()->pair(prior, data, clones, b.x0, b.x1);
    EXPECT_TRUE(std::equal(a.x1.values().begin(), a.x1.values().end(), b.x1.values().begin()));
  }
}

}  // namespace
}  // namespace equibolt
