#include <fmt/format.h>

#include "egnn/cuda_vector_field.h"

namespace equibolt {
namespace {

constexpr std::size_t most_dimensions = 3;
constexpr std::size_t most_hidden = 128;
constexpr std::size_t most_hidden_for_fp32_gradients = 64;  // rows of more do not fit shared memory

}  // namespace

std::string cuda_refusal(const Architecture& architecture, std::optional<Precision> gradients) {
  if (architecture.dim > most_dimensions || architecture.hidden > most_hidden) {
    return fmt::format(
        "the GPU's kernels take at most {} dimensions and width {}, found {} and {}; use the device cpu",
        most_dimensions, most_hidden, architecture.dim, architecture.hidden);
  }
  if (gradients == Precision::fp32 && architecture.hidden > most_hidden_for_fp32_gradients) {
    return fmt::format(
        "the GPU's kernels have gradients in fp32, which fine-tuning and flow.divergence_probes need, to "
        "width {}, "
        "found {}; use the device cpu (or auto), or a training in bf16 alone",
        most_hidden_for_fp32_gradients, architecture.hidden);
  }
  return {};
}

}  // namespace equibolt
