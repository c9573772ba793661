#include "runs/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "core/geometry.h"
#include "core/random.h"
#include "equibolt/error.h"

namespace equibolt {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::size_t particles = 5, dim = 3;

/// Samples with the density of U = ½ |x|² / width², which may be the flow's or the target's, U = ½ |x|², with
/// the density and the weights of the flow of `flow_width`, by default the same. Without failures.
WeightedSamples gaussian(std::size_t count, double width, std::uint64_t number, double flow_width = 0) {
  if (flow_width == 0) flow_width = width;
  WeightedSamples samples;
  samples.x = Configurations<double>(count, particles, dim);
  Random random(7, Stream::test, number);
  for (std::size_t b = 0; b < count; ++b) {
    mean_free_normal(random, samples.x[b], dim);
    double square = 0;
    for (double& value : samples.x[b]) {
      value *= width;
      square += value * value;
    }
    const double log_density =
        -square / 2 / (flow_width * flow_width) - 12 * std::log(flow_width);  // without the constant
    samples.energy.push_back(square / 2);
    samples.log_density.push_back(log_density - 6 * std::log(2 * M_PI));
    samples.log_weight.push_back(-square / 2 - log_density);
  }
  samples.arc_length.assign(count, 1.0);
  samples.displacement.assign(count, 1.0);
  samples.evaluations.assign(count, 10);
  samples.divergences.assign(count, 10);
  samples.status.assign(count, SampleStatus::ok);
  return samples;
}

double sum_of(const Evaluation& histogram, const char* set) {
  const auto& density = histogram.at(set).at("density");
  const double width = (histogram.at("high").get<double>() - histogram.at("low").get<double>()) /
                       static_cast<double>(density.size());
  double sum = histogram.at(set).at("outside");
  for (const auto& value : density) sum += value.get<double>() * width;
  return sum;
}

TEST(Evaluations, OfAGoodFlowHaveErrorBarsAndNoWarnings) {
  const Evaluation e = evaluate(gaussian(2000, 1.05, 1), {gaussian(500, 1, 2, 1.05), Estimate{0, 0.01}}, 1);
  EXPECT_EQ(e.at("warnings"), Evaluation::array());
  for (const char* name : {"ess", "log_z", "energy_mean_reweighted", "kl", "nll", "log_z_reference"}) {
    EXPECT_TRUE(e.at(name).is_number()) << name;
    EXPECT_TRUE(e.at(std::string(name) + "_error").is_number()) << name;
  }
  EXPECT_LE(std::abs(e.at("log_z").get<double>()), 4 * e.at("log_z_error").get<double>());
  EXPECT_GT(e.at("energy_ks_p"), 0.001);
  EXPECT_EQ(evaluation_table(e).find("no error bar"), std::string::npos);
}

TEST(Evaluations, LogZFromBothSidesNeedsDataThatWasNotTrainedOn) {
  const WeightedSamples samples = gaussian(2000, 1.1, 21), test = gaussian(500, 1, 22, 1.1);
  const Evaluation held_out = evaluate(samples, {test, {}, {HeldOut::yes, ""}}, 1);
  EXPECT_EQ(held_out.at("test_data"), "held out");
  EXPECT_LE(std::abs(held_out.at("log_z_bar").get<double>()),
            4 * held_out.at("log_z_bar_error").get<double>());
  EXPECT_LT(held_out.at("log_z_bar_error"), held_out.at("log_z_error"));
  EXPECT_EQ(held_out.at("warnings"), Evaluation::array());
  const Evaluation unknown = evaluate(samples, {test}, 1);
  EXPECT_EQ(unknown.at("test_data"), "unknown");
  EXPECT_EQ(unknown.at("log_z_bar"), held_out.at("log_z_bar"));

  const Evaluation trained =
      evaluate(samples, {test, {}, {HeldOut::no, "500 of 500 are the training data"}}, 1);
  EXPECT_EQ(trained.at("test_data"), "trained on");
  EXPECT_TRUE(trained.at("log_z_bar").is_null());
  ASSERT_EQ(trained.at("warnings").size(), 1U);
  EXPECT_NE(trained.at("warnings")[0].get<std::string>().find("500 of 500"), std::string::npos);
  EXPECT_NE(evaluation_table(trained).find("no log_z_bar"), std::string::npos);
}

TEST(Evaluations, LogZFromBothSidesIsRefusedWithoutOverlapAndDoubtedWhereTheSidesDisagree) {
  const Evaluation apart = evaluate(gaussian(500, 6, 23), {gaussian(500, 1, 24, 6)}, 1);
  EXPECT_TRUE(apart.at("log_z_bar").is_null());
  EXPECT_LT(apart.at("log_z_bar_effective"), 20);
  EXPECT_NE(apart.at("warnings").dump().find("hardly overlap"), std::string::npos) << apart.at("warnings");
  EXPECT_FALSE(apart.at("weights_trusted"));

  WeightedSamples missed = gaussian(1000, 1, 25, 1.1);  // half of it where the flow has no density
  for (std::size_t b = 0; b < 1000; b += 2) missed.log_weight[b] = 50;
  const Evaluation e = evaluate(gaussian(4000, 1.1, 26), {missed}, 1);
  EXPECT_NEAR(e.at("log_z_bar").get<double>(), std::log(2), 0.2);
  EXPECT_NE(e.at("warnings").dump().find("misses a part"), std::string::npos) << e.at("warnings");
  EXPECT_FALSE(e.at("weights_trusted"));
  EXPECT_NE(evaluation_table(e).find("the weights cannot be trusted, because samples of the target see"),
            std::string::npos);
}

TEST(Evaluations, OneSampleWithAllTheWeightHasNoErrorBarAndAWarningFirst) {
  WeightedSamples samples = gaussian(300, 1.05, 3);
  samples.log_weight[5] = 500;
  const Evaluation e = evaluate(samples, {gaussian(100, 1, 4, 1.05), Estimate{0, 0.01}}, 1);
  for (const char* name :
       {"ess_error", "log_z_error", "energy_mean_reweighted_error", "energy_ks_p", "distance_ks_p"}) {
    EXPECT_TRUE(e.at(name).is_null()) << name << " " << e.at(name);
  }
  for (const char* name : {"ess", "log_z", "energy_mean_reweighted", "kl_error"}) {
    EXPECT_TRUE(e.at(name).is_number()) << name;
  }
  for (const auto& at : e.at("ess_against_n")) EXPECT_TRUE(at.at("ess_error").is_null());
  for (const auto& error : e.at("energy_histogram").at("reweighted").at("error"))
    EXPECT_TRUE(error.is_null());
  ASSERT_EQ(e.at("warnings").size(), 1U);
  const std::string table = evaluation_table(e);
  EXPECT_EQ(table.find("warning: no error bar"), 0U) << table;
  EXPECT_NE(table.find("(no error bar)"), std::string::npos);
}

TEST(Evaluations, AReferenceWithoutAnErrorBarGivesTheKlNone) {
  const Evaluation e =
      evaluate(gaussian(2000, 1.05, 5), {gaussian(500, 1, 6, 1.05), Estimate{0, infinity}}, 1);
  EXPECT_TRUE(e.at("log_z_reference").is_number());
  EXPECT_TRUE(e.at("log_z_reference_error").is_null());
  EXPECT_TRUE(e.at("kl").is_number());
  EXPECT_TRUE(e.at("kl_error").is_null());
  EXPECT_TRUE(e.at("nll_error").is_number());
  ASSERT_EQ(e.at("warnings").size(), 1U);
  EXPECT_NE(e.at("warnings")[0].get<std::string>().find("log_z_reference"), std::string::npos);
}

TEST(Evaluations, FailedSamplesAreSaidAndLeaveTheHistogramsWhole) {
  WeightedSamples samples = gaussian(1000, 1.05, 7);
  for (std::size_t b = 0; b < 100; ++b) {
    samples.status[b] = b % 2 == 0 ? SampleStatus::energy_not_finite : SampleStatus::path_not_finite;
    samples.log_weight[b] = -infinity;
    samples.energy[b] = b % 2 == 0 ? infinity : std::nan("");
    if (b % 2 == 1) samples.x[b][0] = std::nan("");
  }
  const Evaluation e = evaluate(samples, {gaussian(500, 1, 8, 1.05), {}}, 1);
  ASSERT_EQ(e.at("warnings").size(), 1U);
  EXPECT_NE(e.at("warnings")[0].get<std::string>().find("100 of 1000 samples failed"), std::string::npos);
  for (const char* name : {"energy_histogram", "distance_histogram"}) {
    for (const char* set : {"samples", "reweighted", "test"}) {
      EXPECT_NEAR(sum_of(e.at(name), set), 1, 1e-9) << name << " " << set;
    }
  }
  for (auto& status : samples.status) status = SampleStatus::energy_failed;
  for (double& w : samples.log_weight) w = -infinity;
  EXPECT_THROW(evaluate(samples, {}, 1), NumericalError);
}

TEST(Evaluations, EnergyHistogramsShowTheFlowsTail) {
  // The flow is 1.5 times as wide: its mean energy, 13.5, is more than the greatest of 30 test energies.
  const Evaluation e = evaluate(gaussian(2000, 1.5, 9), {gaussian(30, 1, 10), {}}, 1);
  const Evaluation& h = e.at("energy_histogram");
  EXPECT_GT(h.at("high"), 20);
  EXPECT_LT(h.at("samples").at("outside").get<double>(), 0.03);
  EXPECT_NEAR(sum_of(h, "samples"), 1, 1e-9);
  EXPECT_NEAR(sum_of(h, "test"), 1, 1e-9);
  // A single energy of 1e12 does not make the rest one bin.
  WeightedSamples collision = gaussian(2000, 1.5, 9);
  collision.energy[3] = 1e12;
  collision.log_weight[3] = -1e12;
  const Evaluation with_collision = evaluate(collision, {gaussian(30, 1, 10), {}}, 1);
  EXPECT_NEAR(with_collision.at("energy_histogram").at("high"), h.at("high"), 2);
}

TEST(Evaluations, DistanceErrorsAreThoseOfConfigurations) {
  // Against other draws: the mean square of (difference of densities) / (both errors) over the bins with many
  // distances. By pairs it would be several times as much, since those of a configuration have its size in
  // common.
  double squares = 0, bins = 0;
  for (std::uint64_t r = 0; r < 20; ++r) {
    const Evaluation e = evaluate(gaussian(300, 1, 100 + 2 * r), {gaussian(300, 1, 101 + 2 * r), {}}, 1);
    const Evaluation& h = e.at("distance_histogram");
    for (std::size_t k = 0; k < h.at("test").at("density").size(); ++k) {
      const auto value = [&](const char* set, const char* what) {
        return h.at(set).at(what)[k].get<double>();
      };
      if (!(value("test", "density") > 0.1)) continue;
      const double error = std::hypot(value("test", "error"), value("samples", "error"));
      squares += std::pow((value("test", "density") - value("samples", "density")) / error, 2);
      bins += 1;
    }
  }
  ASSERT_GT(bins, 200);
  EXPECT_NEAR(squares / bins, 1, 0.25);
}

TEST(Evaluations, TheTableHasTheDigitsThatTheErrorNeeds) {
  Evaluation e{{"log_z", 11937.12345}, {"log_z_error", 0.047}, {"ess", 0.5},
               {"ess_error", 0.1},     {"kl", nullptr},        {"kl_error", nullptr}};
  const std::string table = evaluation_table(e);
  EXPECT_NE(table.find("11937.123 ± 0.047"), std::string::npos) << table;
  EXPECT_NE(table.find(" 0.5 ± 0.1"), std::string::npos) << table;
  EXPECT_NE(table.find("-\n"), std::string::npos) << table;
}

}  // namespace
}  // namespace equibolt
