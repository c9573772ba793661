// The CUDA kernels as they are, run by the processor (cuda/emulation.h): their mathematics on machines
// without a GPU.

#include <gtest/gtest.h>

#include "egnn/cuda/field.h"
#include "egnn/spec/field_cases.h"

namespace equibolt {
namespace {

Case small_case(std::size_t particles, std::size_t dim, std::size_t hidden, std::size_t layers,
                std::size_t type_features, std::size_t batch) {
  Case c;
  Random random(11, Stream::test);
  c.architecture = {{}, dim, hidden, layers, type_features};
  for (std::size_t i = 0; i < particles; ++i) {
    c.architecture.types.push_back(type_features > 0 ? static_cast<int>(random.below(type_features)) : 0);
  }
  c.name = fmt::format("N {}, D {}, h {}, L {}", particles, dim, hidden, layers);
  c.parameters = lively_parameters(c.architecture, 5);
  for (Configurations<float>* x : {&c.x, &c.target, &c.cot_v}) {
    *x = Configurations<float>(batch, particles, dim);
    random.fill_normal(x->values());
  }
  for (std::size_t b = 0; b < batch; ++b) c.t.push_back(static_cast<float>(random.uniform()));
  add_reference(c);
  return c;
}

void expect_divergence(const Case& c, const MakeField& make) {
  Configurations<float> v(c.x.count(), c.x.particles(), c.x.dim());
  std::vector<float> divergence(c.x.count());
  make(c)->velocity_and_divergence(c.t, c.x, v, divergence);
  EXPECT_LE(relative_error(std::vector<float>(v.values().begin(), v.values().end()), c.v), tolerance);
  const ParameterLayout layout(c.architecture);
  const std::vector<double> parameters(c.parameters.begin(), c.parameters.end());
  for (std::size_t b = 0; b < c.x.count(); ++b) {
    const std::vector<double> x(c.x[b].begin(), c.x[b].end());
    const double expected = reference::divergence(c.architecture, layout, parameters, c.t[b], x);
    EXPECT_LE(std::abs(static_cast<double>(divergence[b]) - expected), 1e-5 * std::abs(expected) + 1e-6)
        << c.name << ": " << divergence[b] << " for " << expected;
  }
}

TEST(CudaEmulation, KernelsAgreeWithTheReference) {
  // One tile and two, more tiles than a block has warps, types, odd widths, each depth that differs.
  for (const Case& c :
       {small_case(3, 3, 5, 1, 0, 1), small_case(4, 2, 32, 2, 2, 5), small_case(5, 3, 17, 4, 3, 1),
        small_case(18, 3, 9, 2, 0, 1), small_case(3, 1, 40, 3, 0, 1)}) {
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      const MakeField make = [precision](const Case& of) {
        return std::make_unique<cuda::CudaVectorField>(of.architecture, of.parameters, precision, "emulated");
      };
      if (precision == Precision::bf16) {
        expect_loss_gradient(c, make, bf16_tolerances);
        continue;
      }
      expect_gradients(c, make, fp32_tolerances);
      expect_velocity(c, make);
      expect_divergence(c, make);
    }
  }
}

TEST(CudaEmulation, HalfPrecisionWithTilesOfTwoSamplesAgreesWithTheReference) {
  // Row tiles end with a sample, go on into the next, have one particle of it; each width that kernels are
  // made for.
  for (const Case& c : {small_case(16, 3, 20, 1, 0, 2), small_case(18, 3, 33, 2, 2, 3),
                        small_case(15, 2, 7, 2, 0, 2), small_case(15, 3, 66, 2, 0, 2)}) {
    const MakeField make = [](const Case& of) {
      return std::make_unique<cuda::CudaVectorField>(of.architecture, of.parameters, Precision::bf16,
                                                     "emulated");
    };
    expect_loss_gradient(c, make, bf16_tolerances);
  }
}

TEST(CudaEmulation, TilesOfTwoSamplesInSeveralPassesAndAVelocityAfterThem) {
  const Case c = small_case(15, 2, 7, 2, 0, 5);
  const MakeField make = [](const Case& of) {
    constexpr std::size_t of_two_samples = 25000;  // so passes of two, two and one
    return std::make_unique<cuda::CudaVectorField>(of.architecture, of.parameters, Precision::bf16,
                                                   "emulated", of_two_samples);
  };
  expect_loss_gradient(c, make, bf16_tolerances);
  const std::unique_ptr<VectorField> field = make(c);
  std::vector<float> gradient(c.parameters.size());
  field->loss_gradient(c.t, c.x, c.target, gradient);
  Configurations<float> v = c.x;
  field->velocity(c.t, c.x, v);
  EXPECT_LE(relative_error(std::vector<float>(v.values().begin(), v.values().end()), c.v), tolerance);
}

TEST(CudaEmulation, ABatchOfSeveralPassesAgreesWithTheReference) {
  const Case c = small_case(4, 2, 32, 2, 2, 5);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const MakeField make = [precision](const Case& of) {
      constexpr std::size_t of_two_samples = 5000;  // so passes of two, two and one; of one with tangents
      return std::make_unique<cuda::CudaVectorField>(of.architecture, of.parameters, precision, "emulated",
                                                     of_two_samples);
    };
    if (precision == Precision::fp32) expect_vjp(c, make, fp32_tolerances);
    expect_loss_gradient(c, make, precision == Precision::fp32 ? fp32_tolerances : bf16_tolerances);
    expect_velocity(c, make);
    expect_divergence(c, make);
  }
}

TEST(CudaEmulation, RefusesWhatTheKernelsDoNotHave) {
  const auto field_of = [](const Case& c, Precision precision) {
    return std::make_unique<cuda::CudaVectorField>(c.architecture, c.parameters, precision, "emulated");
  };
  EXPECT_THROW(field_of(small_case(2, 4, 8, 1, 0, 1), Precision::fp32), UsageError);
  EXPECT_THROW(field_of(small_case(2, 2, 129, 1, 0, 1), Precision::fp32), UsageError);
  Case c = small_case(2, 2, 65, 1, 0, 1);
  Configurations<float> grad_x = c.x;
  std::vector<float> gradient(c.parameters.size());
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {  // too wide; not in this precision
    EXPECT_THROW(field_of(c, precision)->vjp(c.t, c.x, c.cot_v, grad_x, gradient), UsageError);
  }
  EXPECT_THROW(field_of(c, Precision::fp32)->loss_gradient(c.t, c.x, c.target, gradient), UsageError);
  field_of(c, Precision::bf16)->loss_gradient(c.t, c.x, c.target, gradient);
}

}  // namespace
}  // namespace equibolt
