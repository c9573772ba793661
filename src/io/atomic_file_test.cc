#include "io/atomic_file.h"

#include <gmock/gmock.h>
#include <sys/resource.h>

#include <csignal>

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
  for (const char* name : {"a.npz", "a.npz.12-0.partial", "a.npz.12-1.partial.Xy12"})
    write_file(file(name), "x");
  remove_partial_files(file("a.npz").parent_path());
  EXPECT_EQ(files(), 1U);
  EXPECT_TRUE(fs::exists(file("a.npz")));
}

}  // namespace
}  // namespace equibolt
