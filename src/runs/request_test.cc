#include "runs/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equibolt/error.h"

namespace equibolt {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// A request of a double well, with the content of one file.
Request request(const std::vector<std::string>& overrides = {}, std::uint64_t content = 0x123) {
  const RunConfig config = parse_config("[system]\nkind = \"double_well\"\n", "test.toml", overrides);
  Request made(config, [](const std::string& key) { return key.starts_with("system."); });
  made.add("seed", std::uint64_t{3});
  made.add("frames", std::uint64_t{7});
  made.add_hash("frames", content);
  return made;
}

/// "KEY: BEFORE, NOW" for each difference.
std::vector<std::string> differences(const Request& now, const std::string& there) {
  std::vector<std::string> found;
  for (const Difference& d : now.differences_from(there, "test"))
    found.push_back(d.key + ": " + d.before + ", " + d.now);
  return found;
}

TEST(Request, IsTheSameAsItsText) {
  EXPECT_THAT(differences(request(), request().text()), IsEmpty());
}

TEST(Request, NamesWhatDiffers) {
  EXPECT_THAT(differences(request({"system.d0=3.0"}, 0x124), request().text()),
              ElementsAre("system.d0: 4.0, 3.0", "content of frames: 0000000000000123, 0000000000000124"));
  try {
    request({"system.d0=3.0"}).require_same(request().text(), "x.npz", "Do that.");
    FAIL() << "accepted";
  } catch (const UsageError& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.npz: was made with other settings:"));
    EXPECT_THAT(error.what(), HasSubstr("system.d0: 4.0 there, 3.0 now\nDo that."));
  }
}

TEST(Request, MissesNothingThatWasRecordedAndIsNoPartOfItAnyMore) {
  Request other = request();
  other.add_hash("surrogate", 5);
  other.add("dynamics", "metropolised");
  EXPECT_THAT(
      differences(request(), other.text()),
      ElementsAre("content of surrogate: 0000000000000005, (absent)", "dynamics: metropolised, (absent)"));
  EXPECT_THAT(differences(other, request().text()), ElementsAre("dynamics: (absent), metropolised"));
}

TEST(Request, ReadsWhatEarlierVersionsRecorded) {
  // Contents under the file's key or NAME_hash, keys that this version does not count, no defaults.
  const std::string head = R"({"seed":3,"frames":7,"umbrella.steps":"0",)";
  EXPECT_THAT(differences(request(), head + R"("frames_hash":"0000000000000123"})"), IsEmpty());
  EXPECT_THAT(differences(request(), head + R"("frames_hash":"0000000000000124"})"),
              ElementsAre("content of frames: 0000000000000124, 0000000000000123"));
  Request filed = request();
  filed.add_hash("system.parameters", 5);
  const auto with = [&](const std::string& parameters) {
    return head + R"("frames_hash":"0000000000000123","system.parameters":)" + parameters + "}";
  };
  EXPECT_THAT(differences(filed, with(R"("0000000000000005")")), IsEmpty());
  EXPECT_THAT(differences(filed, with(R"("\"a/path.txt\"")")), IsEmpty()) << "a path says nothing";
  EXPECT_THAT(differences(filed, with(R"("0000000000000006")")),
              ElementsAre("content of system.parameters: 0000000000000006, 0000000000000005"));
  EXPECT_THAT(differences(filed, with(R"("\"\"")")),
              ElementsAre("content of system.parameters: \"\", 0000000000000005"))
      << "there was no file";
}

TEST(Request, IsNotReadFromAnythingElse) {
  EXPECT_THROW(request().differences_from("no request", "test"), DataError);
}

}  // namespace
}  // namespace equibolt
