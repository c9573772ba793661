#include "runs/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/npy.h"

namespace equibolt {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kConfig = R"(seed = 3
[system]
kind = "double_well"
[simulate]
samples = 100
chains = 4
[train]
steps = 60
[evaluate]
samples = 40
)";

RunConfig config_with(const std::vector<std::string>& overrides = {}) {
  return parse_config(kConfig, "test.toml", overrides);
}

void touch(const fs::path& path, const std::string& text = "x") {
  fs::create_directories(path.parent_path());
  write_file(path, text);
}

/// The content of every file below the folder.
std::map<std::string, std::string> content_of(const fs::path& folder) {
  std::map<std::string, std::string> content;
  if (!fs::exists(folder)) return content;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file())
      content[entry.path().lexically_relative(folder).string()] = read_text_file(entry.path());
  }
  return content;
}

class Plan : public testing::Test {
 protected:
  void SetUp() override {
    fs::remove_all(root_);
    fs::create_directories(root_);
  }
  void TearDown() override { fs::remove_all(root_); }

  /// Leaves what the stages of a finished run leave.
  void finish(const std::vector<std::string>& overrides = {}) {
    const RunConfig config = config_with(overrides);
    fs::create_directories(folder_.path);
    begin(plan_run(config, folder_));
    touch(folder_.lock());
    touch(folder_.history());
    for (const auto& path :
         {folder_.train_data(), folder_.validation_data(), folder_.test_data(), folder_.simulation(),
          folder_.checkpoints() / "step-000000000060.npz", folder_.metrics(), folder_.model(),
          folder_.samples(), folder_.test_densities(), folder_.evaluation()}) {
      touch(path, path.filename().string());
    }
    if (!config.finetunes()) return;
    touch(folder_.flow_matched(), "flow_matched");
    touch(folder_.finetune_checkpoints() / "step-000000000006.npz");
    touch(folder_.finetune_metrics());
  }

  RunPlan plan(const std::vector<std::string>& overrides, const Permissions& permissions = {},
               Stage last = Stage::evaluation) const {
    return plan_run(config_with(overrides), folder_, permissions, last);
  }

  /// The refusal; checks that nothing was touched by asking for it.
  std::string refusal(const std::vector<std::string>& overrides, Stage last = Stage::evaluation) const {
    const auto before = content_of(folder_.path);
    const RunPlan refused = plan(overrides, {}, last);
    EXPECT_THROW(require_accepted(refused), UsageError);
    EXPECT_THROW(begin(refused), UsageError);
    EXPECT_EQ(before, content_of(folder_.path));
    return refused.refusal;
  }

  bool moved(const std::string& name) const { return fs::exists(folder_.previous() / "1" / name); }

  fs::path root_ = fs::path(testing::TempDir()) / fmt::format("equibolt-plan-{}", getpid());
  RunFolder folder_{root_ / "run"};
};

TEST_F(Plan, AFreshRunHasEverythingToDoAndAFinishedOneNothing) {
  const RunPlan fresh = plan({});
  for (const Stage stage : {Stage::simulation, Stage::training, Stage::evaluation})
    EXPECT_EQ(fresh.state(stage), StageState::to_do);
  EXPECT_FALSE(fs::exists(folder_.path)) << "a plan writes nothing";
  finish();
  const RunPlan done = plan({});
  EXPECT_FALSE(done.anything_to_do());
  EXPECT_TRUE(done.config.empty());
  EXPECT_TRUE(done.moved.empty());
}

TEST_F(Plan, KeysWithoutAnInfluenceOnResultsMayChange) {
  finish();
  const RunPlan done = plan({"threads=3", "train.log_every=7", "checkpoint_seconds=1", "train.producers=2"});
  EXPECT_FALSE(done.anything_to_do());
  EXPECT_TRUE(done.refusal.empty());
}

TEST_F(Plan, AShorterTrainingIsRefusedAndCostsNothing) {
  finish();
  const std::string why = refusal({"train.steps=30"});
  EXPECT_THAT(why, HasSubstr("train.steps: 60 there, 30 now"));
  EXPECT_THAT(why, HasSubstr("60 steps are done, more than the 30"));
  EXPECT_THAT(why, HasSubstr("--redo training"));
  EXPECT_THAT(why, Not(HasSubstr("--extend")));
  EXPECT_THAT(why, HasSubstr("model.safetensors"));
}

TEST_F(Plan, AForgottenOverrideIsRefused) {
  finish({"train.batch=32"});
  EXPECT_THAT(refusal({}), HasSubstr("train.batch: 32 there, 256 now"));
}

