#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "egnn/checks.h"
#include "egnn/cuda/backward.h"
#include "egnn/cuda/divergence.h"
#include "egnn/cuda/half_edges.h"
#include "egnn/cuda/memory.h"
#include "egnn/cuda/places.h"
#include "egnn/cuda_vector_field.h"
#include "egnn/precision.h"
#include "egnn/vector_field.h"

/// The vector field on a GPU: the host's side of the kernels.
namespace EQUIBOLT_CUDA_NAMESPACE {

/// Between the host's (B, N, D) and positions.
struct Spread {
  static constexpr int threads = 256, blocks_per_processor = 1;
  static std::size_t shared_bytes() { return 0; }
  int count, dim;
  const float* from;
  Position* to;
  EQUIBOLT_DEVICE void operator()() const {
    const int k = block_index() * threads + thread_index();
    if (k >= count) return;
    Position p{{0, 0, 0, 0}};
    for (int d = 0; d < dim; ++d) p.v[d] = from[static_cast<std::size_t>(k) * dim + d];
    to[k] = p;
  }
};
struct Collect {
  static constexpr int threads = 256, blocks_per_processor = 1;
  static std::size_t shared_bytes() { return 0; }
  int count, dim;
  const Position* from;
  float* to;
  EQUIBOLT_DEVICE void operator()() const {
    const int k = block_index() * threads + thread_index();
    if (k >= count) return;
    for (int d = 0; d < dim; ++d) to[static_cast<std::size_t>(k) * dim + d] = from[k].v[d];
  }
};

inline std::size_t blocks_of(std::size_t items, std::size_t threads) {
  return (items + threads - 1) / threads;
}

/// `body` with the width that h is padded to, as std::integral_constant.
template <typename Body>
void with_width(std::size_t hidden, const Body& body) {
  if (hidden <= 32) return body(std::integral_constant<int, 32>());
  if (hidden <= 64) return body(std::integral_constant<int, 64>());
  return body(std::integral_constant<int, 128>());
}

class CudaVectorField final : public VectorField {
 public:
  /// A pass of a batch keeps about `numbers_per_pass` floats on the device; larger batches take several.
  CudaVectorField(const Architecture& architecture, std::span<const float> parameters, Precision gradients,
                  std::string device, std::size_t numbers_per_pass = std::size_t{1} << 30)
      : architecture_(supported(architecture)),
        layout_(architecture_),
        gradient_precision_(gradients),
        device_(std::move(device)),
        numbers_per_pass_(numbers_per_pass),
        processors_(processor_count()) {
    width_ = architecture_.hidden <= 32 ? 32 : architecture_.hidden <= 64 ? 64 : 128;
    place_weights();
    set_parameters(parameters);
  }

  const Architecture& architecture() const override { return architecture_; }
  std::string backend() const override { return "cuda " + device_ + " " + name_of(gradient_precision_); }

  void set_parameters(std::span<const float> parameters) override {
    check_size("parameters", parameters.size(), layout_.size());
    submissions_.wait();
    std::copy(parameters.begin(), parameters.end(), host_parameters_.reserve(parameters.size()));
    float* const theta = theta_.reserve(parameters.size());
    copy_to_device(theta, host_parameters_.get(), parameters.size() * sizeof(float), submissions_.stream());
    with_width(architecture_.hidden, [&](auto width) {
      constexpr int h = width;
      const std::size_t array = kMatrices * 2 * parts_of_float * packed_size(h, h);
      weights_.packed = packed_.reserve(architecture_.layers * array);
      weights_.halves = packed_halves_.reserve(architecture_.layers * 4 * packed_size(h, h));
      weights_.distances = distances_.reserve(architecture_.layers * 3 * h);
      weights_.vectors = vectors_.reserve(architecture_.layers * kVectors * h);
      weights_.theta = theta;
      launch(PackWeights<h>{theta, places_.get(), static_cast<int>(architecture_.hidden),
                            reinterpret_cast<std::uint32_t*>(packed_.get()),
                            reinterpret_cast<std::uint32_t*>(packed_halves_.get()), distances_.get(),
                            vectors_.get(), w2_.reserve(architecture_.layers * h * h)},
             h / 4, submissions_.stream(), architecture_.layers);
    });
  }

