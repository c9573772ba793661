#include "config/config.h"

#include <gtest/gtest.h>

#include "config/config_table.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

std::string error_of(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    parse_config(text, "my.toml", overrides);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "no error";
}

TEST(Config, EveryPresetReadsBackFromItsOwnTextWithEveryKey) {
  ASSERT_FALSE(preset_names().empty());
  for (const std::string& name : preset_names()) {
    const RunConfig config = load_config(name);
    for (const bool commented : {false, true}) {
      const std::string text = config_text(config, commented);
      EXPECT_EQ(config_text(parse_config(text, name), commented), text);
    }
  }
}

TEST(Config, EveryKeyTakesItsOwnTextAndRefusesATable) {
  for (const auto& [kind, spec] : system_kinds()) {
    RunConfig config;
    config.system = spec;
    for (const ConfigKey& key : config_table(config)) {
      const toml::table same = toml::parse("value = " + key.text());
      EXPECT_TRUE(key.set(*same.get("value"))) << key.name;
      const toml::table wrong = toml::parse("value = [[1]]");
      EXPECT_FALSE(key.set(*wrong.get("value"))) << key.name;
      EXPECT_FALSE(key.expected.empty()) << key.name;
    }
  }
}

TEST(Config, OverridesWinAndBareWordsAreStrings) {
  const RunConfig config =
      parse_config("train.steps = 5", "my.toml", {"train.steps=1e3", "train.coupling=independent", "seed=7"});
  EXPECT_EQ(config.train.steps, 1000U);
  EXPECT_EQ(config.coupling.kind, CouplingKind::independent);
  EXPECT_EQ(config.seed, 7U);
}

TEST(Config, TheSystemsKeysFollowItsKind) {
  const std::string text = "train.steps = 5\n[system]\nkind = 'lennard_jones'\ntrap = 0.5\n";
  const RunConfig config = parse_config(text, "my.toml");
  EXPECT_EQ(config.system.particles, 13U);
  EXPECT_EQ(std::get<LennardJonesParameters>(config.system.kind).trap, 0.5);
  EXPECT_NE(error_of(text, {"system.kind=harmonic"}).find("my.toml:4: unknown key 'system.trap'"),
            std::string::npos);
}

TEST(Config, ErrorsNameLineKeyExpectedAndFound) {
  EXPECT_EQ(error_of("seed = 1\n[train]\nbacth = 3"),
            "my.toml:3: unknown key 'train.bacth'; did you mean 'train.batch'?");
  EXPECT_EQ(error_of("[train]\nbatch = 0"), "my.toml:2: train.batch: expected an integer ≥ 1, found 0");
  EXPECT_EQ(error_of("[train]\nbatch = 2.5"), "my.toml:2: train.batch: expected an integer ≥ 1, found 2.5");
  EXPECT_NE(error_of("", {"flow.method=rk5"}).find("--set flow.method=rk5: flow.method: expected one of"),
            std::string::npos);
  EXPECT_NE(error_of("", {"train.learning_rate=inf"}).find("a number > 0"), std::string::npos);
  EXPECT_NE(error_of("a b").find("my.toml:1:"), std::string::npos);
}

TEST(NearestName, FindsWhatWasMeant) {
  EXPECT_EQ(nearest_name("learnig_rate", {"batch", "learning_rate", "rate"}), "learning_rate");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace equibolt
