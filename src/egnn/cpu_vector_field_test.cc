#include "egnn/cpu_vector_field.h"

// clang-format off
#include "egnn/targets.h"
#include <hwy/targets.h>
// clang-format on
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "core/geometry.h"
#include "core/random.h"
#include "egnn/cpu_kernels.h"
#include "egnn/divergence.h"
#include "egnn/spec/field_cases.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

std::vector<Precision> precisions() {
  if (has_bf16_gradients()) return {Precision::fp32, Precision::bf16};
  return {Precision::fp32};
}

/// Runs `body` on each instruction set that the machine has.
template <typename Body>
void for_each_target(const Body& body) {
  for (const auto target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    body();
  }
  hwy::SetSupportedTargetsForTest(0);
}

MakeField on_cpu(ThreadPool& pool, Precision precision) {
  return [&pool, precision](const Case& c) {
    return make_cpu_vector_field(c.architecture, c.parameters, pool, precision);
  };
}

void expect_gradients(const Case& c, ThreadPool& pool, Precision precision) {
  expect_gradients(c, on_cpu(pool, precision),
                   precision == Precision::bf16 ? bf16_tolerances : fp32_tolerances);
}

void expect_case(const Case& c, ThreadPool& pool) {
  expect_velocity(c, on_cpu(pool, Precision::fp32));
  expect_gradients(c, pool, Precision::fp32);
}

void expect_golden_networks(std::size_t min_particles, std::size_t max_particles) {
  ThreadPool pool(2);
  for (const Golden& golden : golden_networks()) {
    if (golden.architecture.particles() < min_particles || golden.architecture.particles() > max_particles) {
      continue;
    }
    const Case c = case_of(golden);
    for_each_target([&] { expect_case(c, pool); });
    if (has_bf16_gradients()) expect_gradients(c, pool, Precision::bf16);
  }
}

TEST(CpuVectorField, AgreesWithGoldenNetworksOnEachInstructionSet) {
  expect_golden_networks(0, 13);
}

TEST(CpuVectorField, AgreesWithLargeGoldenNetworksOnEachInstructionSetSlow) {
  expect_golden_networks(14, 1000);
}

TEST(CpuVectorField, AgreesWithTheReferenceForOddSizesOnEachInstructionSet) {
  ThreadPool pool(2);
  for (std::uint64_t seed = 0; seed < 16; ++seed) {
    const Case c = random_case(seed);
    for_each_target([&] { expect_case(c, pool); });
    if (has_bf16_gradients()) expect_gradients(c, pool, Precision::bf16);
  }
}

// Widths of three and more register blocks, tiles that hold few rows, and more particles than a tile has
// rows.
TEST(CpuVectorField, AgreesWithTheReferenceForWideAndForLargeNetworksSlow) {
  ThreadPool pool(2);
  Random random(21, Stream::test);
  const auto typed = [](std::size_t particles, std::size_t dim, std::size_t hidden, std::size_t layers) {
    Architecture architecture{ParticleTypes(particles, 0), dim, hidden, layers, 2};
    for (std::size_t i = 0; i < particles; i += 3) architecture.types[i] = 1;
    return architecture;
  };
  for (const Architecture& architecture : {typed(4, 3, 130, 2), typed(3, 2, 200, 3), typed(100, 3, 9, 5)}) {
    Case c = inputs_for(architecture, 2, 21, random);
    add_reference(c);
    for_each_target([&] { expect_case(c, pool); });
  }
  if (!has_bf16_gradients()) return;
  // Two layers for a hundred particles: five of a network as lively as these carry the rounding of bf16,
  // which is 0.1 % after one layer, to between 1 and 20 % of the gradient.
  for (const Architecture& architecture : {typed(4, 3, 130, 2), typed(3, 2, 200, 3), typed(100, 3, 9, 2)}) {
    Case c = inputs_for(architecture, 2, 21, random);
    add_reference(c);
    expect_gradients(c, pool, Precision::bf16);
  }
}

