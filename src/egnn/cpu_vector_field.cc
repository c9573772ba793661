#include "egnn/cpu_vector_field.h"

// clang-format off
#include "egnn/targets.h"
#include <hwy/highway.h>
// clang-format on

#include <algorithm>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "core/geometry.h"
#include "core/log.h"
#include "core/machine.h"
#include "egnn/checks.h"
#include "egnn/cpu_kernels.h"
#include "egnn/cpu_network.h"
#include "egnn/divergence.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

/// A leaf of samples, whose gradients are added up in single precision by one worker, has at most so many of
/// them. Smaller batches have smaller leaves, for at least `fewest_leaves` of them where there are samples
/// for it.
constexpr std::size_t largest_leaf = 4;
constexpr std::size_t fewest_leaves = 32;
/// Leaves whose sums are kept at a time, before they are added to the whole.
constexpr std::size_t most_leaves = 128;

/// What a worker keeps for the backward pass: all, where that and the gradient fit a core's share of the
/// caches. Beyond, the features cost more to fetch than to compute again (measured at 3 and at 23 MB).
cpu::Workspace::Keep kept_for_gradients(const cpu::Network& network, Precision precision) {
  using Keep = cpu::Workspace::Keep;
  const auto fits = [&](Keep keep, std::size_t mebibytes) {
    return cpu::Workspace::bytes(network, keep, precision) + network.gradient_size() * sizeof(float) <=
           mebibytes << 20;
  };
  if (fits(Keep::features, 6)) return Keep::features;
  if (fits(Keep::preactivations, 64)) return Keep::preactivations;
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
        keep_(kept_for_gradients(network_, gradients)) {
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
    constexpr auto keep = cpu::Workspace::Keep::nothing;
    make_workspaces(
        velocity_workspaces_, "velocity",
        [&] { return cpu::Workspace::bytes(network_, keep, Precision::fp32); },
        [&] { return std::make_unique<cpu::Workspace>(network_, keep, Precision::fp32); });
    for_chunks(x.count(), 1, velocity_workspaces_,
               [&](const ThreadPool::Chunk& chunk, cpu::Workspace& workspace) {
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
    make_workspaces(
        divergence_workspaces_, "exact divergence", [&] { return cpu::DivergenceWorkspace::bytes(network_); },
        [&] { return std::make_unique<cpu::DivergenceWorkspace>(network_); });
    for_chunks(x.count(), 1, divergence_workspaces_,
               [&](const ThreadPool::Chunk& chunk, cpu::DivergenceWorkspace& workspace) {
                 const std::size_t b = chunk.first;
                 divergence[b] =
                     static_cast<float>(cpu::velocity_and_divergence(network_, t[b], x[b], v[b], workspace));
               });
  }

  void vjp(std::span<const float> t, ConfigurationsView<const float> x, ConfigurationsView<const float> cot_v,
           ConfigurationsView<float> grad_x, std::span<float> grad_parameters) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "cot_v", cot_v, x.count());
    check_shape(architecture_, "grad_x", grad_x, x.count());
    if (grad_parameters.empty()) return vjp_of_positions(t, x, cot_v, grad_x);
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
  template <typename Workspace>
  using Workspaces =
      std::vector<std::unique_ptr<Workspace>>;  // of each worker that takes part, made when needed

  /// Each by the thread that uses it, so that on machines whose memory has several parts it lies near to
  /// that.
  template <typename Workspace, typename Bytes, typename Make>
  void make_workspaces(Workspaces<Workspace>& workspaces, const char* what, const Bytes& bytes,
                       const Make& make) {
    if (!workspaces.empty()) return;
    const std::size_t each = bytes();
    const std::size_t workers =
        workers_in_memory(what, architecture_, each, pool_.size(), gibibytes_of_memory());
    if (workers < pool_.size()) {
      log_text("warning", fmt::format("the {} needs {:.1f} GiB for each thread: it uses {} of {} threads",
                                      what, static_cast<double>(each) / 0x1p30, workers, pool_.size()));
    }
    Workspaces<Workspace> made(workers);
    pool_.on_each_worker([&](std::size_t worker) { made[worker] = make(); }, workers);
    workspaces = std::move(made);
  }

  /// `body(chunk, workspace)`, by the workers that have a workspace. Without the memory that std::function
  /// takes for a body with many references.
  template <typename Workspace, typename Body>
  void for_chunks(std::size_t items, std::size_t chunk_size, Workspaces<Workspace>& workspaces,
                  const Body& body) {
    const auto with_workspace = [&](const ThreadPool::Chunk& chunk) {
      body(chunk, *workspaces[chunk.worker]);
    };
    pool_.for_chunks(items, chunk_size, std::cref(with_workspace), workspaces.size());
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

  /// vjp without the weights' gradient.
  void vjp_of_positions(std::span<const float> t, ConfigurationsView<const float> x,
                        ConfigurationsView<const float> cot_v, ConfigurationsView<float> grad_x) {
    make_gradient_workspaces();
    for_chunks(x.count(), 1, gradient_workspaces_,
               [&](const ThreadPool::Chunk& chunk, cpu::Workspace& workspace) {
                 const std::size_t b = chunk.first;
                 forward(workspace, t[b], x[b]);
                 load(cot_v[b], workspace.cot_v);
                 remove_mean_of_loaded(workspace.cot_v);
                 cpu::backward(network_, workspace, nullptr, cpu::GradX::wanted);
                 store(workspace.grad_x, grad_x[b]);
               });
  }

  void make_gradient_workspaces() {
    const std::size_t of_gradient = network_.gradient_size() * sizeof(float);
    make_workspaces(
        gradient_workspaces_, "gradient",
        [&] { return cpu::Workspace::bytes(network_, keep_, gradient_precision_) + of_gradient; },
        [&] { return std::make_unique<cpu::Workspace>(network_, keep_, gradient_precision_); });
  }

  /// Runs the forward pass and `backward(b, workspace, gradient)`, which adds to `gradient`, for each
  /// sample, and sums: over the samples of a leaf in single precision, over leaves in double, in their order.
  /// Leaves do not depend on the number of threads.
  template <typename Backward>
  void sum_gradients(std::span<const float> t, ConfigurationsView<const float> x,
                     std::span<float> grad_parameters, const Backward& backward) {
    check_size("grad_parameters", grad_parameters.size(), layout_.size());
    const std::size_t size = network_.gradient_size(), count = x.count();
    make_gradient_workspaces();
    const std::size_t leaf = std::clamp<std::size_t>(count / fewest_leaves, 1, largest_leaf);
    const std::size_t leaves = std::min((count + leaf - 1) / leaf, most_leaves);
    if (leaves * size > leaf_gradients_size_) {
      leaf_gradients_size_ = leaves * size;
      leaf_gradients_ = allocate_aligned<float>(leaf_gradients_size_);
    }
    total_gradient_.assign(size, 0.0);
    for (std::size_t begin = 0; begin < count; begin += leaves * leaf) {
      const std::size_t samples = std::min(leaves * leaf, count - begin);
      for_chunks(samples, leaf, gradient_workspaces_,
                 [&](const ThreadPool::Chunk& chunk, cpu::Workspace& workspace) {
                   float* const gradient = leaf_gradients_.get() + chunk.index * size;
                   std::fill_n(gradient, size, 0.0F);
                   for (std::size_t b = begin + chunk.first; b < begin + chunk.first + chunk.count; ++b) {
                     forward(workspace, t[b], x[b]);
                     backward(b, workspace, gradient);
                   }
                 });
      add_leaves((samples + leaf - 1) / leaf);
    }
    network_.unpack_gradient(total_gradient_, grad_parameters);
  }

  /// The first `leaves` of leaf_gradients_ to total_gradient_.
  void add_leaves(std::size_t leaves) {
    const std::size_t size = total_gradient_.size();
    constexpr std::size_t range = 1024;  // of parameters
    const auto add_range = [&](const ThreadPool::Chunk& chunk) {
      double* const sums = total_gradient_.data() + chunk.first;
      for (std::size_t leaf = 0; leaf < leaves; ++leaf) {
        const float* const from = leaf_gradients_.get() + leaf * size + chunk.first;
        for (std::size_t p = 0; p < chunk.count; ++p) sums[p] += static_cast<double>(from[p]);
      }
    };
    pool_.for_chunks(size, range, std::cref(add_range));
  }

  const Architecture architecture_;
  const ParameterLayout layout_;
  const Precision gradient_precision_;
  cpu::Network network_;
  ThreadPool& pool_;
  const cpu::Workspace::Keep keep_;
  Workspaces<cpu::Workspace> velocity_workspaces_;
  Workspaces<cpu::Workspace> gradient_workspaces_;
  Workspaces<cpu::DivergenceWorkspace> divergence_workspaces_;
  AlignedArray<float> leaf_gradients_;  // (leaves, network_.gradient_size())
  std::size_t leaf_gradients_size_ = 0;
  std::vector<double> total_gradient_;  // (network_.gradient_size(),)
  std::vector<double> losses_;
};

}  // namespace

std::size_t workers_in_memory(const char* what, const Architecture& architecture, std::size_t bytes,
                              std::size_t workers, double gibibytes) {
  const double each = static_cast<double>(bytes) / 0x1p30, limit = 0.8 * gibibytes;
  if (each > limit) {
    throw UsageError(
        "the {} of {} particles in {} dimensions with {} layers of width {} needs {:.1f} GiB for each "
        "thread, and this "
        "machine has {:.1f} GiB of memory; less is needed with a smaller network.hidden, and for densities "
        "with "
        "flow.divergence_probes",
        what, architecture.particles(), architecture.dim, architecture.layers, architecture.hidden, each,
        gibibytes);
  }
  return bytes == 0 ? workers
                    : static_cast<std::size_t>(std::min(static_cast<double>(workers), limit / each));
}

std::unique_ptr<VectorField> make_cpu_vector_field(const Architecture& architecture,
                                                   std::span<const float> parameters, ThreadPool& pool,
                                                   Precision gradients) {
  if (gradients == Precision::bf16) require_bf16_gradients();
  return std::make_unique<CpuVectorField>(architecture, parameters, pool, gradients);
}

bool has_bf16_gradients() {
  return cpu::has_bf16();
}

void require_bf16_gradients() {
  if (cpu::has_bf16()) return;
  throw UsageError(
      "gradients in bf16 need a processor with AVX512_BF16, this has {}; expected the precision fp32",
      instruction_sets().front());
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
