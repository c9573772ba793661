#pragma once

#include <cstddef>
#include <cstdint>

/// What the CUDA kernels use of the device, under plain names: threads and their exchanges, the tensor cores'
/// product, memory, launches. A kernel is a struct with constexpr `threads` and `blocks_per_processor`, a
/// `shared_bytes()` and `operator()() const`, which each thread runs; all lanes of a warp always take the
/// same way. Compiled by nvcc this is the device; by any other compiler, emulation.h, which runs the same
/// kernels on the processor, for tests on machines without a GPU.
#ifdef __CUDACC__

#include <cuda_bf16.h>
#include <cuda_runtime.h>

#include "equibolt/error.h"

/// Another than the emulation's, which a test program holds too.
#define EQUIBOLT_CUDA_NAMESPACE equibolt::cuda::inline on_gpu
#define EQUIBOLT_DEVICE __device__ __forceinline__
#define EQUIBOLT_HOST_DEVICE __host__ __device__ __forceinline__

namespace EQUIBOLT_CUDA_NAMESPACE {

struct Lanes4 {
  std::uint32_t x, y, z, w;
};

EQUIBOLT_DEVICE int thread_index() {
  return static_cast<int>(threadIdx.x);
}
EQUIBOLT_DEVICE int lane_index() {
  return static_cast<int>(threadIdx.x) & 31;
}
EQUIBOLT_DEVICE int warp_index() {
  return static_cast<int>(threadIdx.x) >> 5;
}
EQUIBOLT_DEVICE int block_index() {
  return static_cast<int>(blockIdx.x);
}
EQUIBOLT_DEVICE int block_count() {
  return static_cast<int>(gridDim.x);
}
EQUIBOLT_DEVICE int block_row() {
  return static_cast<int>(blockIdx.y);
}
EQUIBOLT_DEVICE void synchronise_block() {
  __syncthreads();
}
EQUIBOLT_DEVICE void synchronise_warp() {
  __syncwarp();
}
EQUIBOLT_DEVICE char* shared_memory() {
  extern __shared__ __align__(16) char memory[];
  return memory;
}
EQUIBOLT_DEVICE float exchange(float value, int mask) {
  return __shfl_xor_sync(0xffffffffU, value, mask);
}

EQUIBOLT_DEVICE float exponential(float x) {
  return __expf(x);
}
EQUIBOLT_DEVICE float reciprocal(float x) {
  return __frcp_rn(x);
}
EQUIBOLT_DEVICE float fast_reciprocal(float x) {
  float y;
  asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}
EQUIBOLT_DEVICE float square_root(float x) {
  return __fsqrt_rn(x);
}
EQUIBOLT_DEVICE float fast_inverse_square_root(float x) {
  float y;
  asm("rsqrt.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
  return y;
}

EQUIBOLT_DEVICE float hyperbolic_tangent(float x) {
  return tanhf(x);
}

/// Two floats rounded to bf16, the first in the lower half.
EQUIBOLT_DEVICE std::uint32_t bf16_pair(float low, float high) {
  std::uint32_t pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}

/// d (16×8) += a (16×16) b (16×8), operands bf16, in the layout of mma.m16n8k16 (PTX ISA, 9.7.15).
EQUIBOLT_DEVICE void multiply_add(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                  std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// The same of half-precision operands.
EQUIBOLT_DEVICE void multiply_add_halves(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                                         std::uint32_t b1) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

/// The same of a (16×8) and b (8×8), in the layout of mma.m16n8k8.
EQUIBOLT_DEVICE void multiply_add_halves(float (&d)[4], const std::uint32_t (&a)[2], std::uint32_t b) {
  asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(b));
}

// Two half-precision numbers in a word.
EQUIBOLT_DEVICE std::uint32_t halves(float low, float high) {
  std::uint32_t pair;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
}
EQUIBOLT_DEVICE float low_half(std::uint32_t pair) {
  float value;
  asm("{.reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, l;}" : "=f"(value) : "r"(pair));
  return value;
}
EQUIBOLT_DEVICE float high_half(std::uint32_t pair) {
  float value;
  asm("{.reg .f16 l, h; mov.b32 {l, h}, %1; cvt.f32.f16 %0, h;}" : "=f"(value) : "r"(pair));
  return value;
}
EQUIBOLT_DEVICE std::uint32_t add_halves(std::uint32_t a, std::uint32_t b) {
  std::uint32_t c;
  asm("add.rn.f16x2 %0, %1, %2;" : "=r"(c) : "r"(a), "r"(b));
  return c;
}
EQUIBOLT_DEVICE std::uint32_t multiply_halves(std::uint32_t a, std::uint32_t b) {
  std::uint32_t c;
  asm("mul.rn.f16x2 %0, %1, %2;" : "=r"(c) : "r"(a), "r"(b));
  return c;
}
/// a b + c.
EQUIBOLT_DEVICE std::uint32_t multiply_add_halves(std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  std::uint32_t d;
  asm("fma.rn.f16x2 %0, %1, %2, %3;" : "=r"(d) : "r"(a), "r"(b), "r"(c));
  return d;
}
EQUIBOLT_DEVICE std::uint32_t negative_halves(std::uint32_t a) {
  std::uint32_t b;
  asm("neg.f16x2 %0, %1;" : "=r"(b) : "r"(a));
  return b;
}
EQUIBOLT_DEVICE std::uint32_t tanh_of_halves(std::uint32_t a) {
  std::uint32_t b;
  asm("tanh.approx.f16x2 %0, %1;" : "=r"(b) : "r"(a));
  return b;
}
EQUIBOLT_DEVICE std::uint32_t exchange(std::uint32_t value, int mask) {
  return __shfl_xor_sync(0xffffffffU, value, mask);
}
/// What lane `lane` brings.
EQUIBOLT_DEVICE std::uint32_t from_lane(std::uint32_t value, int lane) {
  return __shfl_sync(0xffffffffU, value, lane);
}
/// Bytes of a (0 to 3) and b (4 to 7): those that the four lowest hexadecimal digits of `selector` name.
EQUIBOLT_DEVICE std::uint32_t permute(std::uint32_t a, std::uint32_t b, std::uint32_t selector) {
  return __byte_perm(a, b, selector);
}

/// Four 8×8 blocks of 16-bit numbers in shared memory, each transposed; lane 8m + r has the address of row r
/// of block m.
EQUIBOLT_DEVICE void load_transposed(std::uint32_t (&blocks)[4], const std::uint16_t* row) {
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(blocks[0]), "=r"(blocks[1]), "=r"(blocks[2]), "=r"(blocks[3])
               : "r"(address)
               : "memory");
}

/// The way back without transposing: lane 8m + r has the address of row r of block m.
EQUIBOLT_DEVICE void store_blocks(const std::uint32_t (&blocks)[4], std::uint16_t* row) {
  const auto address = static_cast<std::uint32_t>(__cvta_generic_to_shared(row));
  asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%4], {%0,%1,%2,%3};"
               :
               : "r"(blocks[0]), "r"(blocks[1]), "r"(blocks[2]), "r"(blocks[3]), "r"(address)
               : "memory");
}

