// That the vector field's operations take no memory once they have run: malloc is counted here, which
// operator new and Highway's arrays end in.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <vector>

#include "core/random.h"
#include "core/sanitizers.h"
#include "egnn/cpu_vector_field.h"
#include "egnn/initialise.h"

// The sanitizers have a malloc of their own.
#if defined(__GLIBC__) && !defined(EQUIBOLT_ADDRESS_SANITIZER) && !defined(EQUIBOLT_THREAD_SANITIZER)

namespace {
std::atomic<std::size_t> allocations{0};
}

extern "C" void* __libc_malloc(std::size_t size);
extern "C" void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}

namespace equibolt {
namespace {

TEST(Allocation, NoneInTheOperationsOfTheVectorField) {
  ThreadPool pool(2);
  const Architecture architecture{{0, 1, 0, 1, 0, 0, 0}, 3, 32, 4, 2};
  const std::vector<float> parameters = initial_parameters(architecture, 1);
  const auto field =
      make_cpu_vector_field(architecture, parameters, pool, gradient_precision(PrecisionChoice::automatic));
  constexpr std::size_t batch = 40;
  Configurations<float> x(batch, 7, 3), target(x), v(x);
  Random(1, Stream::test).fill_normal(x.values());
  std::vector<float> t(batch, 0.5F), divergence(batch), gradient(parameters.size());
  const auto all = [&] {
    field->set_parameters(parameters);
    field->velocity(t, x, v);
    field->velocity_and_divergence(t, x, v, divergence);
    field->vjp(t, x, target, v, gradient);
    field->loss_gradient(t, x, target, gradient);
  };
  all();
  const std::size_t before = allocations;
  all();
  EXPECT_EQ(allocations - before, 0U);
  const std::vector<float> one(1);  // they are counted
  EXPECT_EQ(allocations - before, 1U);
}

}  // namespace
}  // namespace equibolt
#endif
