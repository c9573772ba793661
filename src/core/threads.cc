#include "core/threads.h"

#include <sched.h>

#include <algorithm>
#include <cassert>

namespace equibolt {

std::size_t available_threads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1U, std::thread::hardware_concurrency());
}

ThreadPool::ThreadPool(std::size_t threads) {
  if (threads == 0) threads = available_threads();
  for (std::size_t worker = 1; worker < threads; ++worker) {
    workers_.emplace_back([this, worker] { work(worker); });
  }
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  start_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::for_chunks(std::size_t items, std::size_t chunk_size,
                            const std::function<void(const Chunk&)>& body) {
  assert(chunk_size > 0);
  if (items == 0) return;
  {
    const std::lock_guard lock(mutex_);
    assert(body_ == nullptr);
    body_ = &body;
    items_ = items;
    chunk_size_ = chunk_size;
    next_ = 0;
    chunks_ = (items + chunk_size - 1) / chunk_size;
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
  for (;;) {
    Chunk chunk{};
    {
      const std::lock_guard lock(mutex_);
      if (next_ == chunks_) return;
      chunk.index = next_++;
    }
    chunk.first = chunk.index * chunk_size_;
    chunk.count = std::min(chunk_size_, items_ - chunk.first);
    chunk.worker = worker;
    try {
      (*body_)(chunk);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_ || chunk.index < error_chunk_) {
        error_ = std::current_exception();
        error_chunk_ = chunk.index;
      }
    }
  }
}

}  // namespace equibolt
