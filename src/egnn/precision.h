#pragma once

#include <cstddef>
#include <string>

namespace equibolt {

/// Of the operands of the products that gradients are made of. Sums and all else are in single precision, and
/// so are velocities and divergences by themselves.
enum class Precision {
  fp32,
  bf16,  ///< 8 bits of mantissa: gradients to 0.5 % in norm
};

/// As a config says it: `automatic` is bf16 where the machine has it.
enum class PrecisionChoice { fp32, bf16, automatic };

inline std::string name_of(Precision precision) {
  return precision == Precision::bf16 ? "bf16" : "fp32";
}

}  // namespace equibolt
