#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <type_traits>
#include <utility>

#include "egnn/cuda/device.h"

namespace EQUIBOLT_CUDA_NAMESPACE {

/// The stream, and what was repeatedly submitted to it as a whole, to be submitted again at the cost of one
/// launch.
class Submissions {
 public:
  using Key = std::pair<std::string, std::size_t>;  ///< operation and batch size
  Submissions() : stream_(make_stream()) {}
  Submissions(const Submissions&) = delete;
  Submissions& operator=(const Submissions&) = delete;
  ~Submissions() {
    forget();
    free_stream(stream_);
  }

  Stream stream() const { return stream_; }
  void wait() const { synchronise(stream_); }

#ifdef __CUDACC__
  /// `body` submits to the stream. It is recorded the second time that a key comes, and not called any more,
  /// so that all it uses has to stay where it is: recording costs about as much as a small batch, and the
  /// batches of adaptive integrators have ever new sizes.
  template <typename Body>
  void run(const Key& key, const Body& body) {
    auto at = graphs_.find(key);
    if (at == graphs_.end()) {
      if (seen_.size() >= max_seen) seen_.clear();
      if (seen_.insert(key).second) {
        body();
        return;
      }
      if (graphs_.size() >= max_graphs) forget();
      check(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "recording");
      cudaGraph_t graph = nullptr;
      try {
        body();
      } catch (...) {
        cudaStreamEndCapture(stream_, &graph);
        if (graph != nullptr) cudaGraphDestroy(graph);
        throw;
      }
      check(cudaStreamEndCapture(stream_, &graph), "recording");
      cudaGraphExec_t executable = nullptr;
      check(cudaGraphInstantiate(&executable, graph, 0), "making a graph");
      cudaGraphDestroy(graph);
      at = graphs_.emplace(key, executable).first;
    }
    check(cudaGraphLaunch(at->second, stream_), "a graph's launch");
  }

  /// After memory has moved.
  void forget() {
    wait_quietly();
    for (const auto& [key, graph] : graphs_) cudaGraphExecDestroy(graph);
    graphs_.clear();
  }

 private:
  void wait_quietly() const {
    cudaStreamSynchronize(stream_);
  }
  static constexpr std::size_t max_graphs = 32, max_seen = 4096;
  std::set<Key> seen_;
  std::map<Key, cudaGraphExec_t> graphs_;
#else
  template <typename Body>
  void run(const Key&, const Body& body) {
    body();
  }
  void forget() {}

 private:
#endif
  Stream stream_;
};

/// Memory that grows and is kept; what was in it is lost when it grows.
template <typename T, bool Pinned>
class Buffer {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  explicit Buffer(Submissions& submissions) : submissions_(submissions) {}
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { release(); }

  T* reserve(std::size_t size) {
    if (size <= size_) return data_;
    submissions_.forget();
    release();
    data_ = static_cast<T*>(Pinned ? allocate_pinned(size * sizeof(T)) : allocate_device(size * sizeof(T)));
    size_ = size;
    return data_;
  }
  T* get() const { return data_; }
  std::size_t size() const { return size_; }

 private:
  void release() {
    if (data_ != nullptr) Pinned ? free_pinned(data_) : free_device(data_);
    data_ = nullptr;
    size_ = 0;
  }
  Submissions& submissions_;
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

template <typename T>
using DeviceBuffer = Buffer<T, false>;
template <typename T>
using PinnedBuffer = Buffer<T, true>;

}  // namespace EQUIBOLT_CUDA_NAMESPACE
