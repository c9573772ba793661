#include "runs/target_data.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "io/atomic_file.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "system/make_energy.h"

namespace equibolt {
namespace {

namespace fs = std::filesystem;

class TargetDataTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "equibolt-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_.path = fs::path(name);
  }
  void TearDown() override { fs::remove_all(folder_.path); }

  TargetData obtain(
      const RunConfig& config, const std::function<bool()>& stop = [] { return false; }) {
    Reporter reporter(true);
    RunPlan plan;
    plan.folder = folder_;
    plan.stages = {{Stage::simulation, StageState::to_do, ""}};
    return obtain_data(config, folder_, StageClock(plan), stop, reporter);
  }

  RunFolder folder_;
};

RunConfig harmonic(double stiffness, std::size_t rungs) {
  RunConfig config;
  config.threads = 1;
  config.system = {4, 2, HarmonicParameters{stiffness}};
  config.simulate.samples = 200;
  config.simulate.chains = 4;
  config.simulate.rungs = rungs;
  config.simulate.leapfrog_steps = 8;
  config.simulate.burn_in = 400;
  config.simulate.pilot = 100;
  return config;
}

TEST_F(TargetDataTest, RungsWithoutOverlapLeaveTheSamplesAndLogZNull) {
  const RunConfig config = harmonic(1e12, 3);
  for (int call = 0; call < 2; ++call) {  // simulates, then reads what it has written
    const TargetData data = obtain(config);
    EXPECT_FALSE(data.log_z.has_value());
    EXPECT_EQ(data.train.count() + data.validation.count() + data.test.count(), 200U);
  }
  const auto json = read_json(folder_.simulation());
  ASSERT_TRUE(json.contains("log_z"));
  EXPECT_TRUE(json["log_z"].is_null());
  EXPECT_TRUE(json["energy_mean"]["value"].is_number());
  EXPECT_FALSE(fs::exists(folder_.simulation_states()));
}

TEST_F(TargetDataTest, OneRungHasNoRenewalsAndALadderHas) {
  obtain(harmonic(1, 1));
  EXPECT_TRUE(read_json(folder_.simulation())["ladder"]["renewals_per_iteration_and_chain"].is_null());
  fs::remove(folder_.simulation());
  const TargetData data = obtain(harmonic(1, 3));
  EXPECT_TRUE(read_json(folder_.simulation())["ladder"]["renewals_per_iteration_and_chain"].is_number());
  EXPECT_TRUE(data.log_z.has_value());
}

TEST_F(TargetDataTest, TheEndOfASimulationIsSavedBeforeItIsAnalysed) {
  // A folder where the data go stands in the way as a file: what comes after the simulation fails.
  const RunConfig config = harmonic(1, 3);
  write_file(folder_.path / "data", std::string_view("in the way"));
  EXPECT_ANY_THROW(obtain(config));
  fs::remove(folder_.path / "data");
  ASSERT_TRUE(fs::exists(folder_.simulation_states()));
  bool moved = false;  // a second call only analyses
  const TargetData data = obtain(config, [&] { return moved = true; });
  EXPECT_FALSE(moved);
  EXPECT_GT(data.train.count(), 0U);
}

TEST_F(TargetDataTest, EnergiesOfGuardedMoleculesAreThoseOfTheSystem) {
  if (openmm_version().empty()) GTEST_SKIP() << "built without OpenMM";
  RunConfig config = harmonic(1, 1);
  config.system.particles = 22;
  config.system.dim = 3;
  config.system.kind.emplace<OpenMmParameters>();
  config.simulate.mover = MoverKind::langevin;
  config.simulate.samples = 32;
  obtain(config);
  const auto json = read_json(folder_.simulation());
  EXPECT_EQ(json["mover"], "langevin");
  EXPECT_EQ(json["guards"]["peptide_bonds"], 2);
  EXPECT_EQ(json["guards"]["samples_beyond"], 0);
  const Npz npz = read_npz(folder_.train_data());
  const Configurations<double> x = configurations_of(npz["x"], 22, 3);
  const auto written = npz["energy"].as_double();
  std::vector<double> energy(x.count());
  std::vector<EnergyStatus> status(x.count());
  make_energy(config.system)->evaluate(x, energy, {}, status);
  ASSERT_EQ(written.size(), energy.size());
  for (std::size_t b = 0; b < energy.size(); ++b) EXPECT_NEAR(written[b], energy[b], 0.01);
}

}  // namespace
}  // namespace equibolt
