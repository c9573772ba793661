#pragma once

#include <cstddef>

/// What this machine can do at most, measured: the measure of everything else.
namespace equibolt::bench {

/// GFLOP/s of independent multiply-adds in registers, single precision, by `threads` threads together.
double peak_fp32(std::size_t threads);

/// The same of bfloat16 products summed in single precision, by AMX or AVX-512 BF16; 0 where there is
/// neither.
double peak_bf16(std::size_t threads);

/// GB/s of one thread that reads `bytes` of memory again and again.
double read_bandwidth(std::size_t bytes);

}  // namespace equibolt::bench
