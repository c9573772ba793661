#include "egnn/make_vector_field.h"

#include <gtest/gtest.h>

#include <string>

#include "egnn/cpu_vector_field.h"
#include "egnn/initialise.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

const CudaDevice no_gpu{"", "there is none", "", 0};
const CudaDevice gpu{"GPU", "", "compute capability 9.0", 80};

Architecture network(std::size_t hidden, std::size_t dim = 3) {
  return {ParticleTypes(4, 0), dim, hidden, 2, 0};
}

TEST(DeviceFor, AutomaticIsTheGpuWhereThatCanDoWhatIsWanted) {
  constexpr auto fp32 = PrecisionChoice::fp32, bf16 = PrecisionChoice::bf16,
                 either = PrecisionChoice::automatic;
  const auto device = [](std::size_t hidden, std::size_t dim, WantedGradients gradients) {
    return device_for(Device::automatic, network(hidden, dim), gradients, gpu);
  };
  for (const WantedGradients gradients : {no_gradients, WantedGradients(fp32), WantedGradients(bf16)}) {
    EXPECT_EQ(device(64, 3, gradients), Device::cuda);
    EXPECT_EQ(device(32, 1, gradients), Device::cuda);
    EXPECT_EQ(device(64, 4, gradients), Device::cpu);
    EXPECT_EQ(device(129, 3, gradients), Device::cpu);
    EXPECT_EQ(device_for(Device::automatic, network(32), gradients, no_gpu), Device::cpu);
    EXPECT_EQ(device_for(Device::cpu, network(32), gradients, gpu), Device::cpu);
    EXPECT_EQ(device_for(Device::cuda, network(500), gradients, no_gpu), Device::cuda);
  }
  // Width 65 to 128: velocities, divergences and half precision alone.
  for (const std::size_t hidden : {65, 128}) {
    EXPECT_EQ(device(hidden, 3, no_gradients), Device::cuda);
    EXPECT_EQ(device(hidden, 3, bf16), Device::cuda);
    EXPECT_EQ(device(hidden, 3, either), Device::cuda);
    EXPECT_EQ(device(hidden, 3, fp32), Device::cpu);
  }
}

std::string refusal(Device wanted, const Architecture& architecture, WantedGradients gradients,
                    const CudaDevice& of) {
  try {
    check_device(wanted, architecture, gradients, of);
    return {};
  } catch (const UsageError& error) {
    return error.what();
  }
}

TEST(CheckDevice, RefusesACudaDeviceThatCannotDoWhatIsWanted) {
  EXPECT_EQ(refusal(Device::cuda, network(64), PrecisionChoice::fp32, gpu), "");
  EXPECT_EQ(refusal(Device::cuda, network(128), no_gradients, gpu), "");
  EXPECT_EQ(refusal(Device::cuda, network(128), PrecisionChoice::automatic, gpu), "");
  const std::string wide = refusal(Device::cuda, network(100), PrecisionChoice::fp32, gpu);
  EXPECT_NE(wide.find("to width 64, found 100; use the device cpu"), std::string::npos) << wide;
  const std::string dimensions = refusal(Device::cuda, network(32, 4), no_gradients, gpu);
  EXPECT_NE(dimensions.find("at most 3 dimensions and width 128, found 4 and 32"), std::string::npos)
      << dimensions;
  EXPECT_EQ(refusal(Device::cuda, network(32), no_gradients, no_gpu), "device = \"cuda\": there is none");
}

TEST(CheckDevice, RefusesHalfPrecisionWhereTheProcessorHasNone) {
  for (const Device wanted : {Device::cpu, Device::automatic}) {
    EXPECT_EQ(refusal(wanted, network(500, 5), PrecisionChoice::fp32, no_gpu), "");
    EXPECT_EQ(refusal(wanted, network(500, 5), PrecisionChoice::automatic, no_gpu), "");
    EXPECT_EQ(refusal(wanted, network(32), PrecisionChoice::bf16, no_gpu).empty(), has_bf16_gradients());
  }
  EXPECT_EQ(refusal(Device::automatic, network(32), PrecisionChoice::bf16, gpu), "");
}

TEST(MakeVectorField, TakesTheDeviceThatIsWanted) {
  ThreadPool pool(1);
  const std::vector<float> parameters = initial_parameters(network(8, 4), 1);
  const auto field =
      make_vector_field(Device::automatic, network(8, 4), parameters, pool, PrecisionChoice::fp32);
  EXPECT_TRUE(field->backend().starts_with("cpu ")) << field->backend();
  EXPECT_THROW(make_vector_field(Device::cuda, network(8, 4), parameters, pool, no_gradients), UsageError);
}

}  // namespace
}  // namespace equibolt
