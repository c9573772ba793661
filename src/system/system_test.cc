#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/geometry.h"
#include "equibolt/error.h"
#include "io/npz.h"
#include "system/evaluated.h"
#include "system/make_energy.h"
#include "system/parallel_energy.h"

namespace equibolt {
namespace {

/// The formulas of REFERENCE, section 2, in plain loops over any scalar type.
template <typename T>
T reference_energy(const SystemSpec& spec, const std::vector<T>& x) {
  const auto distance2 = [&](std::size_t i, std::size_t j) {
    T sum = 0;
    for (std::size_t k = 0; k < spec.dim; ++k) {
      const T difference = x[i * spec.dim + k] - x[j * spec.dim + k];
      sum += difference * difference;
    }
    return sum;
  };
  // Σ_i |x_i − x̄|² = (1/N) Σ_{i<j} |x_i − x_j|²
  T square = 0;
  T pairs = 0;
  for (std::size_t i = 0; i < spec.particles; ++i) {
    for (std::size_t j = i + 1; j < spec.particles; ++j) {
      const T d2 = distance2(i, j);
      square += d2 / static_cast<double>(spec.particles);
      if (const auto* p = std::get_if<DoubleWellParameters>(&spec.kind)) {
        const T s = std::sqrt(d2) - p->d0;
        pairs += p->a * s + p->b * std::pow(s, 2) + p->c * std::pow(s, 4);
      } else if (const auto* q = std::get_if<LennardJonesParameters>(&spec.kind)) {
        const T ratio2 = q->rm * q->rm / d2;
        pairs += q->pair_factor * q->epsilon * (std::pow(ratio2, 6) - 2.0 * std::pow(ratio2, 3));
      }
    }
  }
  if (const auto* p = std::get_if<HarmonicParameters>(&spec.kind)) return 0.5 * p->stiffness * square;
  if (const auto* p = std::get_if<LennardJonesParameters>(&spec.kind)) return pairs + 0.5 * p->trap * square;
  return pairs;
}

double scale_of(std::span<const double> values) {
  double largest = 1;
  for (const double value : values) largest = std::max(largest, std::abs(value));
  return largest;
}

struct Case {
  std::string name;
  SystemSpec spec;
};

class EachEnergy : public testing::TestWithParam<Case> {
 protected:
  /// Spread like the targets' own samples, and off the origin.
  Configurations<double> some(std::size_t count) const {
    const SystemSpec& spec = GetParam().spec;
    Configurations<double> x(count, spec.particles, spec.dim);
    for (std::size_t b = 0; b < count; ++b) {
      Random random(5, Stream::test, 0, b);
      for (double& value : x[b]) value = 1.5 * random.normal() + 0.3;
    }
    return x;
  }
  std::unique_ptr<Energy> energy() const {
    // make_energy refuses a system without a trap, which has no distribution but has energies.
    const SystemSpec& spec = GetParam().spec;
    const auto* pairs = std::get_if<LennardJonesParameters>(&spec.kind);
    if (pairs != nullptr && pairs->trap == 0)
      return std::make_unique<LennardJones>(spec.particles, spec.dim, *pairs);
    return make_energy(spec);
  }
};

TEST_P(EachEnergy, AgreesWithThePlainFormulaAndItsComplexStep) {
  const SystemSpec& spec = GetParam().spec;
  const auto x = some(19);  // not a multiple of any vector length
  const auto result = evaluated(*energy(), x);
  constexpr double step = 1e-30;
  for (std::size_t b = 0; b < x.count(); ++b) {
    EXPECT_EQ(result.status[b], EnergyStatus::ok);
    std::vector<std::complex<double>> z(x[b].begin(), x[b].end());
    const double energy_scale = scale_of(std::vector{reference_energy(spec, z).real()});
    EXPECT_NEAR(result.energy[b], reference_energy(spec, z).real(), 1e-12 * energy_scale);
    const double scale = scale_of(result.gradient[b]);
    for (std::size_t k = 0; k < z.size(); ++k) {
      z[k] += std::complex(0.0, step);
      EXPECT_NEAR(result.gradient[b][k], reference_energy(spec, z).imag() / step, 1e-12 * scale)
          << b << ' ' << k;
      z[k] = z[k].real();
    }
  }
}

TEST_P(EachEnergy, IsInvariantUnderTranslationRotationReflectionAndPermutation) {
  const SystemSpec& spec = GetParam().spec;
  const auto x = some(8);
  auto moved = x;
  std::vector<std::size_t> order(spec.particles);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t b = 0; b < x.count(); ++b) {
    Random random(6, Stream::test, 0, b);
    random.shuffle(std::span(order));
    for (std::size_t i = 0; i < spec.particles; ++i) {
      for (std::size_t k = 0; k < spec.dim; ++k) {
        moved[b][i * spec.dim + k] = x[b][order[i] * spec.dim + k] + static_cast<double>(k);
      }
    }
    rotate(moved[b], random_rotation(random, spec.dim, true), spec.dim);
  }
  const auto a = evaluated(*energy(), x);
  const auto b = evaluated(*energy(), moved);
  for (std::size_t k = 0; k < x.count(); ++k) {
    EXPECT_NEAR(a.energy[k], b.energy[k], 1e-10 * std::max(1.0, std::abs(a.energy[k])));
  }
}

TEST_P(EachEnergy, AConfigurationsBitsDoNotDependOnItsBatchOrOnThreads) {
  const auto x = some(70);
  const auto whole = evaluated(*energy(), x);
  const auto single = energy();
  ThreadPool pool(3);
  ParallelEnergy parallel(*single, pool);
  Evaluated threaded{std::vector<double>(70), {70, x.particles(), x.dim()}, std::vector<EnergyStatus>(70)};
  parallel.evaluate(x, threaded.energy, threaded.gradient, threaded.status);
  std::vector<double> energies_alone(70);
  single->evaluate(x, energies_alone, {}, threaded.status);
  for (std::size_t b = 0; b < x.count(); ++b) {
    const auto alone = evaluated(*single, x.view().slice(b, 1));
    EXPECT_EQ(alone.energy[0], whole.energy[b]);
    EXPECT_EQ(threaded.energy[b], whole.energy[b]);
    EXPECT_EQ(energies_alone[b], whole.energy[b]);
    for (std::size_t k = 0; k < x.coordinates(); ++k) {
      EXPECT_EQ(alone.gradient[0][k], whole.gradient[b][k]);
      EXPECT_EQ(threaded.gradient[b][k], whole.gradient[b][k]);
    }
  }
}

TEST_P(EachEnergy, WhatIsNotFiniteGetsAStatusAndLeavesItsNeighboursAlone) {
  auto x = some(5);
  const auto before = evaluated(*energy(), x);
  x[2][1] = std::numeric_limits<double>::quiet_NaN();
  const auto after = evaluated(*energy(), x);
  for (std::size_t b = 0; b < x.count(); ++b) {
    if (b == 2) {
      EXPECT_EQ(after.status[b], EnergyStatus::not_finite);
      EXPECT_EQ(after.energy[b], std::numeric_limits<double>::infinity());
      for (const double g : after.gradient[b]) EXPECT_EQ(g, 0);
    } else {
      EXPECT_EQ(after.status[b], EnergyStatus::ok);
      EXPECT_EQ(after.energy[b], before.energy[b]);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(
    System, EachEnergy,
    testing::Values(Case{"harmonic", {5, 3, HarmonicParameters{.stiffness = 2.5}}},
                    Case{"dw4", {4, 2, DoubleWellParameters{}}},
                    Case{"double_well_3d",
                         {7, 3, DoubleWellParameters{.a = 0.3, .b = -2, .c = 0.5, .d0 = 2}}},
                    Case{"lj13", {13, 3, LennardJonesParameters{}}},
                    Case{"lj_1d_without_trap", {3, 1, LennardJonesParameters{1.7, 0.8, 1, 0}}},
                    Case{"lj_4d", {6, 4, LennardJonesParameters{0.7, 1.3, 2, 0.5}}}),
    [](const auto& tested) { return tested.param.name; });

TEST(LennardJones, OfCoincidentParticlesIsNotFinite) {
  LennardJones energy(3, 3);
  const Configurations<double> x(2, 3, 3);
  const auto result = evaluated(energy, x);
  for (std::size_t b = 0; b < 2; ++b) {
    EXPECT_EQ(result.status[b], EnergyStatus::not_finite);
    EXPECT_EQ(result.energy[b], std::numeric_limits<double>::infinity());
    for (const double g : result.gradient[b]) EXPECT_EQ(g, 0);
  }
}

TEST(LennardJones, HasItsMinimumAtRm) {
  LennardJones energy(2, 3, {.epsilon = 1.5, .rm = 1.2, .pair_factor = 1, .trap = 0});
  Configurations<double> x(1, 2, 3);
  x[0][0] = 1.2;
  const auto result = evaluated(energy, x);
  EXPECT_NEAR(result.energy[0], -1.5, 1e-14);
  for (const double g : result.gradient[0]) EXPECT_NEAR(g, 0, 1e-13);
}

TEST(DoubleWell, OfCoincidentParticlesIsFinite) {
  DoubleWell energy(2, 2);
  const auto result = evaluated(energy, Configurations<double>(1, 2, 2));
  EXPECT_EQ(result.status[0], EnergyStatus::ok);
  EXPECT_NEAR(result.energy[0], -4.0 * 16 + 0.9 * 256, 1e-12);
  for (const double g : result.gradient[0]) EXPECT_EQ(g, 0);
}

TEST(MakeEnergy, RefusesParametersThatDefineNoDistribution) {
  EXPECT_THROW(make_energy({4, 2, DoubleWellParameters{.c = 0}}), UsageError);
  EXPECT_THROW(make_energy({4, 2, HarmonicParameters{.stiffness = -1}}), UsageError);
  EXPECT_THROW(make_energy({4, 2, LennardJonesParameters{.epsilon = std::nan("")}}), UsageError);
  EXPECT_THROW(make_energy({1, 2, HarmonicParameters{}}), UsageError);
  EXPECT_THROW(make_energy({4, 0, HarmonicParameters{}}), UsageError);
  EXPECT_THROW(make_energy({13, 3, LennardJonesParameters{.trap = 0}}), UsageError);
  EXPECT_THROW(make_energy({std::size_t{4000000000000000000}, 2, DoubleWellParameters{}}), UsageError);
  EXPECT_THROW(make_energy({4, std::size_t{4000000000000000000}, HarmonicParameters{}}), UsageError);
}

TEST(CheckOf, TellsParametersApart) {
  const std::string lj = check_of(LennardJones(13, 3));
  EXPECT_EQ(lj, check_of(LennardJones(13, 3)));
  EXPECT_NE(lj, check_of(LennardJones(13, 3, {.epsilon = 1.001})));
  EXPECT_NE(lj, check_of(LennardJones(13, 3, {.trap = 1.001})));
  EXPECT_NE(check_of(DoubleWell(4, 2)), check_of(DoubleWell(4, 2, {.d0 = 4.001})));
}

/// LJ in a box: no energy for configurations that are wider, as of a method that refuses what is far apart.
class Boxed final : public Energy {
 public:
  Boxed(double narrowest, double widest, double epsilon)
      : narrowest_(narrowest), widest_(widest), inside_(5, 3, {.epsilon = epsilon}) {}
  std::size_t particles() const override { return 5; }
  std::size_t dim() const override { return 3; }
  const ParticleTypes& types() const override { return inside_.types(); }
  std::unique_ptr<Energy> clone() const override { return std::make_unique<Boxed>(*this); }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override {
    inside_.evaluate(x, energy, gradient, status);
    for (std::size_t b = 0; b < x.count(); ++b) {
      const double width = *std::max_element(x[b].begin(), x[b].end());
      if (width > narrowest_ && width < widest_) continue;
      status[b] = EnergyStatus::failed;
      energy[b] = std::numeric_limits<double>::infinity();
    }
  }

 private:
  double narrowest_, widest_;
  LennardJones inside_;
};

TEST(CheckOf, KnowsAnEnergyThatRefusesSomeConfigurations) {
  for (const auto& [low, high] : {std::pair{0.0, 0.4}, {0.6, 1.6}, {1.6, 100.0}}) {
    const std::string check = check_of(Boxed(low, high, 1));
    EXPECT_NE(check.find("inf"), std::string::npos) << check;
    EXPECT_NE(check, check_of(Boxed(low, high, 2))) << check;
  }
}

/// Σ d⁻¹² and Σ d⁻⁶ over the pairs of a configuration, and Σ_i |x_i − x̄|².
struct LennardJonesSums {
  double r12, r6, square;

  /// x·∇U for ε = r_m = trap = 1, from eq. 29.
  double virial(double pair_factor) const { return pair_factor * 12 * (r6 - r12) + square; }
};

LennardJonesSums sums_of(std::span<const double> x) {
  LennardJonesSums sums{};
  for (std::size_t i = 0; i < x.size(); i += 3) {
    for (std::size_t j = i + 3; j < x.size(); j += 3) {
      double d2 = 0;
      for (std::size_t k = 0; k < 3; ++k) d2 += (x[i + k] - x[j + k]) * (x[i + k] - x[j + k]);
      sums.r12 += std::pow(d2, -6);
      sums.r6 += std::pow(d2, -3);
      sums.square += d2 / (static_cast<double>(x.size()) / 3);
    }
  }
  return sums;
}

TEST(LennardJones, ItsVirialIsThatOfTheSums) {
  Configurations<double> x(20, 13, 3);
  for (std::size_t b = 0; b < x.count(); ++b) {
    Random random(7, Stream::test, 0, b);
    for (double& value : x[b]) value = 2 * random.normal();
  }
  for (const double factor : {1.0, 2.0}) {
    LennardJones energy(13, 3, {.pair_factor = factor});
    const auto result = evaluated(energy, x);
    for (std::size_t b = 0; b < x.count(); ++b) {
      const double virial = std::inner_product(x[b].begin(), x[b].end(), result.gradient[b].begin(), 0.0);
      const double expected = sums_of(x[b]).virial(factor);
      EXPECT_NEAR(virial, expected, 1e-10 * (std::abs(expected) + 24 * sums_of(x[b]).r12));
    }
  }
}

/// The mean of x·∇U over the published samples and its standard error; the virial theorem wants (N−1)·D = 36.
std::pair<double, double> published_virial(double pair_factor) {
  const Npz published =
      read_npz(std::string(EQUIBOLT_SOURCE_DIR) + "/tests/golden/system/lj13_published.npz");
  const auto r12 = published["r12"].as_double(), r6 = published["r6"].as_double(),
             squares = published["square"].as_double();
  double sum = 0, square = 0;
  for (std::size_t b = 0; b < r12.size(); ++b) {
    const double v = LennardJonesSums{r12[b], r6[b], squares[b]}.virial(pair_factor);
    sum += v;
    square += v * v;
  }
  const auto n = static_cast<double>(r12.size());
  return {sum / n, std::sqrt((square / n - sum / n * sum / n) / n)};
}

TEST(LennardJones, PublishedSamplesObeyTheVirialTheoremWithTwoEpsilonPerPair) {
  const auto [mean, error] = published_virial(2);
  EXPECT_LE(std::abs(mean - 36), 3 * error) << mean << " +- " << error;
  EXPECT_LE(error, 1.5);
  const auto [half, half_error] = published_virial(1);
  EXPECT_GT(std::abs(half - 36), 10 * half_error) << half << " +- " << half_error;
}

}  // namespace
}  // namespace equibolt
