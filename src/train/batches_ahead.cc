#include "train/batches_ahead.h"

#include <system_error>
#include <utility>

#include "core/stopwatch.h"
#include "equibolt/error.h"

namespace equibolt {

BatchesAhead::BatchesAhead(const std::function<BatchMaker()>& maker, std::size_t first, std::size_t threads,
                           std::size_t ahead)
    : next_to_make_(first), next_to_take_(first), ahead_(ahead) {
  threads_.reserve(threads);
  try {
    for (std::size_t k = 0; k < threads; ++k) {
      threads_.emplace_back([this, own = maker()]() mutable { produce(std::move(own)); });
    }
  } catch (const std::system_error& error) {
    const std::size_t found = threads_.size();
    stop();
    throw UsageError(
        "train.producers = {}: the system allows {} here ({}); set fewer, or raise the limit on processes or "
        "on "
        "memory",
        threads, found, error.code().message());
  } catch (...) {
    stop();
    throw;
  }
}

BatchesAhead::~BatchesAhead() {
  stop();
}

void BatchesAhead::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void BatchesAhead::take(TrainingBatch& batch) {
  std::unique_lock lock(mutex_);
  spare_.push_back(std::move(batch));
  const auto there = [this] { return error_ || made_.contains(next_to_take_); };
  if (!there()) {
    const Stopwatch waiting;
    ready_.wait(lock, there);
    waited_seconds_ += waiting.seconds();
  }
  if (error_) std::rethrow_exception(error_);
  const auto found = made_.find(next_to_take_);
  batch = std::move(found->second);
  made_.erase(found);
  ++next_to_take_;
  lock.unlock();
  wanted_.notify_one();
}

void BatchesAhead::produce(BatchMaker maker) {
  for (;;) {
    std::size_t step = 0;
    TrainingBatch batch;
    {
      std::unique_lock lock(mutex_);
      wanted_.wait(lock, [this] { return stopping_ || next_to_make_ < next_to_take_ + ahead_; });
      if (stopping_) return;
      step = next_to_make_++;
      if (!spare_.empty()) {
        batch = std::move(spare_.back());
        spare_.pop_back();
      }
    }
    try {
      maker.make(step, batch);
      const std::lock_guard lock(mutex_);
      made_.emplace(step, std::move(batch));
    } catch (...) {
      const std::lock_guard lock(mutex_);
      error_ = std::current_exception();
      stopping_ = true;
    }
    ready_.notify_all();
  }
}

}  // namespace equibolt