TEST_F(Plan, ALongerTrainingGoesOnWhereThatIsAllowed) {
  finish();
  EXPECT_THAT(refusal({"train.steps=80"}), HasSubstr("--extend training"));
  const RunPlan longer = plan({"train.steps=80"}, {.redo = {}, .extend = Stage::training});
  EXPECT_EQ(longer.state(Stage::simulation), StageState::done);
  EXPECT_EQ(longer.state(Stage::training), StageState::resume);
  EXPECT_EQ(longer.state(Stage::evaluation), StageState::again);
  // What was made later goes first, so that no result is ever without what it was made from.
  const auto at = [&](const char* name) { return std::ranges::find(longer.moved, fs::path(name)); };
  EXPECT_LT(at("evaluation.json"), at("model.safetensors"));
  EXPECT_NE(at("model.safetensors"), longer.moved.end());
  begin(longer);
  EXPECT_TRUE(moved("model.safetensors") && moved("evaluation.json") && moved("samples.npz"));
  EXPECT_TRUE(moved("config.toml") && moved("run.json")) << "so that it can be read from there";
  EXPECT_TRUE(fs::exists(folder_.checkpoints() / "step-000000000060.npz"));
  EXPECT_EQ(content_of(folder_.previous() / "1")["model.safetensors"], "model.safetensors");
  // The same command resumes, with the flag and without it.
  for (const Permissions& permissions : {Permissions{}, Permissions{.redo = {}, .extend = Stage::training}}) {
    const RunPlan again = plan({"train.steps=80"}, permissions);
    EXPECT_EQ(again.state(Stage::training), StageState::resume);
    EXPECT_TRUE(again.moved.empty());
    EXPECT_TRUE(again.refusal.empty());
  }
}

TEST_F(Plan, ARateOfAFinishedTrainingCannotChangeButIsDoneAgainOnRequest) {
  finish();
  const std::string why = refusal({"train.learning_rate=0.5"});
  EXPECT_THAT(why, HasSubstr("train.learning_rate"));
  EXPECT_THAT(why, Not(HasSubstr("--extend")));
  const Permissions redo{.redo = Stage::training, .extend = {}};
  const RunPlan again = plan({"train.learning_rate=0.5"}, redo);
  EXPECT_EQ(again.state(Stage::training), StageState::again);
  begin(again);
  EXPECT_TRUE(moved("checkpoints/step-000000000060.npz") && moved("metrics.jsonl"));
  const RunPlan resumed = plan({"train.learning_rate=0.5"}, redo);
  EXPECT_EQ(resumed.state(Stage::training), StageState::to_do);
  EXPECT_TRUE(resumed.moved.empty()) << "the flag allows, it does not command";
}

TEST_F(Plan, ARateMayChangeWhileTheTrainingIsUnderWay) {
  finish();
  for (const auto& path :
       {folder_.model(), folder_.samples(), folder_.test_densities(), folder_.evaluation()})
    fs::remove(path);
  const RunPlan resumed = plan({"train.learning_rate=0.5", "train.steps=90"});
  EXPECT_EQ(resumed.state(Stage::training), StageState::resume);
  EXPECT_THAT(resumed.notes, testing::ElementsAre(HasSubstr("train.learning_rate")));
  EXPECT_THAT(refusal({"train.batch=7"}), HasSubstr("--redo training"));
  EXPECT_THAT(refusal({"train.steps=59"}), HasSubstr("60 steps are done"));
}

TEST_F(Plan, SimulateLeavesWhatWasTrainedAlone) {
  finish();
  const RunPlan nothing = plan({"train.steps=30", "flow.steps=3", "finetune.steps=2"}, {}, Stage::simulation);
  EXPECT_FALSE(nothing.anything_to_do());
  EXPECT_TRUE(nothing.config.empty() && nothing.moved.empty());
  EXPECT_THAT(refusal({"simulate.rungs=4"}, Stage::simulation), HasSubstr("--redo simulation"));
  const RunPlan again =
      plan({"simulate.rungs=4"}, {.redo = Stage::simulation, .extend = {}}, Stage::simulation);
  begin(again);
  EXPECT_TRUE(moved("data/train.npz") && moved("model.safetensors") && moved("evaluation.json"));
  EXPECT_FALSE(fs::exists(folder_.simulation()));
}

