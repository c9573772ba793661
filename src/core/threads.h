#pragma once

#include <atomic>
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
  /// `threads` counts the caller, which works too; 0 means available_threads(). Throws UsageError where the
  /// system does not allow that many.
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
  /// once all have ended; one that is no std::exception comes as a NumericalError that it is nested in. Not
  /// reentrant: a body must not call for_chunks of the same pool. Of the workers only the first
  /// `most_workers` take part.
  void for_chunks(std::size_t items, std::size_t chunk_size, const std::function<void(const Chunk&)>& body,
                  std::size_t most_workers = static_cast<std::size_t>(-1));

  /// Runs `body` once on each of the first `most_workers` workers, with its number: for memory that should be
  /// touched first by the thread that uses it.
  void on_each_worker(const std::function<void(std::size_t worker)>& body,
                      std::size_t most_workers = static_cast<std::size_t>(-1));

 private:
  void stop();
  void run(std::size_t most_workers);
  void work(std::size_t worker);
  void run_chunks(std::size_t worker);
  void run_chunk(const Chunk& chunk);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable start_;
  std::condition_variable finished_;
  const std::function<void(const Chunk&)>* body_ = nullptr;
  std::size_t items_ = 0;
  std::size_t chunk_size_ = 1;
  std::atomic<std::size_t> next_ = 0;  // chunk
  std::size_t chunks_ = 0;
  std::size_t most_workers_ = 0;
  bool one_each_ = false;  // chunk k is worker k's
  std::size_t busy_ = 0;
  std::size_t generation_ = 0;
  bool stopping_ = false;
  std::exception_ptr error_;
  std::size_t error_chunk_ = 0;
};

}  // namespace equibolt