EQUIBOLT_DEVICE Lanes4 load4(const Lanes4* p) {
  const uint4 v = __ldg(reinterpret_cast<const uint4*>(p));
  return {v.x, v.y, v.z, v.w};
}

inline void check(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  cudaGetLastError();  // which the next launch would find
  throw NumericalError("CUDA: {} failed: {}", what, cudaGetErrorString(error));
}

template <typename Kernel>
__global__ void __launch_bounds__(Kernel::threads, Kernel::blocks_per_processor)
    run_kernel(const Kernel kernel) {
  kernel();
}

using Stream = cudaStream_t;

/// Runs `kernel` with `blocks` × `rows` blocks.
template <typename Kernel>
void launch(const Kernel& kernel, std::size_t blocks, Stream stream, std::size_t rows = 1) {
  if (blocks == 0) return;
  const std::size_t shared = kernel.shared_bytes();
  if (shared > 48 * 1024) {
    check(cudaFuncSetAttribute(run_kernel<Kernel>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                               static_cast<int>(shared)),
          "asking for shared memory");
  }
  run_kernel<Kernel>
      <<<dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(rows)), Kernel::threads, shared, stream>>>(
          kernel);
  check(cudaGetLastError(), "a launch");
}

inline void* allocate_device(std::size_t bytes) {
  void* p = nullptr;
  check(cudaMalloc(&p, bytes), "taking device memory");
  return p;
}
inline void free_device(void* p) {
  cudaFree(p);
}
inline void* allocate_pinned(std::size_t bytes) {
  void* p = nullptr;
  check(cudaMallocHost(&p, bytes), "taking page-locked memory");
  return p;
}
inline void free_pinned(void* p) {
  cudaFreeHost(p);
}
inline void copy_to_device(void* to, const void* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, stream), "a copy to the device");
}
inline void copy_to_host(void* to, const void* from, std::size_t bytes, Stream stream) {
  check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream), "a copy to the host");
}
inline void clear(void* p, std::size_t bytes, Stream stream) {
  check(cudaMemsetAsync(p, 0, bytes, stream), "clearing memory");
}
inline void synchronise(Stream stream) {
  check(cudaStreamSynchronize(stream), "a kernel");
}
inline Stream make_stream() {
  Stream stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "making a stream");
  return stream;
}
inline void free_stream(Stream stream) {
  cudaStreamDestroy(stream);
}
inline std::size_t processor_count() {
  int device = 0, count = 0;
  check(cudaGetDevice(&device), "looking for a device");
  check(cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device), "asking the device");
  return static_cast<std::size_t>(count);
}

}  // namespace EQUIBOLT_CUDA_NAMESPACE

#else
#include "egnn/cuda/emulation.h"
#endif