TEST_F(Plan, OtherTestDataKeepTheSamples) {
  finish();
  EXPECT_THAT(refusal({"evaluate.test_samples=5"}), HasSubstr("--redo evaluation"));
  begin(plan({"evaluate.test_samples=5"}, {.redo = Stage::evaluation, .extend = {}}));
  EXPECT_TRUE(moved("test_densities.npz") && moved("evaluation.json"));
  EXPECT_TRUE(fs::exists(folder_.samples()));
}

TEST_F(Plan, MoreSamplesAreAddedToThoseThatAreThere) {
  finish();
  EXPECT_THAT(refusal({"evaluate.samples=80"}), HasSubstr("--extend evaluation"));
  begin(plan({"evaluate.samples=80"}, {.redo = {}, .extend = Stage::evaluation}));
  EXPECT_TRUE(fs::exists(folder_.samples()) && fs::exists(folder_.test_densities()));
  EXPECT_TRUE(moved("evaluation.json"));
}

TEST_F(Plan, AFineTuningThatIsAddedKeepsTheOldModelAndItsEvaluation) {
  finish();
  EXPECT_THAT(refusal({"finetune.steps=6"}), HasSubstr("--redo evaluation"));
  const RunPlan added = plan({"finetune.steps=6"}, {.redo = Stage::evaluation, .extend = {}});
  EXPECT_EQ(added.state(Stage::training), StageState::done);
  EXPECT_EQ(added.state(Stage::finetuning), StageState::to_do);
  begin(added);
  EXPECT_EQ(read_text_file(folder_.flow_matched()), "model.safetensors") << "it has become this";
  EXPECT_FALSE(fs::exists(folder_.model()));
  EXPECT_TRUE(moved("model.safetensors") && moved("evaluation.json"));
}

TEST_F(Plan, AFineTunedNetworkIsNotGivenUpForAForgottenOverride) {
  finish({"finetune.steps=6"});
  EXPECT_FALSE(plan({"finetune.steps=6"}).anything_to_do());
  EXPECT_THAT(refusal({}), HasSubstr("--redo finetuning"));
  begin(plan({}, {.redo = Stage::finetuning, .extend = {}}));
  EXPECT_TRUE(moved("model.safetensors") && moved("finetune_checkpoints/step-000000000006.npz"));
  EXPECT_TRUE(fs::exists(folder_.flow_matched()));
  const RunPlan rest = plan({});
  EXPECT_EQ(rest.state(Stage::training), StageState::done);
  EXPECT_EQ(rest.state(Stage::evaluation), StageState::to_do);
}

TEST_F(Plan, MoreFlowMatchingMakesTheFineTuningStale) {
  finish({"finetune.steps=6"});
  const RunPlan longer =
      plan({"finetune.steps=6", "train.steps=80"}, {.redo = {}, .extend = Stage::training});
  EXPECT_EQ(longer.state(Stage::finetuning), StageState::again);
  begin(longer);
  EXPECT_TRUE(moved("model.safetensors") && moved("flow_matched.safetensors") &&
              moved("finetune_metrics.jsonl"));
}

TEST_F(Plan, FoldersOfOthersAreLeftAlone) {
  touch(folder_.path / "data" / "train.npz", "not yours");
  EXPECT_THROW(plan({}), UsageError);
  fs::remove_all(folder_.path);
  touch(folder_.config(), "# Anna's\n[train]\nsteps = 3\n");
  EXPECT_THROW(plan({}), UsageError);
  EXPECT_THAT(content_of(folder_.path)["config.toml"], HasSubstr("Anna"));
  fs::remove_all(folder_.path);
  touch(folder_.path / "umbrella.json");
  EXPECT_THROW(plan({}), UsageError);
  fs::remove_all(folder_.path);
  for (const char* name : {".nfs1", "slurm-7.out", "lost+found/x"}) touch(folder_.path / name);
  // What a first call leaves that was killed while it wrote.
  for (const char* name : {"config.toml.999999999-0.partial", "config.toml.999999999-1.partial.aB3dE6"}) {
    touch(folder_.path / name);
  }
  EXPECT_NO_THROW(plan({}));
  touch(folder_.path / "big.iso.partial");
  EXPECT_THROW(plan({}), UsageError);
}

TEST_F(Plan, AConfigThatWasEditedByHandIsKept) {
  finish();
  const std::string edited = read_text_file(folder_.config()) + "# a remark\n";
  write_file(folder_.config(), edited);
  begin(plan({"evaluate.test_samples=5"}, {.redo = Stage::evaluation, .extend = {}}));
  EXPECT_EQ(content_of(folder_.previous() / "1")["config.toml"], edited);
}