// The error of a gradient in bf16 along the gradient itself, over batches and networks: its mean is zero
// within its standard error, and a bias of half a unit of bf16, as truncation would have, would show.
TEST(CpuVectorField, GradientsInBf16AreUnbiased) {
  if (!has_bf16_gradients()) GTEST_SKIP() << "the machine has no bf16";
  ThreadPool pool(2);
  constexpr int count = 128;
  double sum = 0, squares = 0, norms = 0, errors = 0;
  for (std::uint64_t seed = 0; seed < count; ++seed) {
    const Architecture architecture{ParticleTypes(8, 0), 3, 32, 3, 0};
    const std::vector<float> parameters = lively_parameters(architecture, seed);
    Configurations<float> x(16, 8, 3), target(x);
    std::vector<float> t(16), exact(parameters.size()), rounded(parameters.size());
    Random random(seed, Stream::test);
    random.fill_normal(x.values());
    random.fill_normal(target.values());
    for (float& value : t) value = static_cast<float>(random.uniform());
    make_cpu_vector_field(architecture, parameters, pool)->loss_gradient(t, x, target, exact);
    make_cpu_vector_field(architecture, parameters, pool, Precision::bf16)
        ->loss_gradient(t, x, target, rounded);
    double along = 0, norm2 = 0, error2 = 0;
    for (std::size_t p = 0; p < exact.size(); ++p) {
      const double error = static_cast<double>(rounded[p]) - static_cast<double>(exact[p]);
      along += error * static_cast<double>(exact[p]);
      norm2 += static_cast<double>(exact[p]) * static_cast<double>(exact[p]);
      error2 += error * error;
    }
    sum += along / norm2;
    squares += along / norm2 * (along / norm2);
    norms += norm2;
    errors += error2;
  }
  const double mean = sum / count;
  const double standard_error = std::sqrt((squares / count - mean * mean) / (count - 1));
  RecordProperty("mean", fmt::format("{:.2e} +- {:.2e}", mean, standard_error));
  RecordProperty("error", fmt::format("{:.2e}", std::sqrt(errors / norms)));
  EXPECT_LE(std::abs(mean), 3.5 * standard_error);
  EXPECT_LE(3.5 * standard_error, 0x1p-9);
  EXPECT_LE(std::sqrt(errors / norms), bf16_batch_tolerance);
  EXPECT_GE(std::sqrt(errors / norms), 1e-4);  // it is bf16 that was tested
}

TEST(CpuVectorField, SaysWhereBf16IsMissing) {
  ThreadPool pool(1);
  const Architecture architecture{{0, 0}, 3, 8, 1, 0};
  const std::vector<float> parameters = initial_parameters(architecture, 1);
  if (has_bf16_gradients()) {
    EXPECT_EQ(gradient_precision(PrecisionChoice::automatic), Precision::bf16);
    EXPECT_TRUE(
        make_cpu_vector_field(architecture, parameters, pool, Precision::bf16)->backend().ends_with(" bf16"));
  } else {
    EXPECT_EQ(gradient_precision(PrecisionChoice::automatic), Precision::fp32);
    EXPECT_THROW(make_cpu_vector_field(architecture, parameters, pool, Precision::bf16), UsageError);
  }
}

/// v (N, D) of one configuration.
std::vector<double> velocity_of(VectorField& field, float t, std::span<const float> x) {
  const Architecture& architecture = field.architecture();
  std::vector<float> v(x.size());
  field.velocity({&t, 1}, {x.data(), 1, architecture.particles(), architecture.dim},
                 {v.data(), 1, architecture.particles(), architecture.dim});
  return {v.begin(), v.end()};
}

