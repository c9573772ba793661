#include "core/threads.h"

#include <sched.h>

#include <algorithm>
#include <cassert>
#include <system_error>

#include "equibolt/error.h"

namespace equibolt {
namespace {

/// The exception that is being handled, as one that has a message.
std::exception_ptr current_with_message() {
  try {
    throw;
  } catch (const std::exception&) {
    return std::current_exception();
  } catch (...) {
    try {
      std::throw_with_nested(NumericalError(
          "an exception that is no std::exception was thrown in a computation; an energy should set a "
          "configuration's status, or throw a std::exception whose message says what is wrong"));
    } catch (...) {
      return std::current_exception();
    }
  }
}

}  // namespace

std::size_t available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

ThreadPool::ThreadPool(std::size_t threads) {
  if (threads == 0) threads = available_threads();
  workers_.reserve(threads - 1);
  try {
    for (std::size_t worker = 1; worker < threads; ++worker) {
      workers_.emplace_back([this, worker] { work(worker); });
    }
  } catch (const std::system_error& error) {
    const std::size_t found = size();
    stop();
    throw UsageError(
        "threads = {}: the system allows {} here ({}); set fewer threads, or raise the limit on processes or "
        "on "
        "memory",
        threads, found, error.code().message());
  }
}

ThreadPool::~ThreadPool() {
  stop();
}

void ThreadPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::for_chunks(std::size_t items, std::size_t chunk_size,
                            const std::function<void(const Chunk&)>& body, std::size_t most_workers) {
  assert(chunk_size > 0 && most_workers > 0);
  if (items == 0) return;
  assert(body_ == nullptr);
  body_ = &body;
  items_ = items;
  chunk_size_ = chunk_size;
  chunks_ = (items + chunk_size - 1) / chunk_size;
  one_each_ = false;
  run(most_workers);
}

void ThreadPool::on_each_worker(const std::function<void(std::size_t)>& body, std::size_t most_workers) {
  const std::function<void(const Chunk&)> of_chunk = [&body](const Chunk& chunk) { body(chunk.worker); };
  assert(body_ == nullptr && most_workers > 0);
  body_ = &of_chunk;
  items_ = chunks_ = size();
  chunk_size_ = 1;
  one_each_ = true;
  run(most_workers);
}

/// Lets the workers do what is set, takes part, and waits.
void ThreadPool::run(std::size_t most_workers) {
  {
    const std::lock_guard lock(mutex_);
    next_ = 0;
    most_workers_ = most_workers;
    busy_ = workers_.size();
    error_ = nullptr;
    ++generation_;
  }
  start_.notify_all();
  run_chunks(0);
  std::unique_lock lock(mutex_);
  finished_.wait(lock, [this] { return busy_ == 0; });
  body_ = nullptr;
  if (error_) std::rethrow_exception(error_);
}

void ThreadPool::work(std::size_t worker) {
  std::size_t seen = 0;
  for (;;) {
    {
      std::unique_lock lock(mutex_);
      start_.wait(lock, [&] { return stopping_ || generation_ != seen; });
      if (stopping_) return;
      seen = generation_;
    }
    run_chunks(worker);
    {
      const std::lock_guard lock(mutex_);
      --busy_;
    }
    finished_.notify_one();
  }
}

void ThreadPool::run_chunks(std::size_t worker) {
  if (worker >= most_workers_) return;
  if (one_each_) return run_chunk({worker, worker, 1, worker});
  for (;;) {
    // That no chunk runs twice is all that is asked of the counter; the mutex orders everything else.
    const std::size_t index = next_.fetch_add(1, std::memory_order_relaxed);
    if (index >= chunks_) return;
    const std::size_t first = index * chunk_size_;
    run_chunk({index, first, std::min(chunk_size_, items_ - first), worker});
  }
}

void ThreadPool::run_chunk(const Chunk& chunk) {
  try {
    (*body_)(chunk);
  } catch (...) {
    const std::lock_guard lock(mutex_);
    if (!error_ || chunk.index < error_chunk_) {
      error_ = current_with_message();
      error_chunk_ = chunk.index;
    }
  }
}

}  // namespace equibolt
