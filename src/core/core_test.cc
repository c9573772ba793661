#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/geometry.h"
#include "core/progress.h"
#include "core/random.h"
#include "core/threads.h"
#include "equibolt/configurations.h"
#include "equibolt/error.h"
#include "equibolt/particle_types.h"

namespace equibolt {
namespace {

TEST(Random, DependsOnItsKeyAlone) {
  Random a(7, Stream::test, 3, 4);
  Random b(7, Stream::test, 3, 4);
  for (int k = 0; k < 20; ++k) EXPECT_EQ(a.bits(), b.bits());
  const std::uint64_t first = Random(7, Stream::test, 3, 4).bits();
  EXPECT_NE(first, Random(8, Stream::test, 3, 4).bits());
  EXPECT_NE(first, Random(7, Stream::prior, 3, 4).bits());
  EXPECT_NE(first, Random(7, Stream::test, 4, 4).bits());
  EXPECT_NE(first, Random(7, Stream::test, 3, 5).bits());
}

TEST(Random, NormalHasTheMomentsOfAGaussian) {
  Random random(1, Stream::test);
  const int n = 200000;
  double m1 = 0, m2 = 0, m4 = 0;
  for (int k = 0; k < n; ++k) {
    const double z = random.normal();
    m1 += z / n;
    m2 += z * z / n;
    m4 += z * z * z * z / n;
  }
  EXPECT_NEAR(m1, 0, 5 / std::sqrt(n));
  EXPECT_NEAR(m2, 1, 5 * std::sqrt(2.0 / n));
  EXPECT_NEAR(m4, 3, 5 * std::sqrt(96.0 / n));
}

TEST(Random, BelowIsUniformAndShuffleAPermutation) {
  Random random(2, Stream::test);
  std::vector<int> counts(7);
  for (int k = 0; k < 70000; ++k) ++counts[random.below(7)];
  for (const int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(10000.0));
  std::vector<int> order(50);
  std::iota(order.begin(), order.end(), 0);
  random.shuffle(std::span(order));
  EXPECT_FALSE(std::is_sorted(order.begin(), order.end()));
  std::sort(order.begin(), order.end());
  for (int k = 0; k < 50; ++k) EXPECT_EQ(order[k], k);
}

TEST(Geometry, RandomRotationsAreOrthogonalWithTheDeterminantAskedFor) {
  for (std::size_t dim = 1; dim <= 4; ++dim) {
    Random random(3, Stream::test, dim);
    int reflections = 0;
    for (int k = 0; k < 200; ++k) {
      const bool allowed = k % 2 == 1;
      const auto r = random_rotation(random, dim, allowed);
      for (std::size_t a = 0; a < dim; ++a) {
        for (std::size_t b = 0; b < dim; ++b) {
          double dot = 0;
          for (std::size_t c = 0; c < dim; ++c) dot += r[a * dim + c] * r[b * dim + c];
          EXPECT_NEAR(dot, a == b ? 1 : 0, 1e-12);
        }
      }
      if (dim == 2) {
        const double det = r[0] * r[3] - r[1] * r[2];
        if (!allowed) {
          EXPECT_NEAR(det, 1, 1e-12);
        }
        reflections += allowed && det < 0;
      }
    }
    if (dim == 2) {
      EXPECT_NEAR(reflections, 50, 25);
    }
  }
}

TEST(Geometry, MeanFreeNormalIsMeanFreeWithTheVarianceOfItsSubspace) {
  Random random(4, Stream::test);
  Configurations<double> x(20000, 4, 2);
  double square = 0;
  for (std::size_t b = 0; b < x.count(); ++b) {
    mean_free_normal(random, x[b], 2);
    double sum = 0;
    for (std::size_t i = 0; i < 4; ++i) sum += x[b][2 * i];
    EXPECT_NEAR(sum, 0, 1e-12);
    for (const double value : x[b]) square += value * value;
  }
  const double freedom = 6.0;  // (N-1)·D
  EXPECT_NEAR(square / 20000, freedom, 5 * std::sqrt(2 * freedom / 20000));
}

TEST(ParticleTypes, GroupsHoldEachParticleOnce) {
  const auto groups = groups_of({2, 0, 2, 5, 0});
  ASSERT_EQ(groups.size(), 3U);
  EXPECT_EQ(groups[0], (std::vector<std::size_t>{1, 4}));
  EXPECT_EQ(groups[1], (std::vector<std::size_t>{0, 2}));
  EXPECT_EQ(groups[2], (std::vector<std::size_t>{3}));
}

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

TEST(Progress, SpeaksOfTimeAsPeopleDo) {
  EXPECT_EQ(duration_text(12.2), "12 s");
  EXPECT_EQ(duration_text(250), "4 min 10 s");
  EXPECT_EQ(duration_text(3780), "1 h 03 min");
}

}  // namespace
}  // namespace equibolt
