#include "egnn/cuda_vector_field.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "egnn/cpu_vector_field.h"
#include "egnn/spec/field_cases.h"

namespace equibolt {
namespace {

MakeField on_gpu(Precision precision) {
  return
      [precision](const Case& c) { return make_cuda_vector_field(c.architecture, c.parameters, precision); };
}

/// Wider than the CPU's: biases' gradients are sums of rounded numbers here.
constexpr GradientTolerances gpu_bf16_tolerances{3e-2, 6e-2, 1.5e-2};

void expect_gradients_of_both(const Case& c) {
  if (c.architecture.hidden <= 64) expect_gradients(c, on_gpu(Precision::fp32), fp32_tolerances);
  expect_loss_gradient(c, on_gpu(Precision::bf16), gpu_bf16_tolerances);
}

/// The kernels' tests on a GPU; their mathematics is tested everywhere, by cuda_emulation_test.cc.
class CudaVectorField : public testing::Test {
 protected:
  void SetUp() override {
    if (cuda_device().name.empty()) GTEST_SKIP() << cuda_device().absence;
  }
};

void expect_divergence(const Case& c, std::span<const double> expected) {
  SCOPED_TRACE(c.name);
  const auto field = on_gpu(Precision::fp32)(c);
  Configurations<float> v(c.x.count(), c.x.particles(), c.x.dim());
  std::vector<float> divergence(c.x.count());
  field->velocity_and_divergence(c.t, c.x, v, divergence);
  EXPECT_LE(relative_error(std::vector<float>(v.values().begin(), v.values().end()), c.v), tolerance);
  for (std::size_t b = 0; b < divergence.size(); ++b) {
    EXPECT_LE(std::abs(static_cast<double>(divergence[b]) - expected[b]), 1e-5 * std::abs(expected[b]) + 1e-6)
        << divergence[b] << " for " << expected[b];
  }
}

TEST_F(CudaVectorField, AgreesWithGoldenNetworks) {
  for (const Golden& golden : golden_networks()) {
    const Case c = case_of(golden);
    expect_velocity(c, on_gpu(Precision::fp32));
    expect_gradients_of_both(c);
    expect_divergence(c, c.divergence);
  }
}

TEST_F(CudaVectorField, AgreesWithTheReferenceForOddSizes) {
  for (std::uint64_t seed = 0; seed < 24; ++seed) {
    const Case c = random_case(seed, 3);
    expect_velocity(c, on_gpu(Precision::fp32));
    expect_gradients_of_both(c);
  }
}

/// A batch that needs more than one of everything: blocks, slots, groups.
Case large_batch(std::size_t particles, std::size_t hidden, std::size_t layers, std::size_t count) {
  Case c;
  c.architecture = {ParticleTypes(particles, 0), 3, hidden, layers, 0};
  c.name = fmt::format("N {}, h {}, L {}, batch {}", particles, hidden, layers, count);
  c.parameters = lively_parameters(c.architecture, 3);
  Random random(9, Stream::test);
  for (Configurations<float>* x : {&c.x, &c.target, &c.cot_v}) {
    *x = Configurations<float>(count, particles, 3);
    random.fill_normal(x->values());
  }
  for (std::size_t b = 0; b < count; ++b) c.t.push_back(static_cast<float>(random.uniform()));
  return c;
}

TEST_F(CudaVectorField, AgreesWithTheCpuOnLargeBatches) {
  ThreadPool pool;
  std::string errors;
  for (const Case& c :
       {large_batch(13, 32, 3, 5000), large_batch(22, 64, 5, 700), large_batch(55, 64, 5, 120),
        large_batch(70, 128, 2, 30), large_batch(4, 32, 3, 3001)}) {
    SCOPED_TRACE(c.name);
    const auto cpu = make_cpu_vector_field(c.architecture, c.parameters, pool);
    const auto gpu = on_gpu(Precision::fp32)(c), gpu_bf16 = on_gpu(Precision::bf16)(c);
    Configurations<float> v = c.x, v_cpu = c.x;
    std::vector<float> divergence(c.x.count()), gradient(c.parameters.size()), gradient_cpu(gradient),
        gradient_bf16(gradient);
    gpu->velocity_and_divergence(c.t, c.x, v, divergence);
    const std::size_t few = std::min<std::size_t>(40, c.x.count());
    std::vector<float> divergence_cpu(few);
    cpu->velocity(c.t, c.x, v_cpu);
    const std::vector<double> expected_v(v_cpu.values().begin(), v_cpu.values().end());
    EXPECT_LE(relative_error(std::span<const float>(v.values()), std::span(expected_v)), tolerance);
    cpu->velocity_and_divergence(std::span(c.t).subspan(0, few), c.x.view().slice(0, few),
                                 v_cpu.view().slice(0, few), divergence_cpu);
    for (std::size_t b = 0; b < few; ++b) {
      EXPECT_LE(std::abs(divergence[b] - divergence_cpu[b]), 1e-5 * std::abs(divergence_cpu[b]) + 1e-5);
    }
    gpu->velocity(c.t, c.x, v);
    EXPECT_LE(relative_error(std::span<const float>(v.values()), std::span(expected_v)), tolerance);
    Configurations<float> v_part(7, c.x.particles(), 3);  // each sample by itself
    gpu->velocity(std::span(c.t).subspan(11, 7), c.x.view().slice(11, 7), v_part);
    for (std::size_t k = 0; k < v_part.size(); ++k) EXPECT_EQ(v_part.data()[k], v[11].data()[k]);

    const double loss_cpu = cpu->loss_gradient(c.t, c.x, c.target, gradient_cpu);
    gpu_bf16->loss_gradient(c.t, c.x, c.target, gradient_bf16);
    const std::vector<double> expected(gradient_cpu.begin(), gradient_cpu.end());
    // The wide network's terms cancel: the CPU's bf16 is 3.9 % off there.
    EXPECT_LE(relative_error(gradient_bf16, expected),
              c.architecture.hidden == 128 ? 5e-2 : bf16_batch_tolerance);
    errors += fmt::format(" {:.1e}", relative_error(gradient_bf16, expected));
    std::vector<float> again(gradient.size());
    gpu_bf16->loss_gradient(c.t, c.x, c.target, again);
    EXPECT_EQ(again, gradient_bf16);  // to the last bit
    if (c.architecture.hidden > 64) {
      EXPECT_THROW(gpu->loss_gradient(c.t, c.x, c.target, gradient), UsageError);
      continue;
    }
    const double loss = gpu->loss_gradient(c.t, c.x, c.target, gradient);
    EXPECT_LE(std::abs(loss - loss_cpu), tolerance * loss_cpu);
    EXPECT_LE(relative_error(gradient, expected), tolerance);
    errors += fmt::format(" (fp32 {:.1e})", relative_error(gradient, expected));
    EXPECT_EQ(gpu->loss_gradient(c.t, c.x, c.target, again), loss);
    EXPECT_EQ(again, gradient);
  }
  RecordProperty("gradient_errors", errors);
}

TEST_F(CudaVectorField, ASampleThatIsNotFiniteSpoilsNoOther) {
  Case c = large_batch(13, 32, 3, 64);
  const auto field = on_gpu(Precision::fp32)(c);
  Configurations<float> v = c.x, spoilt = c.x;
  std::vector<float> divergence(64), divergence_spoilt(64);
  field->velocity_and_divergence(c.t, c.x, v, divergence);
  c.x[20].data()[5] = std::numeric_limits<float>::quiet_NaN();
  field->velocity_and_divergence(c.t, c.x, spoilt, divergence_spoilt);
  EXPECT_TRUE(std::isnan(divergence_spoilt[20]));
  for (std::size_t b = 0; b < 64; ++b) {
    if (b == 20) continue;
    EXPECT_EQ(divergence[b], divergence_spoilt[b]);
    EXPECT_EQ(v[b].data()[0], spoilt[b].data()[0]);
  }
}

TEST(CudaVectorFieldAnywhere, SaysWhyThereIsNoneAndWhatItCannotTake) {
  const Architecture four_dimensions{{0, 0}, 4, 8, 1, 0};
  EXPECT_THROW(make_cuda_vector_field(four_dimensions, initial_parameters(four_dimensions, 1)), UsageError);
  const CudaDevice device = cuda_device();
  EXPECT_NE(device.name.empty(), device.absence.empty());
}

}  // namespace
}  // namespace equibolt
