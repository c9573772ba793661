#pragma once

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "train/batch.h"

namespace equibolt {

/// Makes the batches of coming steps in background threads, so that pairing and training overlap. Which
/// thread makes which batch has no influence on it.
class BatchesAhead {
 public:
  /// Makes batches of steps first, first+1, … with one copy of `maker` per thread, at most `ahead` of them
  /// before they are taken. Throws UsageError where the system does not allow that many threads.
  BatchesAhead(const std::function<BatchMaker()>& maker, std::size_t first, std::size_t threads,
               std::size_t ahead);
  ~BatchesAhead();
  BatchesAhead(const BatchesAhead&) = delete;
  BatchesAhead& operator=(const BatchesAhead&) = delete;

  /// The batch of the next step, in exchange for a batch whose memory may be used again.
  void take(TrainingBatch& batch);

  /// Seconds that take() has had to wait, in all.
  double waited_seconds() const { return waited_seconds_; }

 private:
  void stop();
  void produce(BatchMaker maker);

  std::mutex mutex_;
  std::condition_variable ready_;
  std::condition_variable wanted_;
  std::map<std::size_t, TrainingBatch> made_;  // by step
  std::vector<TrainingBatch> spare_;
  std::size_t next_to_make_;
  std::size_t next_to_take_;
  std::size_t ahead_;
  bool stopping_ = false;
  std::exception_ptr error_;
  double waited_seconds_ = 0;
  std::vector<std::thread> threads_;
};

}  // namespace equibolt