// Each symmetry g of the field: v(g x) = g v(x). Errors are relative to |v|, which has to be large for that.
TEST(CpuVectorField, HasTheSymmetriesOfTheSystem) {
  ThreadPool pool(1);
  int checked = 0;
  for (std::uint64_t seed = 100; seed < 140; ++seed) {
    const Case c = random_inputs(seed);
    SCOPED_TRACE(c.name);
    const auto field = make_cpu_vector_field(c.architecture, c.parameters, pool);
    const std::size_t dim = c.architecture.dim, n = c.architecture.particles();
    const std::vector<float> x(c.x[0].begin(), c.x[0].end());
    const std::vector<double> v = velocity_of(*field, c.t[0], x);
    if (n == 1 || norm(std::span(v)) < 0.1) continue;
    ++checked;
    Random random(seed, Stream::test, 1);

    std::vector<double> mean(dim);
    for (std::size_t k = 0; k < v.size(); ++k) mean[k % dim] += v[k] / norm(std::span(v));
    for (const double sum : mean) EXPECT_LE(std::abs(sum), 1e-5);

    for (const bool reflections : {false, true}) {
      std::vector<double> rotation = random_rotation(random, dim);
      if (reflections) {  // the first axis turned round
        for (std::size_t k = 0; k < dim; ++k) rotation[k] = -rotation[k];
      }
      std::vector<float> moved = x;
      std::vector<double> expected = v;
      rotate(std::span(moved), rotation, dim);
      rotate(std::span(expected), rotation, dim);
      EXPECT_LE(relative_error(velocity_of(*field, c.t[0], moved), expected), 2e-5);
    }

    std::vector<float> shifted = x;
    for (std::size_t k = 0; k < x.size(); ++k) shifted[k] += static_cast<float>(k % dim) - 0.5F;
    EXPECT_LE(relative_error(velocity_of(*field, c.t[0], shifted), v), 2e-5);

    std::vector<float> permuted = x;
    std::vector<double> expected = v;
    for (std::vector<std::size_t> group : groups_of(c.architecture.types)) {
      std::vector<std::size_t> to = group;
      random.shuffle(std::span(to));
      for (std::size_t g = 0; g < group.size(); ++g) {
        for (std::size_t k = 0; k < dim; ++k) {
          permuted[to[g] * dim + k] = x[group[g] * dim + k];
          expected[to[g] * dim + k] = v[group[g] * dim + k];
        }
      }
    }
    EXPECT_LE(relative_error(velocity_of(*field, c.t[0], permuted), expected), 2e-5);
  }
  EXPECT_GE(checked, 20);
}

// The check above can fail: exchanging particles of different types changes the field.
TEST(CpuVectorField, TellsTypesApart) {
  ThreadPool pool(1);
  const Architecture architecture{{0, 1, 0, 1, 0}, 3, 16, 2, 2};
  const auto field = make_cpu_vector_field(architecture, lively_parameters(architecture, 1), pool);
  std::vector<float> x(15);
  Random(1, Stream::test).fill_normal(std::span(x));
  const std::vector<double> v = velocity_of(*field, 0.5F, x);
  std::swap_ranges(x.begin(), x.begin() + 3, x.begin() + 3);
  std::vector<double> swapped = velocity_of(*field, 0.5F, x);
  std::swap_ranges(swapped.begin(), swapped.begin() + 3, swapped.begin() + 3);
  EXPECT_GE(relative_error(swapped, v), 1e-3);
}

TEST(CpuVectorField, BitsDependNeitherOnThreadsNorOnTheRestOfTheBatch) {
  const Architecture architecture{{1, 0, 1, 0, 2, 0, 1}, 3, 20, 2, 3};
  const std::vector<float> parameters = lively_parameters(architecture, 3);
  const std::size_t batch =
      1030;  // leaves of several samples, one of fewer, more of them than are kept at a time
  Configurations<float> x(batch, 7, 3), target(batch, 7, 3), v1(x), v3(x);
  std::vector<float> t(batch), gradient1(parameters.size()), gradient3(parameters.size());
  Random random(3, Stream::test);
  random.fill_normal(x.values());
  random.fill_normal(target.values());
  for (float& value : t) value = static_cast<float>(random.uniform());

  ThreadPool one(1), three(3);
  const auto field1 = make_cpu_vector_field(architecture, parameters, one);
  const auto field3 = make_cpu_vector_field(architecture, parameters, three);
  field1->velocity(t, x, v1);
  field3->velocity(t, x, v3);
  EXPECT_TRUE(std::ranges::equal(v1.values(), v3.values()));
  for (const Precision precision : precisions()) {
    const auto gradients1 = make_cpu_vector_field(architecture, parameters, one, precision);
    const auto gradients3 = make_cpu_vector_field(architecture, parameters, three, precision);
    const double loss1 = gradients1->loss_gradient(t, x, target, gradient1);
    const double loss3 = gradients3->loss_gradient(t, x, target, gradient3);
    EXPECT_EQ(loss1, loss3);
    EXPECT_EQ(gradient1, gradient3);
    gradients1->velocity(t, x, v3);  // in single precision whatever that of gradients
    EXPECT_TRUE(std::ranges::equal(v1.values(), v3.values()));
  }

  // Neighbours that are not numbers.
  for (float& value : x[70]) value = std::nanf("");
  field1->velocity(t, x, v3);
  for (std::size_t b = 0; b < batch; ++b) {
    if (b == 70) {
      EXPECT_TRUE(std::ranges::all_of(v3[b], [](float value) { return std::isnan(value); }));
    } else {
      EXPECT_TRUE(std::ranges::equal(v1[b], v3[b])) << b;
    }
  }
}

