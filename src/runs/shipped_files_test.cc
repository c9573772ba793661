#include "runs/shipped_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "equibolt/error.h"

namespace equibolt {
namespace {

class ShippedFiles : public testing::Test {
 protected:
  ShippedFiles() {
    std::string name = (std::filesystem::temp_directory_path() / "equibolt-XXXXXX").string();
    EXPECT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    for (const char* part : {"first", "second"}) std::filesystem::create_directory(folder_ / part);
    for (const char* file :
         {"first/a.safetensors", "second/a.safetensors", "second/b.safetensors", "second/c.txt"})
      std::ofstream(folder_ / file) << "x";
    folders_ = {folder_ / "absent", folder_ / "first", folder_ / "second"};
  }
  ~ShippedFiles() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path folder_;
  std::vector<std::filesystem::path> folders_;
};

TEST_F(ShippedFiles, AreFoundByNameInTheFirstFolderThatHasThem) {
  EXPECT_EQ(run_or_model_path("a", folders_), folder_ / "first/a.safetensors");
  EXPECT_EQ(run_or_model_path("b", folders_), folder_ / "second/b.safetensors");
}

TEST_F(ShippedFiles, ComeAfterWhatThePathNames) {
  const std::string run = folder_ / "second", absent = folder_ / "second/b";
  EXPECT_EQ(run_or_model_path(run, folders_), run);
  EXPECT_EQ(run_or_model_path(absent, folders_), absent);
  EXPECT_EQ(run_or_model_path("b.safetensors", folders_), "b.safetensors");
}

TEST_F(ShippedFiles, AreListedWhereTheNameIsUnknown) {
  const auto message = [&](const std::vector<std::filesystem::path>& folders) -> std::string {
    try {
      run_or_model_path("c", folders);
    } catch (const IoError& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_NE(message(folders_).find("are a, b"), std::string::npos) << message(folders_);
  EXPECT_NE(message({}).find("EQUIBOLT_MODELS"), std::string::npos) << message({});
}

TEST_F(ShippedFiles, SurrogatesAreFoundByNameToo) {
  std::ofstream(folder_ / "second/d.npz") << "x";
  EXPECT_EQ(surrogate_path("d", folders_), folder_ / "second/d.npz");
  EXPECT_EQ(surrogate_path("d.npz", folders_), "d.npz");
  EXPECT_EQ(surrogate_path("x/d", folders_), "x/d");
  try {
    surrogate_path("e", folders_);
    FAIL();
  } catch (const UsageError& error) {
    EXPECT_NE(std::string(error.what()).find("comes with the program: d"), std::string::npos) << error.what();
  }
}

TEST_F(ShippedFiles, TheEnvironmentNamesTheFolder) {
  ASSERT_EQ(setenv("EQUIBOLT_MODELS", (folder_ / "second").c_str(), 1), 0);
  EXPECT_EQ(model_folders(), std::vector{folder_ / "second"});
  EXPECT_EQ(run_or_model_path("a"), folder_ / "second/a.safetensors");
  unsetenv("EQUIBOLT_MODELS");
  EXPECT_EQ(model_folders().size(), 2U);
}

}  // namespace
}  // namespace equibolt
