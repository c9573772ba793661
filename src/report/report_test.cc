#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "report/comparison.h"
#include "report/figures.h"
#include "report/observable_figures.h"
#include "report/page.h"
#include "report/published.h"

namespace equibolt {
namespace {

TEST(Page, EscapesAllText) {
  Page page("a < b & \"c\"");
  page.paragraph("<script>alert(1)</script>");
  page.table({{"<i>", "x"}, {"&amp;", "1"}}, "a > b");
  page.figure("<svg/>", "\"><b>", "<p>");
  page.details("<u>", "</pre>");
  const std::string html = page.html();
  for (const char* bad : {"<script>", "<i>", "<b>", "<u>", "a < b"}) {
    EXPECT_EQ(html.find(bad), std::string::npos) << bad;
  }
  EXPECT_NE(html.find("&lt;/pre&gt;"), std::string::npos);
  EXPECT_NE(html.find("base64,PHN2Zy8+\""), std::string::npos);  // of <svg/>
}

TEST(Page, NeighbouringFiguresShareAGrid) {
  Page page("x");
  page.figure("a", "", "");
  page.figure("bc", "", "");
  page.paragraph("");
  page.figure("def", "", "");
  const std::string html = page.html();
  std::size_t grids = 0;
  for (std::size_t at = 0; (at = html.find("<div class=\"figures\">", at)) != std::string::npos; ++at)
    ++grids;
  EXPECT_EQ(grids, 2U);
  for (const char* encoded : {"YQ==", "YmM=", "ZGVm"}) EXPECT_NE(html.find(encoded), std::string::npos);
}

TEST(Published, SystemsAreKnownByTheirParametersAlone) {
  for (const char* preset : {"dw4", "lj13", "lj55"}) {
    const auto known = known_system(load_config(preset, {"train.steps=7"}));
    ASSERT_TRUE(known.has_value());
    EXPECT_EQ(known->preset, preset);
    EXPECT_TRUE(known->values.contains("log_z"));
  }
  EXPECT_FALSE(known_system(load_config("dw4", {"system.d0=3"})).has_value());
}

TEST(Published, AHarmonicSystemIsKnownExactly) {
  RunConfig config;
  config.system = {4, 2, HarmonicParameters{2.0}};
  const auto known = known_system(config);
  ASSERT_TRUE(known.has_value());
  EXPECT_DOUBLE_EQ(known->values.at("log_z").estimate.value, -3 * std::log(2.0));
  EXPECT_DOUBLE_EQ(known->values.at("energy_mean").estimate.value, 3.0);
}

TEST(Published, EveryResultHasASourceAndNamesThatAreCompared) {
  for (const KnownSystem& system : known_systems()) {
    EXPECT_NO_THROW(load_config(system.preset)) << system.preset;
    EXPECT_FALSE(system.published.empty());
    for (const PublishedResult& result : system.published) {
      EXPECT_FALSE(result.model.empty());
      EXPECT_FALSE(result.source.empty());
      EXPECT_TRUE(result.evidence == "read" || result.evidence == "second-hand") << result.evidence;
      EXPECT_FALSE(result.values.empty());
      for (const auto& [name, value] : result.values) {
        const auto same = [&](const ComparedQuantity& quantity) { return quantity.name == name; };
        EXPECT_EQ(std::ranges::count_if(compared_quantities(), same), 1) << name;
        EXPECT_TRUE(std::isfinite(value.value));
      }
    }
  }
}

TEST(Published, ValuesKeepTheirDigits) {
  EXPECT_EQ(published_text({0.3967, 0.0040}, 100), "39.67 ± 0.40");
  EXPECT_EQ(published_text({-16.7, 0.12}), "-16.70 ± 0.12");
  EXPECT_EQ(published_text({1.72, 0.01}), "1.72 ± 0.01");
  EXPECT_EQ(published_text({-88.45, INFINITY}), "-88.45");
}

TEST(Figures, OverlaidSeriesKeepTheirOwnPlaces) {
  const Plot plot = overlaid_figure(
      "x", {{.legend = "a", .x = {1, 2, 3}, .y = {4, 5, 6}}, {.legend = "b", .x = {7}, .y = {8}}},
      {.x = "x", .y = "y"});
  ASSERT_EQ(plot.rows.size(), 3U);
  ASSERT_EQ(plot.rows[0], (std::vector<double>{1, 4, 7, 8}));
  EXPECT_TRUE(std::isnan(plot.rows[1][2]) && std::isnan(plot.rows[1][3]));
}

TEST(Figures, DensitiesIntegrateToOneWithoutTheTails) {
  std::vector<double> values;
  for (int k = 0; k < 5000; ++k) values.push_back(std::sin(k) + (k % 7) * 0.1);
  values.push_back(INFINITY);
  const Plot plot = density_figure("x", {{"values", values}}, "x");
  ASSERT_GT(plot.rows.size(), 10U);
  const double width = plot.rows[1][0] - plot.rows[0][0];
  double sum = 0;
  for (const auto& row : plot.rows) sum += row[1] * width;
  EXPECT_GT(sum, 0.99);
  EXPECT_LE(sum, 1.0);
  EXPECT_TRUE(density_figure("x", {{"none", {}}}, "x").rows.empty());
  EXPECT_TRUE(density_figure("x", {{"constant", {1, 1, 1}}}, "x").rows.empty());
}

TEST(Figures, AFewOutliersDoNotStretchTheAxis) {
  std::vector<double> values;
  for (int k = 0; k < 1500; ++k) values.push_back(k % 30 * 0.1);
  for (int k = 0; k < 40; ++k) values.push_back(-700 + k);  // more than a percentile of 0.1 leaves out
  const Plot plot = density_figure("x", {{"values", values}}, "x");
  ASSERT_GT(plot.rows.size(), 10U);
  EXPECT_GT(plot.rows.front()[0], -20);
  EXPECT_LT(plot.rows.back()[0], 3);
}

TEST(ObservableFigures, AMapHasARowForEachBinThatIsNotEmpty) {
  const auto map = nlohmann::ordered_json::parse(
      R"({"first": "phi", "second": "psi", "first_axis": "phi, rad", "second_axis": "psi, rad",
          "first_periodic": true, "second_periodic": true, "first_bins": {"low": -1, "high": 1, "count": 2},
          "second_bins": {"low": 0, "high": 6, "count": 3}, "sets": [{"set": "flow, reweighted",
          "free_energy": [0, null, 1.5, null, 2, null], "free_energy_error": [0.1, null, null, null, 0.2, null]}]})");
  const Plot plot = observable_map(map, map["sets"][0]);
  EXPECT_EQ(plot.name, "map-phi-psi-flow--reweighted");
  ASSERT_EQ(plot.rows.size(), 3U);
  EXPECT_EQ(plot.rows[0], (std::vector<double>{-0.5, 1, 0, 0.1}));
  EXPECT_EQ(plot.rows[1][1], 5);
  EXPECT_TRUE(std::isnan(plot.rows[1][3]));
  EXPECT_EQ(plot.rows[2], (std::vector<double>{0.5, 3, 2, 0.2}));
}

TEST(ObservableFigures, ProfilesOfUmbrellaSamplingHaveTheirOwnPlaces) {
  const auto observable = nlohmann::ordered_json::parse(
      R"({"name": "phi", "axis": "phi, rad", "periodic": true, "bins": {"low": 0, "high": 1, "count": 2},
          "sets": [{"set": "data", "free_energy": [0, null], "free_energy_error": [0.1, null]}],
          "profiles": [{"set": "umbrella", "columns": ["angle", "free_energy", "error"],
                        "rows": [[-3, 1, 0.5], [0, 0, null], [3, null, null]]}]})");
  const Plot plot = observable_profile(observable);
  ASSERT_EQ(plot.rows.size(), 3U);
  ASSERT_EQ(plot.columns.size(), 6U);
  EXPECT_EQ(plot.rows[0], (std::vector<double>{0.25, 0, 0.1, -3, 1, 0.5}));
  EXPECT_TRUE(std::isnan(plot.rows[2][0]));
  EXPECT_EQ(plot.rows[2][3], 3);
  EXPECT_NE(plot.commands.find("using 4:"), std::string::npos);
}

TEST(Gnuplot, DrawsAndKeepsDataAndScript) {
  if (!has_gnuplot()) GTEST_SKIP() << "gnuplot is not installed";
  std::string name = (std::filesystem::temp_directory_path() / "equibolt-XXXXXX").string();
  ASSERT_NE(mkdtemp(name.data()), nullptr);
  const std::filesystem::path folder = name;
  const Plot plot{"p", {"a", "b"}, {{1, 2}, {3, NAN}, {4, 5}}, "plot DATA using 1:2 with lines"};
  EXPECT_TRUE(draw(plot, folder).starts_with("<?xml"));
  for (const char* file : {"p.dat", "p.gp", "p.svg"})
    EXPECT_TRUE(std::filesystem::exists(folder / file)) << file;
  EXPECT_THROW(draw({"q", {}, {{1, 2}}, "no command"}, folder), std::runtime_error);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace equibolt
