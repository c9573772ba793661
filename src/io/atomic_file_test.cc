#include "io/atomic_file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "equibolt/error.h"
#include "io/test_files.h"

namespace equibolt {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
namespace fs = std::filesystem;
using AtomicFile = TestFolder;

TEST_F(AtomicFile, FilesAreReplacedAsAWhole) {
  write_file(file("a"), std::string_view("first"));
  write_file(file("a"), std::string_view("second"));
  EXPECT_EQ(read_text_file(file("a")), "second");
  EXPECT_EQ(files(), 1U);
  write_file(file("b"), Bytes{});
  EXPECT_TRUE(read_file(file("b")).empty());
}

TEST_F(AtomicFile, ErrorsNameTheFileAndTheReason) {
  const auto missing_folder = file("no/such/folder/a");
  EXPECT_THAT(message_of<IoError>([&] { write_file(missing_folder, std::string_view("x")); }),
              AllOf(HasSubstr(missing_folder.string()), HasSubstr("No such file")));
  EXPECT_THAT(message_of<IoError>([&] { read_file(file("a")); }),
              AllOf(HasSubstr(file("a").string()), HasSubstr("No such file")));
  EXPECT_THAT(message_of<IoError>([&] { read_file(file("")); }), HasSubstr("not a regular file"));
  fs::create_directories(file("folder/inside"));
  EXPECT_THROW(write_file(file("folder"), std::string_view("x")), IoError);
  EXPECT_EQ(files(), 1U);  // nothing partial left
}

TEST_F(AtomicFile, ADiskThatFillsUpLeavesTheOldFileAndNoPartialOne) {
  write_file(file("a"), std::string_view("old"));
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{1000, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string message = message_of<IoError>([&] { write_file(file("a"), Bytes(100000)); });
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, AllOf(HasSubstr(file("a").string()), HasSubstr("File too large")));
  EXPECT_EQ(read_text_file(file("a")), "old");
  EXPECT_EQ(files(), 1U);
}

TEST_F(AtomicFile, WhatKilledWritersLeftIsRemovedAndNothingElse) {
  // Process numbers end before 2^22.
  const std::vector<std::string> dead{"a.npz.99999999-0.partial", "a.npz.99999998-1.partial.Xy12ab"};
  const std::vector<std::string> stays{"a.npz",
                                       "a.partial.npz",
                                       "a.npz.partial",
                                       "a.npz.99999999-x.partial",
                                       "a.npz.99999999-0.partial.doc",
                                       "ab.npz.99999999-0.partial",
                                       fmt::format("a.npz.{}-0.partial", getppid())};
  const auto write_all = [&] {
    for (const auto* names : {&dead, &stays}) {
      for (const std::string& name : *names) write_file(file(name), std::string_view("x"));
    }
  };
  write_all();
  remove_partial_files_of(file("a.npz"));
  for (const std::string& name : dead) EXPECT_FALSE(fs::exists(file(name))) << name;
  for (const std::string& name : stays) EXPECT_TRUE(fs::exists(file(name))) << name;
  write_all();
  remove_partial_files_in(file("a.npz").parent_path());
  for (const std::string& name : dead) EXPECT_FALSE(fs::exists(file(name))) << name;
  EXPECT_FALSE(fs::exists(file("ab.npz.99999999-0.partial")));
  EXPECT_EQ(files(), stays.size() - 1);
  EXPECT_NO_THROW(remove_partial_files_in(file("absent")));
}

}  // namespace
}  // namespace equibolt
