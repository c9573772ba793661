#include "egnn/cpu_vector_field.h"

// clang-format off
#include "egnn/targets.h"
#include <hwy/highway.h>
// clang-format on
#include <hwy/aligned_allocator.h>

#include <algorithm>
#include <cstddef>
#include <functional>
#include <vector>

#include "core/geometry.h"
#include "egnn/checks.h"
#include "egnn/cpu_kernels.h"
#include "egnn/cpu_network.h"
#include "egnn/divergence.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

/// Samples after which a worker's gradient is added to its chunk's sum, so that single precision does not add
/// up many samples' small terms into one large number.
constexpr std::size_t samples_per_flush = 8;
/// The batch is cut into so many chunks at most; each has a sum of its own, added up in order.
constexpr std::size_t max_gradient_chunks = 32;

/// What a worker keeps for the backward pass: all, where that fits a core's share of the caches. Beyond, the
/// features cost more to fetch than to compute again (measured at 3 and at 23 MB).
cpu::Workspace::Keep kept_for_gradients(const cpu::Network& network, Precision precision) {
  using Keep = cpu::Workspace::Keep;
  if (cpu::Workspace::bytes(network, Keep::features, precision) <= std::size_t{6} << 20)
    return Keep::features;
  if (cpu::Workspace::bytes(network, Keep::preactivations, precision) <= std::size_t{64} << 20) {
    return Keep::preactivations;
  }
  return Keep::nodes;
}

class CpuVectorField final : public VectorField {
 public:
  CpuVectorField(const Architecture& architecture, std::span<const float> parameters, ThreadPool& pool,
                 Precision gradients)
      : architecture_(checked(architecture)),
        layout_(architecture_),
        gradient_precision_(gradients),
        network_(architecture_, gradients),
        pool_(pool),
        keep_(kept_for_gradients(network_, gradients)),
        velocity_workspaces_(pool.size()),
        gradient_workspaces_(pool.size()),
        divergence_workspaces_(pool.size()) {
    set_parameters(parameters);
  }

  const Architecture& architecture() const override { return architecture_; }

  std::string backend() const override {
    return "cpu " + instruction_sets().front() + " " + name_of(gradient_precision_);
  }

  void set_parameters(std::span<const float> parameters) override {
    check_size("parameters", parameters.size(), layout_.size());
    network_.set_parameters(parameters);
  }