// Whatever the size of the leaves, and the number of times that they are added up: the mean of the samples'
// own.
TEST(CpuVectorField, GradientsOfABatchAreTheMeanOfItsSamples) {
  const Architecture architecture{ParticleTypes(3, 0), 2, 8, 2, 0};
  const std::vector<float> parameters = lively_parameters(architecture, 4);
  ThreadPool pool(2);
  const auto field = make_cpu_vector_field(architecture, parameters, pool);
  Random random(4, Stream::test);
  constexpr std::size_t most = 1100;
  const Case all = inputs_for(architecture, most, 4, random);
  std::vector<float> gradient(parameters.size());
  std::vector<double> sum(parameters.size());
  double loss = 0;
  std::size_t done = 0;
  for (const std::size_t batch : {1, 2, 33, 34, 63, 64, 127, 128, 257, 511, 512, 513, 1024, 1025, 1100}) {
    for (; done < batch; ++done) {
      loss += field->loss_gradient(std::span(all.t).subspan(done, 1), all.x.view().slice(done, 1),
                                   all.target.view().slice(done, 1), gradient);
      for (std::size_t p = 0; p < sum.size(); ++p) sum[p] += static_cast<double>(gradient[p]);
    }
    const double found = field->loss_gradient(std::span(all.t).first(batch), all.x.view().slice(0, batch),
                                              all.target.view().slice(0, batch), gradient);
    std::vector<double> expected = sum;
    for (double& value : expected) value /= static_cast<double>(batch);
    EXPECT_LE(relative_error(gradient, expected), 1e-5) << batch;
    EXPECT_LE(std::abs(found - loss / static_cast<double>(batch)), 1e-6 * found) << batch;
  }
}

TEST(CpuVectorField, UsesNoMoreWorkersThanMemoryAllows) {
  const Architecture architecture{ParticleTypes(5000, 0), 3, 64, 5, 0};
  constexpr std::size_t gibibyte = std::size_t{1} << 30;
  EXPECT_EQ(workers_in_memory("velocity", architecture, gibibyte, 16, 64), 16U);
  EXPECT_EQ(workers_in_memory("velocity", architecture, gibibyte, 16, 10), 8U);
  EXPECT_EQ(workers_in_memory("velocity", architecture, 8 * gibibyte, 16, 10), 1U);
  EXPECT_EQ(workers_in_memory("velocity", architecture, 0, 16, 10), 16U);
  try {
    workers_in_memory("velocity", architecture, 9 * gibibyte, 16, 10);
    FAIL() << "no error";
  } catch (const UsageError& error) {
    const std::string said = error.what();
    EXPECT_NE(
        said.find(
            "the velocity of 5000 particles in 3 dimensions with 5 layers of width 64 needs 9.0 GiB for each "
            "thread, and this machine has 10.0 GiB"),
        std::string::npos)
        << said;
  }
}

#ifdef EQUIBOLT_ADDRESS_SANITIZER
TEST(WorkspaceDeathTest, SanitizersSeeANumberBeyondTheOverrunOfAnArray) {
  const cpu::Network network({ParticleTypes(4, 0), 3, 8, 2, 0});
  cpu::Workspace workspace(network, cpu::Workspace::Keep::features);
  float* const beyond =
      workspace.h_types + cpu::padded(network.types() * network.width(), cpu::lane_multiple);
  EXPECT_DEATH(*beyond = 1, "use-after-poison");
  cpu::DivergenceWorkspace divergence(network);
  EXPECT_DEATH(divergence.x[cpu::padded(12, cpu::lane_multiple)] = 1, "use-after-poison");
}
#endif

