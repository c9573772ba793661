#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace equibolt {

/// The number of hardware threads that this process may use, at least 1.
std::size_t available_threads();

/// Workers that share loops. Work is cut into chunks of a fixed size by global index, never per thread, so
/// that whatever is summed per chunk and then over chunks in order does not depend on the number of threads.
class ThreadPool {
 public:
  /// `threads` counts the caller, which works too; 0 means available_threads().
  explicit ThreadPool(std::size_t threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  std::size_t size() const { return workers_.size() + 1; }

  struct Chunk {
    std::size_t index;   ///< number of the chunk
    std::size_t first;   ///< first item
    std::size_t count;   ///< items in it: the chunk size, less in the last one
    std::size_t worker;  ///< who runs it, in [0, size()): for scratch memory
  };
  /// Runs `body` for every chunk of [0, items) and waits. The first exception (by chunk index) is rethrown
  /// once all have ended. Not reentrant: a body must not call for_chunks of the same pool.
  void for_chunks(std::size_t items, std::size_t chunk_size, const std::function<void(const Chunk&)>& body);

 private:
  void work(std::size_t worker);
  void run_chunks(std::size_t worker);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable finished_;
  const std::function<void(const Chunk&)>* body_ = nullptr;
  std::size_t items_ = 0;
  std::size_t chunk_size_ = 1;
  std::size_t next_ = 0;
  std::size_t chunks_ = 0;
  std::size_t busy_ = 0;
  std::size_t generation_ = 0;
  bool stopping_ = false;
  std::exception_ptr error_;
  std::size_t error_chunk_ = 0;
};

}  // namespace equibolt