  void velocity(std::span<const float> t, ConfigurationsView<const float> x,
                ConfigurationsView<float> v) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "v", v, x.count());
    make_workspaces(velocity_workspaces_, cpu::Workspace::Keep::nothing, Precision::fp32);
    for_chunks(x.count(), 1, [&](const ThreadPool::Chunk& chunk) {
      cpu::Workspace& workspace = *velocity_workspaces_[chunk.worker];
      forward(workspace, t[chunk.first], x[chunk.first]);
      store(workspace.u, v[chunk.first]);
      remove_mean(v[chunk.first], v.dim());
    });
  }

  void velocity_and_divergence(std::span<const float> t, ConfigurationsView<const float> x,
                               ConfigurationsView<float> v, std::span<float> divergence) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "v", v, x.count());
    check_size("divergence", divergence.size(), x.count());
    for (auto& workspace : divergence_workspaces_) {
      if (workspace == nullptr) workspace = std::make_unique<cpu::DivergenceWorkspace>(network_);
    }
    for_chunks(x.count(), 1, [&](const ThreadPool::Chunk& chunk) {
      const std::size_t b = chunk.first;
      divergence[b] = static_cast<float>(
          cpu::velocity_and_divergence(network_, t[b], x[b], v[b], *divergence_workspaces_[chunk.worker]));
    });
  }

  void vjp(std::span<const float> t, ConfigurationsView<const float> x, ConfigurationsView<const float> cot_v,
           ConfigurationsView<float> grad_x, std::span<float> grad_parameters) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "cot_v", cot_v, x.count());
    check_shape(architecture_, "grad_x", grad_x, x.count());
    sum_gradients(t, x, grad_parameters, [&](std::size_t b, cpu::Workspace& workspace, float* gradient) {
      load(cot_v[b], workspace.cot_v);
      remove_mean_of_loaded(workspace.cot_v);
      cpu::backward(network_, workspace, gradient, cpu::GradX::wanted);
      store(workspace.grad_x, grad_x[b]);
    });
  }

  double loss_gradient(std::span<const float> t, ConfigurationsView<const float> x,
                       ConfigurationsView<const float> target, std::span<float> grad_parameters) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "target", target, x.count());
    losses_.resize(x.count());
    const double scale = 1.0 / static_cast<double>(x.size());
    sum_gradients(t, x, grad_parameters, [&](std::size_t b, cpu::Workspace& workspace, float* gradient) {
      losses_[b] = load_loss(target[b], scale, workspace);
      cpu::backward(network_, workspace, gradient, cpu::GradX::not_wanted);
    });
    double loss = 0;
    for (const double of_sample : losses_) loss += of_sample;
    return loss * scale;
  }

 private:
  /// Without the memory that std::function takes for a body with many references.
  template <typename Body>
  void for_chunks(std::size_t items, std::size_t chunk_size, const Body& body) {
    pool_.for_chunks(items, chunk_size, std::cref(body));
  }

  void make_workspaces(std::vector<std::unique_ptr<cpu::Workspace>>& workspaces, cpu::Workspace::Keep keep,
                       Precision precision) const {
    for (auto& workspace : workspaces) {
      if (workspace == nullptr) workspace = std::make_unique<cpu::Workspace>(network_, keep, precision);
    }
  }

  /// From the caller's (N, D) to (D, particle_stride) in the network's order, and back.
  void load(std::span<const float> from, float* to) const {
    const std::size_t dim = architecture_.dim;
    for (std::size_t s = 0; s < network_.particles(); ++s) {
      for (std::size_t k = 0; k < dim; ++k) {
        to[k * network_.particle_stride() + s] = from[network_.order()[s] * dim + k];
      }
    }
  }
  void store(const float* from, std::span<float> to) const {
    const std::size_t dim = architecture_.dim;
    for (std::size_t s = 0; s < network_.particles(); ++s) {
      for (std::size_t k = 0; k < dim; ++k) {
        to[network_.order()[s] * dim + k] = from[k * network_.particle_stride() + s];
      }
    }
  }
  void remove_mean_of_loaded(float* values) const {
    for (std::size_t k = 0; k < architecture_.dim; ++k) {
      remove_mean(std::span(values + k * network_.particle_stride(), network_.particles()), 1);
    }
  }

  void forward(cpu::Workspace& workspace, float t, std::span<const float> x) const {
    workspace.t = t;
    load(x, workspace.x);
    cpu::forward(network_, workspace);
  }

  /// From u the squared error of v, summed over coordinates, and its cotangent times `scale`, which is
  /// mean-free if the mean is removed from v and from the cotangent.
  double load_loss(std::span<const float> target, double scale, cpu::Workspace& workspace) const {
    remove_mean_of_loaded(workspace.u);
    load(target, workspace.cot_v);
    double loss = 0;
    for (std::size_t k = 0; k < architecture_.dim; ++k) {
      for (std::size_t s = 0; s < network_.particles(); ++s) {
        const std::size_t at = k * network_.particle_stride() + s;
        const double error = static_cast<double>(workspace.u[at]) - static_cast<double>(workspace.cot_v[at]);
        loss += error * error;
        workspace.cot_v[at] = static_cast<float>(2 * scale * error);
      }
    }
    remove_mean_of_loaded(workspace.cot_v);
    return loss;
  }

  /// Runs the forward pass and `backward(b, workspace, gradient)`, which adds to `gradient`, for each
  /// sample, and sums. Chunks do not depend on the number of threads, nor does the order in which they are
  /// added.
  template <typename Backward>
  void sum_gradients(std::span<const float> t, ConfigurationsView<const float> x,
                     std::span<float> grad_parameters, const Backward& backward) {
    check_size("grad_parameters", grad_parameters.size(), layout_.size());
    make_workspaces(gradient_workspaces_, keep_, gradient_precision_);
    const std::size_t size = network_.gradient_size();
    const std::size_t chunk_size =
        std::max<std::size_t>(1, (x.count() + max_gradient_chunks - 1) / max_gradient_chunks);
    const std::size_t chunks = (x.count() + chunk_size - 1) / chunk_size;
    if (chunks * size > chunk_gradients_size_) {
      chunk_gradients_size_ = chunks * size;
      chunk_gradients_ = hwy::AllocateAligned<float>(chunk_gradients_size_);
    }
    for_chunks(x.count(), chunk_size, [&](const ThreadPool::Chunk& chunk) {
      cpu::Workspace& workspace = *gradient_workspaces_[chunk.worker];
      float* const sum = chunk_gradients_.get() + chunk.index * size;
      std::fill_n(sum, size, 0.0F);
      for (std::size_t done = 0; done < chunk.count; done += samples_per_flush) {
        float* const gradient = done == 0 ? sum : workspace.gradient;
        if (done > 0) std::fill_n(gradient, size, 0.0F);
        for (std::size_t s = done; s < std::min(done + samples_per_flush, chunk.count); ++s) {
          const std::size_t b = chunk.first + s;
          forward(workspace, t[b], x[b]);
          backward(b, workspace, gradient);
        }
        if (done == 0) continue;
        for (std::size_t p = 0; p < size; ++p) sum[p] += gradient[p];
      }
    });
    total_gradient_.resize(size);
    constexpr std::size_t range = 1024;  // of parameters, and so many chunks' sums in single precision
    constexpr std::size_t group = 8;
    for_chunks(size, range, [&](const ThreadPool::Chunk& chunk) {
      double sums[range] = {};
      for (std::size_t first = 0; first < chunks; first += group) {
        float group_sums[range] = {};
        for (std::size_t c = first; c < std::min(first + group, chunks); ++c) {
          const float* const from = chunk_gradients_.get() + c * size + chunk.first;
          for (std::size_t p = 0; p < chunk.count; ++p) group_sums[p] += from[p];
        }
        for (std::size_t p = 0; p < chunk.count; ++p) sums[p] += static_cast<double>(group_sums[p]);
      }
      for (std::size_t p = 0; p < chunk.count; ++p) {
        total_gradient_[chunk.first + p] = static_cast<float>(sums[p]);
      }
    });
    network_.unpack_gradient(total_gradient_.data(), grad_parameters);
  }

  const Architecture architecture_;
  const ParameterLayout layout_;
  const Precision gradient_precision_;
  cpu::Network network_;
  ThreadPool& pool_;
  const cpu::Workspace::Keep keep_;
  std::vector<std::unique_ptr<cpu::Workspace>> velocity_workspaces_;  // one per worker, made when needed
  std::vector<std::unique_ptr<cpu::Workspace>> gradient_workspaces_;
  std::vector<std::unique_ptr<cpu::DivergenceWorkspace>> divergence_workspaces_;
  hwy::AlignedFreeUniquePtr<float[]> chunk_gradients_;  // (chunks, network_.gradient_size())
  std::size_t chunk_gradients_size_ = 0;
  std::vector<float> total_gradient_;
  std::vector<double> losses_;
};

}  // namespace

std::unique_ptr<VectorField> make_cpu_vector_field(const Architecture& architecture,
                                                   std::span<const float> parameters, ThreadPool& pool,
                                                   Precision gradients) {
  if (gradients == Precision::bf16 && !cpu::has_bf16()) {
    throw UsageError(
        "gradients in bf16 need a processor with AVX512_BF16, this has {}; expected the precision fp32",
        instruction_sets().front());
  }
  return std::make_unique<CpuVectorField>(architecture, parameters, pool, gradients);
}

bool has_bf16_gradients() {
  return cpu::has_bf16();
}

Precision gradient_precision(PrecisionChoice choice) {
  if (choice == PrecisionChoice::automatic) return cpu::has_bf16() ? Precision::bf16 : Precision::fp32;
  return choice == PrecisionChoice::bf16 ? Precision::bf16 : Precision::fp32;
}

std::vector<std::string> instruction_sets() {
  std::vector<std::string> names;
  // The best has the lowest bit.
  for (std::int64_t left = hwy::SupportedTargets() & HWY_TARGETS; left != 0; left &= left - 1) {
    names.emplace_back(hwy::TargetName(left & -left));
  }
  return names;
}

}  // namespace equibolt