TEST_F(Plan, TheContentOfDataFilesIsPartOfTheRun) {
  const auto write_data = [&](float value) {
    Configurations<float> x(6, 4, 2);
    for (std::size_t k = 0; k < x.size(); ++k) x.data()[k] = value * static_cast<float>(k);
    write_npy(root_ / "data.npy", Array::of(x.view()));
  };
  write_data(1);
  const std::string data = fmt::format("data.train={}", (root_ / "data.npy").string());
  finish({data});
  EXPECT_FALSE(plan({data}).anything_to_do());
  fs::copy_file(root_ / "data.npy", root_ / "moved.npy");
  EXPECT_FALSE(plan({fmt::format("data.train={}", (root_ / "moved.npy").string())}).anything_to_do())
      << "where it lies does not matter";
  write_data(2);
  EXPECT_THAT(refusal({data}), HasSubstr("data.train"));
}

TEST_F(Plan, ARunOfAnEarlierVersionIsKnownByItsConfig) {
  finish();
  fs::remove(folder_.record());
  EXPECT_FALSE(plan({}).anything_to_do());
  EXPECT_THAT(refusal({"train.steps=30"}), HasSubstr("train.steps: 60 there, 30 now"));
}

TEST_F(Plan, ACallThatEndedBeforeItsRecordIsNoRunOfAnEarlierVersion) {
  fs::create_directories(folder_.path);
  begin(plan_run(config_with(), folder_));
  const std::string record = read_text_file(folder_.record());
  touch(folder_.lock());
  fs::remove(folder_.record());
  begin(plan_run(config_with(), folder_));
  EXPECT_EQ(read_text_file(folder_.record()), record);
}

TEST_F(Plan, WhatFinishedStagesHaveLeftBehindIsRemoved) {
  finish();
  const std::vector<fs::path> left{"simulation/iteration-000000000100.npz",
                                   "samples.npz.parts/000000000000.npz", "test_densities.npz.parts/lock"};
  for (const fs::path& path : left) touch(folder_.path / path);
  const auto before = content_of(folder_.path);
  const RunPlan done = plan({});
  EXPECT_FALSE(done.anything_to_do());
  EXPECT_THAT(done.left_over, testing::ElementsAre(fs::path("simulation"), fs::path("samples.npz.parts"),
                                                   fs::path("test_densities.npz.parts")));
  EXPECT_THAT(text_of(done), HasSubstr("removed, no longer needed: simulation\n"));
  EXPECT_THAT(plan({}, {}, Stage::simulation).left_over, testing::ElementsAre(fs::path("simulation")));
  EXPECT_EQ(content_of(folder_.path), before) << "a plan writes nothing";
  begin(done);
  for (const fs::path& path : done.left_over) EXPECT_FALSE(fs::exists(folder_.path / path)) << path;
  EXPECT_TRUE(plan({}).left_over.empty());
}

TEST_F(Plan, WhatStagesUnderWayKeepIsNotRemoved) {
  finish();
  touch(folder_.simulation_states() / "iteration-000000000100.npz");
  touch(fs::path(folder_.samples()) += ".parts/000000000000.npz");
  fs::remove(folder_.evaluation());
  fs::remove(folder_.simulation());
  EXPECT_EQ(plan({}).state(Stage::simulation), StageState::resume);
  EXPECT_TRUE(plan({}).left_over.empty());
  // What is done again is moved, with all that it keeps.
  touch(folder_.simulation());
  const RunPlan again = plan({"simulate.samples=200"}, {.redo = Stage::simulation, .extend = {}});
  EXPECT_TRUE(again.left_over.empty());
  begin(again);
  EXPECT_TRUE(moved("simulation"));
}

TEST_F(Plan, WhatCannotBeRemovedIsAWarning) {
  const std::string name(300, 'x');  // no file system has it
  testing::internal::CaptureStderr();
  EXPECT_NO_THROW(remove_left_over(root_ / name));
  EXPECT_THAT(
      testing::internal::GetCapturedStderr(),
      testing::ContainsRegex("warning: .*xxx: is no longer needed and cannot be removed: .+; the same"));
  testing::internal::CaptureStderr();
  remove_left_over(root_ / "absent");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

TEST_F(Plan, ARecordOfALaterVersionIsRefused) {
  finish();
  std::string text = read_text_file(folder_.record());
  text.replace(text.find("\"format_version\": 1"), 19, "\"format_version\": 9");
  write_file(folder_.record(), text);
  EXPECT_THROW(plan({}), DataError);
}

}  // namespace
}  // namespace equibolt
