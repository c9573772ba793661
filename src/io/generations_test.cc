#include "io/generations.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "equibolt/error.h"
#include "io/test_files.h"

namespace equibolt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class GenerationsTest : public TestFolder {
 protected:
  GenerationsTest() : states_{file(""), "state"} {}

  void write(std::uint64_t number) {
    Npz npz;
    npz.arrays["number"] = Array::scalar(static_cast<std::int64_t>(number));
    states_.write(number, npz);
  }
  std::filesystem::path path(std::uint64_t number) const {
    return file(fmt::format("state-{:012}.npz", number));
  }
  void damage(std::uint64_t number) { write_file(path(number), "damaged"); }
  /// The number of the newest sound generation; 0 where there is none.
  std::int64_t newest() {
    std::int64_t number = 0;
    warnings_.clear();
    states_.read_newest([&](const Npz& npz) { number = npz["number"].as_int64()[0]; },
                        [&](const std::string& text) { warnings_.push_back(text); });
    return number;
  }

  Generations states_;
  std::vector<std::string> warnings_;
};

TEST_F(GenerationsTest, TheNewestTwoAreKept) {
  EXPECT_EQ(newest(), 0);
  for (const std::uint64_t number : {100, 200, 300}) write(number);
  EXPECT_EQ(newest(), 300);
  EXPECT_THAT(states_.files(), ElementsAre(path(300), path(200)));
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(GenerationsTest, ADamagedOneDoesNotCountAmongTheTwo) {
  write(900);
  write(1000);
  damage(1000);
  EXPECT_EQ(newest(), 900);
  EXPECT_THAT(warnings_, ElementsAre(HasSubstr("left aside: ")));
  EXPECT_TRUE(std::filesystem::exists(path(1000) += ".damaged"));
  // What is written now is older than the damaged one.
  write(950);
  write(980);
  EXPECT_THAT(states_.files(), ElementsAre(path(980), path(950)));
  // A second damage still leaves a sound state.
  damage(980);
  EXPECT_EQ(newest(), 950);
}

TEST_F(GenerationsTest, ADamagedOneIsReportedOnce) {
  write(1);
  write(2);
  damage(2);
  EXPECT_EQ(newest(), 1);
  EXPECT_EQ(warnings_.size(), 1U);
  EXPECT_EQ(newest(), 1);
  EXPECT_THAT(warnings_, IsEmpty());
}

TEST_F(GenerationsTest, WhereAllAreDamagedTheyKeepTheirNames) {
  write(1);
  write(2);
  damage(1);
  damage(2);
  for (int time = 0; time < 2; ++time) EXPECT_THROW(newest(), DataError);
  EXPECT_EQ(states_.files().size(), 2U);
}

TEST_F(GenerationsTest, OnlyDamageIsPassedOver) {
  write(1);
  write(2);
  const auto read_with = [&](const auto& parse) {
    return states_.read_newest(parse, [](const std::string& text) { ADD_FAILURE() << text; });
  };
  EXPECT_THROW(read_with([](const Npz&) { throw UsageError("of another request"); }), UsageError);
  EXPECT_THROW(read_with([](const Npz&) { throw IoError("input/output error"); }), IoError);
  // The newest cannot be read, for now: no reason to go back a generation.
  std::filesystem::remove(path(2));
  std::filesystem::create_directory(path(2));
  EXPECT_THROW(read_with([](const Npz&) {}), IoError);
  EXPECT_EQ(states_.files().size(), 2U);
}

TEST_F(GenerationsTest, OneThatCannotBeRemovedFailsNoWrite) {
  std::filesystem::create_directories(path(1) / "inside");  // not empty, so that it stays
  write(2);
  write(3);
  EXPECT_NO_THROW(write(4));
  EXPECT_THAT(states_.files(), ElementsAre(path(4), path(3), path(1)));
  std::filesystem::remove(path(1) / "inside");
  write(5);
  EXPECT_THAT(states_.files(), ElementsAre(path(5), path(4)));
}

TEST_F(GenerationsTest, LookingRenamesNothing) {
  write(1);
  write(2);
  damage(2);
  std::int64_t number = 0;
  const auto parse = [&](const Npz& npz) { number = npz["number"].as_int64()[0]; };
  EXPECT_TRUE(states_.look_at_newest(parse));
  EXPECT_EQ(number, 1);
  EXPECT_THAT(states_.files(), ElementsAre(path(2), path(1)));
  damage(1);
  EXPECT_THROW(states_.look_at_newest(parse), DataError);
}

}  // namespace
}  // namespace equibolt