  void velocity(std::span<const float> t, ConfigurationsView<const float> x,
                ConfigurationsView<float> v) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "v", v, x.count());
    for_parts(x.count(), samples_per_pass(), [&](std::size_t first, std::size_t count) {
      put_batch(t.subspan(first, count), x.slice(first, count));
      float* const out = host_out_.reserve(v.slice(first, count).size());
      float* const out_device = out_.reserve(v.slice(first, count).size());
      submissions_.run({"velocity", count}, [&] {
        put_on_device(count);
        with_width(architecture_.hidden, [&](auto width) { passes<width, false>(); });
        velocity_to(count, out_device, out);
      });
      submissions_.wait();
      std::copy_n(out, v.slice(first, count).size(), v.slice(first, count).data());
    });
  }

  void velocity_and_divergence(std::span<const float> t, ConfigurationsView<const float> x,
                               ConfigurationsView<float> v, std::span<float> divergence) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "v", v, x.count());
    check_size("divergence", divergence.size(), x.count());
    for_parts(x.count(), samples_per_divergence_pass(), [&](std::size_t first, std::size_t count) {
      put_batch(t.subspan(first, count), x.slice(first, count));
      const std::size_t nodes = count * architecture_.particles(), size = nodes * architecture_.dim;
      float* const out = host_out_.reserve(size + nodes);
      float* const out_device = out_.reserve(size);
      reserve_tangents(count);
      submissions_.run({"divergence", count}, [&] {
        with_width(architecture_.hidden, [&](auto width) { divergence_of<width>(count); });
        velocity_to(count, out_device, out);
        copy_to_host(out + size, tangents_.traces, nodes * sizeof(float), submissions_.stream());
      });
      submissions_.wait();
      std::copy_n(out, size, v.slice(first, count).data());
      for (std::size_t b = 0; b < count; ++b) {
        double sum = 0;
        for (std::size_t i = 0; i < architecture_.particles(); ++i) {
          sum += static_cast<double>(out[size + b * architecture_.particles() + i]);
        }
        divergence[first + b] = static_cast<float>(sum);
      }
    });
  }

  void vjp(std::span<const float> t, ConfigurationsView<const float> x, ConfigurationsView<const float> cot_v,
           ConfigurationsView<float> grad_x, std::span<float> grad_parameters) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "cot_v", cot_v, x.count());
    check_shape(architecture_, "grad_x", grad_x, x.count());
    if (gradient_precision_ == Precision::bf16) {
      throw UsageError(
          "device = \"cuda\": vector-Jacobian products are in fp32, this field's gradients are in bf16");
    }
    check_gradients(grad_parameters);
    backward_.unscale = 1;
    for_gradients(
        x.count(), grad_parameters,
        [&](std::size_t first, std::size_t count) {
          put_batch(t.subspan(first, count), x.slice(first, count));
          put_positions(cot_v.slice(first, count), host_second_);
          const std::size_t size = x.slice(first, count).size();
          float* const out = host_out_.reserve(size);
          float* const out_device = out_.reserve(size);
          return [this, count, out, out_device, size, to = grad_x.slice(first, count).data()](bool finish) {
            if (finish) {
              std::copy_n(out, size, to);
              return;
            }
            forward_for_gradients(count);
            spread(host_second_.get(), second_raw_, second_, count);
            launch(RemoveMean{static_cast<int>(count), static_cast<int>(architecture_.particles()),
                              second_.get(), backward_.cot_u},
                   sample_blocks(static_cast<int>(count)), submissions_.stream());
            backward(count);
            const std::size_t nodes = count * architecture_.particles();
            launch(Collect{static_cast<int>(nodes), static_cast<int>(architecture_.dim), backward_.grad_x,
                           out_device},
                   blocks_of(nodes, Collect::threads), submissions_.stream());
            copy_to_host(out, out_device, size * sizeof(float), submissions_.stream());
          };
        },
        "vjp");
  }

  double loss_gradient(std::span<const float> t, ConfigurationsView<const float> x,
                       ConfigurationsView<const float> target, std::span<float> grad_parameters) override {
    check_batch(architecture_, t, x);
    check_shape(architecture_, "target", target, x.count());
    check_gradients(grad_parameters);
    const double scale = 1.0 / static_cast<double>(x.size());
    scale_cotangents(scale);
    double loss = 0;
    for_gradients(
        x.count(), grad_parameters,
        [&](std::size_t first, std::size_t count) {
          put_batch(t.subspan(first, count), x.slice(first, count));
          put_positions(target.slice(first, count), host_second_);
          float* const out = host_out_.reserve(count);
          float* const out_device = out_.reserve(count);
          return [this, count, out, out_device, scale, &loss](bool finish) {
            if (finish) {
              for (std::size_t b = 0; b < count; ++b) loss += static_cast<double>(out[b]);
              return;
            }
            forward_for_gradients(count);
            spread(host_second_.get(), second_raw_, second_, count);
            launch(Loss{static_cast<int>(count), static_cast<int>(architecture_.particles()),
                        batch_.u + architecture_.layers * count * architecture_.particles(), second_.get(),
                        static_cast<float>(scale) / backward_.unscale, backward_.cot_u, out_device},
                   sample_blocks(static_cast<int>(count)), submissions_.stream());
            backward(count);
            copy_to_host(out, out_device, count * sizeof(float), submissions_.stream());
          };
        },
        "loss");
    return loss * scale;
  }

 private:
  static const Architecture& supported(const Architecture& architecture) {
    checked(architecture);
    require(architecture, std::nullopt);
    return architecture;
  }

  static void require(const Architecture& architecture, std::optional<Precision> gradients) {
    const std::string refusal = cuda_refusal(architecture, gradients);
    if (!refusal.empty()) throw UsageError("device = \"cuda\": {}", refusal);
  }

  /// Where they are not wanted they are computed all the same.
  void check_gradients(std::span<float> grad_parameters) const {
    if (!grad_parameters.empty()) check_size("grad_parameters", grad_parameters.size(), layout_.size());
    require(architecture_, gradient_precision_);
  }

  /// `body` with the width and whether gradients are in half precision. In float32 the rows of width 128 do
  /// not fit shared memory.
  template <typename Body>
  void with_gradient_kernels(const Body& body) {
    with_width(architecture_.hidden, [&](auto width) {
      if constexpr (width == 128) {
        body(width, std::true_type());
      } else if (gradient_precision_ == Precision::bf16) {
        body(width, std::true_type());
      } else {
        body(width, std::false_type());
      }
    });
  }

  /// Half precision has numbers from 6e-8 to 65504: the loss's cotangents, of the order of `largest`, are
  /// multiplied by a power of two that brings them to order 1.
  void scale_cotangents(double largest) {
    backward_.unscale = 1;
    if (gradient_precision_ == Precision::fp32 || !(largest > 0) || !std::isfinite(largest)) return;
    backward_.unscale =
        static_cast<float>(std::exp2(std::clamp(std::floor(std::log2(largest)), -100.0, 100.0)));
  }

  template <typename Body>
  static void for_parts(std::size_t count, std::size_t part, const Body& body) {
    for (std::size_t first = 0; first < count; first += part) body(first, std::min(part, count - first));
  }

  std::size_t samples_per_pass() const {
    const std::size_t n = architecture_.particles(), tiles = (n + 15) / 16;
    const std::size_t parts = std::max(tiles, n / 8 + 1);
    const std::size_t numbers = n * static_cast<std::size_t>(width_) * (4 * architecture_.layers + 8) +
                                parts * n * static_cast<std::size_t>(width_ + 8);
    return std::max<std::size_t>(1, numbers_per_pass_ / numbers);
  }

  /// Numbers per sample that the tangents take.
  std::size_t tangent_numbers() const {
    const std::size_t n = architecture_.particles(), w = static_cast<std::size_t>(width_);
    const std::size_t k = padded_tangents();
    return n * n * (7 * w + 4) + n * (w + 1) + n * k * (6 + 5 * w);  // operands take 6 bytes a number
  }
  std::size_t padded_tangents() const {
    return (architecture_.particles() * architecture_.dim + 15) / 16 * 16;
  }

  /// Tangents may take twice as much.
  std::size_t samples_per_divergence_pass() const {
    return std::max<std::size_t>(1, std::min(samples_per_pass(), 2 * numbers_per_pass_ / tangent_numbers()));
  }

  void reserve_tangents(std::size_t count) {
    const std::size_t n = architecture_.particles(), nodes = count * n, edges = nodes * n;
    const std::size_t w = static_cast<std::size_t>(width_), k = padded_tangents();
    Tangents& g = tangents_;
    g.count = static_cast<int>(n * architecture_.dim);
    g.padded = static_cast<int>(k);
    float* at = divergence_arrays_.reserve(count * tangent_numbers());
    const auto take = [&at](std::size_t size) {
      float* const taken = at;
      at += size;
      return taken;
    };
    g.dp = reinterpret_cast<Lanes4*>(take(nodes * k * w * 3 / 2));  // first, for alignment
    g.dq = reinterpret_cast<Lanes4*>(take(nodes * k * w * 3 / 2));
    g.scalars = reinterpret_cast<EdgeScalars*>(take(edges * 4));
    for (float** array : {&g.s1, &g.gs2, &g.m, &g.rho, &g.lambda, &g.kappa, &g.kappa0})
      *array = take(edges * w);
    g.dh = take(nodes * k * w);
    g.dsums = take(nodes * k * w);
    g.u = take(nodes * max_dim * k);
    g.u_next = take(nodes * max_dim * k);
    g.slope = take(nodes * w);
    g.traces = take(nodes);
  }

  void place_weights() {
    const auto index = [&](const char* name) { return static_cast<int>(layout_[name].offset); };
    weights_.hidden = static_cast<int>(architecture_.hidden);
    weights_.node_features = static_cast<int>(architecture_.node_features());
    weights_.embedding = index("embedding.weight");
    weights_.embedding_bias = index("embedding.bias");
    const std::vector<LayerPlaces> layers = layer_places(architecture_, layout_);
    put(places_, layers);
    if (architecture_.type_features > 0) put(types_, architecture_.types);
    with_width(architecture_.hidden,
               [&](auto width) { put(gradient_places_, gradient_places<width>(layers, weights_)); });
  }

  template <typename T>
  void put(DeviceBuffer<T>& to, const std::vector<T>& from) {
    to.reserve(from.size());
    copy_to_device(to.get(), from.data(), from.size() * sizeof(T), submissions_.stream());
    submissions_.wait();
  }

  template <int H>
  static constexpr std::size_t outer_size() {
    return OuterSums<H, edge_warps(H)>::size;
  }

  /// Copies a batch to page-locked memory and lays out what the passes leave.
  void put_batch(std::span<const float> t, ConfigurationsView<const float> x) {
    submissions_.wait();
    std::copy(t.begin(), t.end(), host_t_.reserve(t.size()));
    std::copy_n(x.data(), x.size(), host_x_.reserve(x.size()));
    x_raw_.reserve(x.size());
    const std::size_t nodes = x.count() * x.particles(), layers = architecture_.layers;
    v_.reserve(nodes);
    const std::size_t size = layers * nodes * static_cast<std::size_t>(width_);
    float* const arrays = node_arrays_.reserve(4 * size);
    set_shape(x.count());
    batch_.t = t_.reserve(t.size());
    batch_.x = x_.reserve(nodes);
    batch_.types = types_.get();
    batch_.weights = weights_;
    batch_.range = 15.0F / static_cast<float>(layers);
    batch_.dim = static_cast<int>(architecture_.dim);
    batch_.h = arrays;
    batch_.sums = arrays + size;
    batch_.p = arrays + 2 * size;
    batch_.q = arrays + 3 * size;
    batch_.u = u_.reserve((layers + 1) * nodes);
  }

  void set_shape(std::size_t count) {
    batch_.samples = static_cast<int>(count);
    batch_.particles = static_cast<int>(architecture_.particles());
    batch_.layers = static_cast<int>(architecture_.layers);
    batch_.tiles = (batch_.particles + 15) / 16;
  }

  /// Lays out what the backward pass of `count` samples leaves.
  void reserve_gradients(std::size_t count) {
    with_gradient_kernels([&](auto width, auto half) { reserve_gradients_of<width, half>(count); });
  }

  template <int H, bool Half>
  void reserve_gradients_of(std::size_t count) {
    using Edges = std::conditional_t<Half, HalfEdgeBackward<H>, EdgeBackward<H>>;
    set_shape(count);
    set_precision_of_edges(Half);
    const std::size_t n = architecture_.particles(), layers = architecture_.layers, nodes = count * n;
    const std::size_t tiles = static_cast<std::size_t>(batch_.row_tiles()), warps = Edges::warps;
    const std::size_t parts = batch_.dense ? 2 * tiles : tiles;
    Backward& g = backward_;
    Position* position = gradient_positions_.reserve(4 * nodes + 2 * parts * n);
    for (Position** array : {&g.cot_u, &g.cot_u_rows, &g.cot_x_rows, &g.grad_x}) {
      *array = position;
      position += nodes;
    }
    g.parts.x = position;
    g.parts.x0 = position + parts * n;
    float* number = gradient_arrays_.reserve((7 * nodes + parts * n) * H);
    for (float** array : {&g.cot_h, &g.cot_h_all, &g.cot_sums, &g.cot_p, &g.cot_q, &g.cot_z, &g.node_a}) {
      *array = number;
      number += nodes * H;
    }
    g.parts.q = number;

    const std::size_t groups = edge_groups(batch_, Edges::warps);
    const std::size_t edge_slots = std::min(groups, processors_ * Edges::blocks_per_processor);
    const std::size_t node_slots = std::min((nodes + 63) / 64, processors_);
    g.edge_slots = static_cast<int>(edge_slots);
    g.node_slots = static_cast<int>(node_slots);
    const std::size_t inputs = static_cast<std::size_t>(weights_.node_features) + 1;
    const std::size_t edge = 2 * outer_size<H>(), vector = edge_vector_size(H), node = 6 * outer_size<H>();
    const std::size_t embedding_slots = node_slots * EmbeddingGradient<H>::groups;
    sums_size_ =
        layers * (edge_slots * (edge + warps * vector) + node_slots * node) + embedding_slots * inputs * H;
    g.edge_sums = sums_.reserve(sums_size_);
    g.edge_vectors = g.edge_sums + layers * edge_slots * edge;
    g.node_sums = g.edge_vectors + layers * edge_slots * warps * vector;
    g.embedding_sums = g.node_sums + layers * node_slots * node;
    gradient_.reserve(layout_.size());
    gathers_ = {{g.edge_sums, 0, edge, edge_slots, layers},
                {g.edge_vectors, layers * edge, vector, edge_slots * warps, layers},
                {g.node_sums, layers * (edge + vector), node, node_slots, layers},
                {g.embedding_sums, layers * (edge + vector + node), inputs * H, embedding_slots, 1}};
  }

  void put_positions(ConfigurationsView<const float> x, PinnedBuffer<float>& host) {
    submissions_.wait();
    std::copy_n(x.data(), x.size(), host.reserve(x.size()));
    const std::size_t nodes = x.count() * x.particles();
    second_raw_.reserve(x.size());
    second_.reserve(nodes);
  }

  void spread(const float* host, DeviceBuffer<float>& raw, DeviceBuffer<Position>& to, std::size_t count) {
    const std::size_t nodes = count * architecture_.particles();
    copy_to_device(raw.get(), host, nodes * architecture_.dim * sizeof(float), submissions_.stream());
    launch(Spread{static_cast<int>(nodes), static_cast<int>(architecture_.dim), raw.get(), to.get()},
           blocks_of(nodes, Spread::threads), submissions_.stream());
  }

  void put_on_device(std::size_t count) {
    copy_to_device(t_.get(), host_t_.get(), count * sizeof(float), submissions_.stream());
    spread(host_x_.get(), x_raw_, x_, count);
  }

  void set_precision_of_edges(bool half) {
    batch_.halves = half;
    batch_.dense = half && architecture_.particles() >= 15;
  }

  template <bool Half>
  static constexpr int parts_of = Half ? parts_beside_halves : parts_of_float;

  /// Of the batch that lies on the device.
  template <int H, bool Half>
  void passes() {
    using Edges = std::conditional_t<Half, HalfEdgeForward<H>, EdgeForward<H>>;
    constexpr int parts = parts_of<Half>;
    const Stream stream = submissions_.stream();
    set_precision_of_edges(Half);
    const std::size_t groups = edge_groups(batch_, Edges::warps);
    launch(Embed<H, parts>{batch_}, node_blocks(batch_), stream);
    for (int l = 0; l < batch_.layers; ++l) {
      launch(Edges{batch_, l}, std::min(groups, processors_ * Edges::blocks_per_processor), stream);
      if (l + 1 < batch_.layers)
        launch(NodeForward<H, parts>{batch_, l, nullptr}, node_blocks(batch_), stream);
    }
  }

  /// The same forward pass, with tangents.
  template <int H>
  void divergence_of(std::size_t count) {
    const Stream stream = submissions_.stream();
    put_on_device(count);
    set_precision_of_edges(false);
    const std::size_t nodes = count * architecture_.particles();
    const std::size_t node_tiles = nodes * static_cast<std::size_t>(tangents_.padded / 16);
    launch(Embed<H, parts_of_float>{batch_}, node_blocks(batch_), stream);
    for (int l = 0; l < batch_.layers; ++l) {
      const bool first = l == 0, last = l + 1 == batch_.layers;
      launch(
          EdgeLinearize<H>{batch_, tangents_, l, first, last},
          std::min(edge_groups(batch_, edge_warps(H)), processors_ * EdgeLinearize<H>::blocks_per_processor),
          stream);
      if (last) {
        launch(Trace<H>{batch_, tangents_, l, first}, nodes, stream);
        break;
      }
      launch(NodeForward<H, parts_of_float>{batch_, l, tangents_.slope}, node_blocks(batch_), stream);
      if (first) {
        launch(FirstTangents<H>{batch_, tangents_}, nodes, stream);
      } else {
        const auto kernel = MessageTangents<H>::make(batch_, tangents_, l, w2_.get());
        launch(kernel, kernel.blocks(), stream);
        std::swap(tangents_.u, tangents_.u_next);
      }
      launch(NodeTangents<H>{batch_, tangents_, l, l + 2 == batch_.layers}, blocks_of(node_tiles, node_warps),
             stream);
    }
  }

  void forward_for_gradients(std::size_t count) {
    put_on_device(count);
    with_gradient_kernels([&](auto width, auto half) { passes<width, half>(); });
  }

  void velocity_to(std::size_t count, float* device, float* host) {
    const int n = static_cast<int>(architecture_.particles());
    const std::size_t nodes = count * architecture_.particles();
    const Stream stream = submissions_.stream();
    launch(RemoveMean{static_cast<int>(count), n, batch_.u + architecture_.layers * nodes, v_.get()},
           sample_blocks(static_cast<int>(count)), stream);
    launch(Collect{static_cast<int>(nodes), static_cast<int>(architecture_.dim), v_.get(), device},
           blocks_of(nodes, Collect::threads), stream);
    copy_to_host(host, device, nodes * architecture_.dim * sizeof(float), stream);
  }

  /// From backward_.cot_u; adds to the sums of the gradient.
  void backward(std::size_t count) {
    with_gradient_kernels([&](auto width, auto half) { backward_of<width, half>(count); });
  }

  template <int H, bool Half>
  void backward_of(std::size_t count) {
    using Edges = std::conditional_t<Half, HalfEdgeBackward<H>, EdgeBackward<H>>;
    const Stream stream = submissions_.stream();
    const std::size_t nodes = count * architecture_.particles();
    clear(backward_.grad_x, nodes * sizeof(Position), stream);
    constexpr std::size_t outer = outer_size<H>();
    for (int l = batch_.layers - 1; l >= 0; --l) {
      const bool last = l + 1 == batch_.layers;
      launch(Edges{batch_, backward_, l, last},
             std::min(edge_groups(batch_, Edges::warps), static_cast<std::size_t>(backward_.edge_slots)),
             stream);
      launch(GatherPositions{batch_, backward_}, blocks_of(nodes, GatherPositions::threads), stream);
      launch(NodeBackward<H, parts_of<Half>>{batch_, backward_, l - 1, last}, node_blocks(batch_), stream);
      OuterProducts<H, parts_of<Half>> products{static_cast<int>(nodes), 6 * outer, {}};
      const auto product = [&](int k, int layer, const float* x, const float* y) {
        products.products[k] = {
            x, y,
            backward_.node_sums + (static_cast<std::size_t>(layer) * backward_.node_slots * 6 + k) * outer};
      };
      product(0, l, backward_.cot_p, batch_.h + batch_.at(l) * H);
      product(1, l, backward_.cot_q, batch_.h + batch_.at(l) * H);
      if (l > 0) {
        product(2, l - 1, backward_.cot_z, batch_.h + batch_.at(l - 1) * H);
        product(3, l - 1, backward_.cot_z, batch_.sums + batch_.at(l - 1) * H);
        product(4, l - 1, backward_.cot_h_all, backward_.node_a);
      }
      launch(products, static_cast<std::size_t>(backward_.node_slots), stream, l > 0 ? 3 : 1);
    }
    launch(EmbeddingGradient<H>{batch_, backward_.cot_h_all, backward_.embedding_sums},
           static_cast<std::size_t>(backward_.node_slots), stream);
  }

  void clear_sums() {
    const Stream stream = submissions_.stream();
    clear(sums_.get(), sums_size_ * sizeof(float), stream);
    clear(gradient_.get(), layout_.size() * sizeof(float), stream);
  }

  void finish_gradient(float* host) {
    const Stream stream = submissions_.stream();
    for (const Gather& g : gathers_) {
      launch(SumParts{g.parts, gradient_places_.get() + g.first_place, static_cast<int>(g.size),
                      static_cast<int>(g.slots), g.size, backward_.unscale, gradient_.get()},
             blocks_of(g.size, 32), stream, g.rows);
    }
    copy_to_host(host, gradient_.get(), layout_.size() * sizeof(float), stream);
  }

  /// `prepare(first, count)` puts a part of the batch on the host and gives the work for it, which is called
  /// once to submit and once when it is done. Where one part is all, the whole is one submission, `name`.
  template <typename Prepare>
  void for_gradients(std::size_t count, std::span<float> grad_parameters, const Prepare& prepare,
                     const std::string& name) {
    const std::size_t part = samples_per_pass();
    reserve_gradients(std::min(count, part));
    float* const host = host_gradient_.reserve(layout_.size());
    if (count <= part) {
      const auto work = prepare(0, count);
      submissions_.run({name, count}, [&] {
        clear_sums();
        work(false);
        finish_gradient(host);
      });
      submissions_.wait();
      work(true);
    } else {
      clear_sums();
      for_parts(count, part, [&](std::size_t first, std::size_t size) {
        const auto work = prepare(first, size);
        work(false);
        submissions_.wait();
        work(true);
      });
      finish_gradient(host);
      submissions_.wait();
    }
    std::copy_n(host, grad_parameters.size(), grad_parameters.begin());
  }

  const Architecture architecture_;
  const ParameterLayout layout_;
  const Precision gradient_precision_;
  const std::string device_;
  const std::size_t numbers_per_pass_;
  const std::size_t processors_;
  int width_ = 0;

  Submissions submissions_;
  DeviceBuffer<int> types_{submissions_};
  DeviceBuffer<LayerPlaces> places_{submissions_};
  PinnedBuffer<float> host_parameters_{submissions_}, host_t_{submissions_}, host_x_{submissions_},
      host_second_{submissions_}, host_out_{submissions_}, host_gradient_{submissions_};
  DeviceBuffer<float> theta_{submissions_}, vectors_{submissions_}, w2_{submissions_};
  DeviceBuffer<Lanes4> packed_{submissions_}, packed_halves_{submissions_};
  DeviceBuffer<std::uint32_t> distances_{submissions_};
  Weights weights_{};

  DeviceBuffer<float> t_{submissions_}, x_raw_{submissions_}, second_raw_{submissions_}, out_{submissions_};
  DeviceBuffer<Position> x_{submissions_}, second_{submissions_}, v_{submissions_}, u_{submissions_};
  DeviceBuffer<float> node_arrays_{submissions_};
  Batch batch_{};

  DeviceBuffer<Position> gradient_positions_{submissions_};
  DeviceBuffer<float> gradient_arrays_{submissions_}, sums_{submissions_}, gradient_{submissions_};
  DeviceBuffer<int> gradient_places_{submissions_};
  Backward backward_{};
  std::size_t sums_size_ = 0;
  struct Gather {
    const float* parts;
    std::size_t first_place, size, slots, rows;
  };
  std::vector<Gather> gathers_;

  DeviceBuffer<float> divergence_arrays_{submissions_};
  Tangents tangents_{};
};

}  // namespace EQUIBOLT_CUDA_NAMESPACE
