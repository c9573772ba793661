#include "runs/metrics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/geometry.h"
#include "core/random.h"
#include "io/npz.h"

namespace equibolt {
namespace {

Configurations<float> normal_configurations(std::size_t count, std::size_t particles, std::uint64_t number,
                                            float width = 1) {
  Configurations<float> x(count, particles, 3);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(61, Stream::test, number, b);
    mean_free_normal(random, x[b], 3);
    for (float& value : x[b]) value *= width;
  }
  return x;
}

TEST(SymmetricWasserstein, DoesNotSeeSymmetriesOrOrder) {
  const ParticleTypes types{0, 0, 0, 1, 1};
  const auto x = normal_configurations(40, 5, 1);
  Configurations<float> moved(40, 5, 3);
  Random random(62, Stream::test);
  for (std::size_t b = 0; b < 40; ++b) {
    auto y = moved[(b + 7) % 40];
    const std::size_t order[] = {2, 0, 1, 4, 3};
    for (std::size_t i = 0; i < 5; ++i) std::copy_n(&x[b][3 * order[i]], 3, &y[3 * i]);
  }
  EXPECT_NEAR(symmetric_wasserstein2(x, moved, types, false), 0, 2e-3);  // √ of float32's rounding
  // Particles of different types are not exchanged.
  EXPECT_GT(symmetric_wasserstein2(x, moved, ParticleTypes{0, 1, 2, 3, 4}, false), 0.5);
  // Of two particles all that is left is their distance: W₂ is that of its quantiles, over √2.
  const auto near = normal_configurations(200, 2, 2), far = normal_configurations(200, 2, 3, 2);
  const auto distances = [](const Configurations<float>& of) {
    std::vector<double> d;
    for (std::size_t b = 0; b < of.count(); ++b)
      d.push_back(std::sqrt(std::pow(of[b][0] - of[b][3], 2) + std::pow(of[b][1] - of[b][4], 2) +
                            std::pow(of[b][2] - of[b][5], 2)));
    std::ranges::sort(d);
    return d;
  };
  const auto a = distances(near), b = distances(far);
  double sum = 0;
  for (std::size_t k = 0; k < a.size(); ++k) sum += std::pow(a[k] - b[k], 2) / 2 / 200;
  EXPECT_NEAR(symmetric_wasserstein2(near, far, {0, 0}, false), std::sqrt(sum), 1e-4);
}

TEST(TorusWasserstein, IsScipys) {
  const Npz golden = read_npz(EQUIBOLT_SOURCE_DIR "/tests/golden/analyze/metrics.npz");
  const auto a = golden.arrays.at("torus_a").as_double(), b = golden.arrays.at("torus_b").as_double();
  EXPECT_NEAR(torus_wasserstein2(a, b, 2), golden.arrays.at("torus_w2").as_double()[0], 1e-12);
  auto turned = a;
  for (double& value : turned) value += 2 * std::numbers::pi;
  EXPECT_NEAR(torus_wasserstein2(a, turned, 2), 0, 1e-6);
}

/// Samples of a Gaussian of this width with the energies of one of width 1 and the weights of a flow of
/// `flow`.
WeightedSamples gaussian(std::size_t count, double width, std::uint64_t number, double flow = 1.2) {
  WeightedSamples samples;
  samples.x = converted<double>(normal_configurations(count, 4, number, static_cast<float>(width)).view());
  for (std::size_t b = 0; b < count; ++b) {
    double square = 0;
    for (const double value : samples.x[b]) square += value * value;
    samples.energy.push_back(square / 2);
    samples.log_weight.push_back(-square / 2 + square / 2 / (flow * flow) + 9 * std::log(flow));
  }
  samples.status.assign(count, SampleStatus::ok);
  return samples;
}

TEST(Metrics, ReweightingReachesTheFloorAndBoundsHold) {
  const auto json =
      metrics_of(gaussian(4000, 1.2, 4), gaussian(2000, 1, 5), {.types = {0, 0, 0, 0}, .seed = 3});
  for (const char* name : {"energy_w2", "geometric_w2"}) {
    const auto& m = json.at(name);
    EXPECT_GT(m.at("samples"), 1.25 * m.at("floor").get<double>()) << m;
    EXPECT_LT(m.at("reweighted"), 1.25 * m.at("floor").get<double>()) << m;
  }
  // ln Z = 0 lies between; E[|x|²] is 9 width².
  EXPECT_NEAR(json.at("elbo").get<double>(), -4.5 * (1.44 - 1) + 9 * std::log(1.2), 0.1);
  EXPECT_NEAR(json.at("eubo").get<double>(), -4.5 * (1 - 1 / 1.44) + 9 * std::log(1.2), 0.1);
  EXPECT_LT(json.at("elbo"), 0);
  EXPECT_GT(json.at("eubo"), 0);
  EXPECT_FALSE(json.contains("torus_w2"));
}

TEST(Metrics, FailedSamplesLeaveWhatCannotBeSaidOut) {
  auto samples = gaussian(400, 1.2, 6);
  samples.x[3][0] = std::nan("");
  samples.energy[3] = samples.energy[4] = INFINITY;
  samples.log_weight[3] = samples.log_weight[4] = -INFINITY;
  samples.status[3] = SampleStatus::path_not_finite;
  samples.status[4] = SampleStatus::energy_not_finite;
  const auto json = metrics_of(samples, gaussian(200, 1, 7), {.types = {0, 0, 0, 0}});
  EXPECT_TRUE(json.at("elbo").is_null());
  EXPECT_TRUE(json.at("energy_w2").at("samples").is_null());
  EXPECT_TRUE(json.at("energy_w2").at("reweighted").is_number());
  EXPECT_TRUE(json.at("geometric_w2").at("samples").is_number());
  EXPECT_FALSE(metrics_of(samples, {}, {.types = {0, 0, 0, 0}}).contains("energy_w2"));
}

}  // namespace
}  // namespace equibolt
