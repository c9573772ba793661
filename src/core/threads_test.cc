#include "core/threads.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

#include "core/sanitizers.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

TEST(ThreadPool, RunsEveryChunkOnceWhateverTheNumberOfThreads) {
  for (const std::size_t threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.size(), threads);
    for (const std::size_t items : {0, 1, 9, 100}) {
      std::vector<int> seen(items);
      pool.for_chunks(items, 8, [&](const ThreadPool::Chunk& chunk) {
        EXPECT_EQ(chunk.first, 8 * chunk.index);
        EXPECT_LT(chunk.worker, threads);
        for (std::size_t k = 0; k < chunk.count; ++k) ++seen[chunk.first + k];
      });
      for (const int times : seen) EXPECT_EQ(times, 1);
    }
  }
}

TEST(ThreadPool, LetsNoMoreWorkersTakePartThanWanted) {
  ThreadPool pool(4);
  for (const std::size_t most : {1, 2, 9}) {
    std::vector<int> seen(200);
    pool.for_chunks(
        200, 1,
        [&](const ThreadPool::Chunk& chunk) {
          EXPECT_LT(chunk.worker, most);
          ++seen[chunk.index];
        },
        most);
    for (const int times : seen) EXPECT_EQ(times, 1);
  }
}

TEST(ThreadPool, RunsOnceOnEachWorkerInItsThread) {
  ThreadPool pool(4);
  for (const std::size_t most : {3, 9}) {
    std::vector<std::thread::id> threads(4);
    pool.on_each_worker([&](std::size_t worker) { threads[worker] = std::this_thread::get_id(); }, most);
    EXPECT_EQ(threads[0], std::this_thread::get_id());
    for (std::size_t worker = 0; worker < 4; ++worker) {
      EXPECT_EQ(threads[worker] != std::thread::id(), worker < most);
      for (std::size_t other = 0; other < worker; ++other) EXPECT_NE(threads[worker], threads[other]);
    }
  }
  EXPECT_THROW(pool.on_each_worker([](std::size_t worker) {
    if (worker == 2) throw DataError("worker {}", worker);
  }),
               DataError);
}

TEST(ThreadPool, RethrowsTheFirstErrorByChunkAndGoesOnWorking) {
  ThreadPool pool(3);
  const auto fail = [](const ThreadPool::Chunk& chunk) {
    if (chunk.index == 2 || chunk.index == 7) throw DataError("chunk {}", chunk.index);
  };
  for (int k = 0; k < 20; ++k) {
    try {
      pool.for_chunks(10, 1, fail);
      FAIL() << "no error";
    } catch (const DataError& error) {
      EXPECT_STREQ(error.what(), "chunk 2");
      EXPECT_EQ(error.code(), ExitCode::data);
    }
  }
}

TEST(ThreadPool, GivesAnExceptionWithoutAMessageOneAndKeepsIt) {
  for (const std::size_t threads : {1, 3}) {
    ThreadPool pool(threads);
    try {
      pool.for_chunks(10, 1, [](const ThreadPool::Chunk& chunk) {
        if (chunk.index >= 4) throw static_cast<int>(chunk.index);
      });
      FAIL() << "no error";
    } catch (const NumericalError& error) {
      EXPECT_NE(std::string(error.what()).find("no std::exception"), std::string::npos);
      try {
        std::rethrow_if_nested(error);
        FAIL() << "nothing nested";
      } catch (const int chunk) {
        EXPECT_EQ(chunk, 4);
      }
    }
  }
}

#ifndef EQUIBOLT_ADDRESS_SANITIZER  // which needs more address space than any limit here

std::size_t address_space() {
  std::size_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  return pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

// Some threads begin, then one cannot: those have to end before the error goes on.
TEST(ThreadPoolDeathTest, SaysHowManyThreadsTheSystemAllows) {
  const auto too_many = [] {
    const rlim_t limit = address_space() + (std::size_t{256} << 20);
    const rlimit limits{limit, limit};
    if (setrlimit(RLIMIT_AS, &limits) != 0) std::exit(1);
    try {
      ThreadPool pool(5000);
    } catch (const UsageError& error) {
      std::fprintf(stderr, "%s\n", error.what());
      std::exit(0);
    }
    std::exit(2);
  };
  EXPECT_EXIT(too_many(), testing::ExitedWithCode(0),
              "threads = 5000: the system allows [1-9][0-9]* here .*; set fewer threads");
}

#endif

}  // namespace
}  // namespace equibolt