TEST(CpuVectorField, EdgeFeaturesComputedAgainGiveTheSameGradient) {
  const Case c = random_inputs(7);
  for (const Precision precision : precisions()) {
    cpu::Network network(c.architecture, precision);
    network.set_parameters(c.parameters);
    const auto gradient = allocate_aligned<float>(network.gradient_size());
    std::vector<std::vector<float>> gradients, grad_x;
    using Keep = cpu::Workspace::Keep;
    for (const auto keep : {Keep::features, Keep::preactivations, Keep::nodes}) {
      cpu::Workspace workspace(network, keep, precision);
      const std::size_t size = c.architecture.dim * network.particle_stride();
      for (float* array : {workspace.x, workspace.cot_v}) {
        Random(9, Stream::test, array == workspace.x).fill_normal(std::span(array, size));
      }
      workspace.t = 0.4F;
      std::fill_n(gradient.get(), network.gradient_size(), 0.0F);
      cpu::forward(network, workspace);
      cpu::backward(network, workspace, gradient.get(), cpu::GradX::wanted);
      gradients.emplace_back(gradient.get(), gradient.get() + network.gradient_size());
      grad_x.emplace_back(workspace.grad_x, workspace.grad_x + network.particles());
    }
    for (const std::size_t other : {1, 2}) {
      EXPECT_EQ(gradients[0], gradients[other]);
      EXPECT_EQ(grad_x[0], grad_x[other]);
    }
  }
}

void expect_extremes_finite(Precision precision) {
  ThreadPool pool(1);
  const Architecture architecture{ParticleTypes(5, 0), 3, 24, 2, 0};
  for (const float factor : {1.0F, 30.0F}) {
    for (const float length : {0.0F, 1e-20F, 1.0F, 1e4F}) {
      std::vector<float> parameters = lively_parameters(architecture, 2);
      for (float& value : parameters) value *= factor;
      const auto field = make_cpu_vector_field(architecture, parameters, pool, precision);
      Configurations<float> x(1, 5, 3), out(x);
      Random(2, Stream::test).fill_normal(x.values());
      for (float& value : x.values()) value *= length;
      const std::vector<float> t{1.0F};
      std::vector<float> gradient(parameters.size());
      field->velocity(t, x, out);
      for (const float value : out.values()) EXPECT_TRUE(std::isfinite(value));
      field->vjp(t, x, x, out, gradient);
      for (const float value : out.values()) EXPECT_TRUE(std::isfinite(value));
      for (const float value : gradient) EXPECT_TRUE(std::isfinite(value));
    }
  }
}

TEST(CpuVectorField, ExtremeArgumentsStayFinite) {
  for_each_target([] { expect_extremes_finite(Precision::fp32); });
  if (has_bf16_gradients()) expect_extremes_finite(Precision::bf16);
}

TEST(CpuVectorField, RefusesWrongShapesAndTypes) {
  ThreadPool pool(1);
  const Architecture architecture{{0, 1}, 3, 8, 1, 2};
  const std::vector<float> parameters = initial_parameters(architecture, 1);
  const auto field = make_cpu_vector_field(architecture, parameters, pool);
  Configurations<float> x(2, 2, 3), two_dimensional(2, 3, 2), one(1, 2, 3);
  std::vector<float> t(2), one_t(1), gradient(parameters.size());
  EXPECT_THROW(field->velocity(one_t, x, x), UsageError);
  EXPECT_THROW(field->velocity(t, two_dimensional, x), UsageError);
  EXPECT_THROW(field->velocity(t, x, one), UsageError);
  EXPECT_THROW(field->loss_gradient(t, x, one, gradient), UsageError);
  EXPECT_THROW(field->loss_gradient(t, x, x, t), UsageError);
  EXPECT_THROW(field->velocity_and_divergence(t, x, x, one_t), UsageError);
  EXPECT_THROW(field->set_parameters(t), UsageError);
  Architecture wrong = architecture;
  wrong.types = {0, 2};
  EXPECT_THROW(make_cpu_vector_field(wrong, parameters, pool), UsageError);
}

}  // namespace
}  // namespace equibolt
