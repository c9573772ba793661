#include "observables/observable.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "config/config.h"
#include "equibolt/error.h"
#include "observables/state.h"

namespace equibolt {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string refused(const std::function<void()>& action) {
  try {
    action();
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(accepted)";
}

ObservedSystem dipeptide(const std::vector<std::string>& overrides = {}) {
  return observed_system(load_config("alanine_dipeptide-classical", overrides).system);
}

double value_at_structure(const ObservedSystem& system, const std::string& text) {
  const Observable observable = parse_observable(system, text, "test");
  std::vector<double> value(observable.per_sample);
  observable.evaluate({system.molecule->positions.data(), 1, system.particles, system.dim}, value);
  return value[0];
}

TEST(Observable, HasNamesFromTheConfig) {
  const ObservedSystem system = dipeptide({"system.observables=r: distance 1:C 2:N, gyration"});
  std::vector<std::string> names;
  for (const Observable& observable : system.named) names.push_back(observable.name);
  EXPECT_EQ(names, (std::vector<std::string>{"phi", "psi", "r", "gyration"}));
  EXPECT_TRUE(system.named[0].periodic);
  EXPECT_EQ(system.named[0].axis(), "phi, rad");
  EXPECT_EQ(system.named[2].axis(), "r, Å");
  const double phi = value_at_structure(system, "phi");
  EXPECT_DOUBLE_EQ(value_at_structure(system, "mine: dihedral 1:C 2:N 2:CA 2:C"), phi);
  // What it says of itself defines it.
  EXPECT_DOUBLE_EQ(value_at_structure(system, system.named[0].definition), phi);
  EXPECT_NEAR(value_at_structure(system, "r"), 1.335, 0.05);
}

TEST(Observable, OfParticlesWithoutNames) {
  const ObservedSystem system = observed_system(load_config("lj13").system);
  const Observable distances = parse_observable(system, "distances", "test");
  EXPECT_EQ(distances.per_sample, 78U);
  EXPECT_EQ(distances.axis(), "distances");
  EXPECT_EQ(parse_observable(system, "distance 0 3", "test").name, "distance-0-3");
  EXPECT_TRUE(parse_observable(system, "energy", "test").is_energy());
  const ObservedSystem plane = unnamed_system(4, 2);
  Configurations<double> square(1, 4, 2);
  const std::vector<double> corners{1, 1, -1, 1, -1, -1, 1, -1};
  std::copy(corners.begin(), corners.end(), square.data());
  const auto value = [&](const std::string& text) {
    std::vector<double> values(6);
    const Observable observable = parse_observable(plane, text, "test");
    observable.evaluate(square.view(), std::span(values).first(observable.per_sample));
    return values[0];
  };
  EXPECT_DOUBLE_EQ(value("gyration"), std::sqrt(2.0));
  EXPECT_DOUBLE_EQ(value("angle 0 1 2"), std::numbers::pi / 2);
  EXPECT_DOUBLE_EQ(value("distances"), 2);
  EXPECT_DOUBLE_EQ(value("coordination 0 with 1 2 2"), 1 / (1 + 1.0) + 1 / (1 + 8.0));
  EXPECT_DOUBLE_EQ(value("coordination 2"), 0.5 + 0.5 + 1 / (1 + 8.0));
}

TEST(Observable, RefusesWhatItDoesNotUnderstand) {
  const ObservedSystem system = dipeptide(), plane = unnamed_system(4, 2);
  const auto message = [&](const ObservedSystem& s, const std::string& text) {
    return refused([&] { (void)parse_observables(s, text, "--observable"); });
  };
  EXPECT_THAT(message(system, "chi"), HasSubstr("only phi, psi"));
  EXPECT_THAT(message(plane, "dihedral 0 1 2 3"), HasSubstr("3 dimensions"));
  EXPECT_THAT(message(plane, "distance 0 4"), HasSubstr("0 to 3, found '4'"));
  EXPECT_THAT(message(plane, "distance 1 1"), HasSubstr("named twice"));
  EXPECT_THAT(message(plane, "angle 1 2"), HasSubstr("expected 3 particles"));
  EXPECT_THAT(message(plane, "coordination 0 1 with"), HasSubstr("R0"));
  EXPECT_THAT(message(plane, "gyration 3"), HasSubstr("nothing behind it"));
  EXPECT_THAT(message(plane, "a: gyration, a: distances"), HasSubstr("two observables of the name 'a'"));
  for (const char* wrong : {"", " ", ": gyration", "a b: gyration", "rmsd", "rmsd nowhere.pdb"})
    EXPECT_THAT(message(plane, std::string(wrong) + ","), StartsWith("--observable: ")) << wrong;
}

TEST(Observable, RmsdIsFromTheStructure) {
  const ObservedSystem system = dipeptide();
  EXPECT_LT(value_at_structure(system, "rmsd alanine_dipeptide"), 1e-6);
  Configurations<double> x(1, 22, 3);
  for (std::size_t k = 0; k < x.size(); ++k) x.data()[k] = -system.molecule->positions[k];
  std::vector<double> value(1);
  parse_observable(system, "rmsd alanine_dipeptide", "test").evaluate(x.view(), value);
  EXPECT_GT(value[0], 0.1);  // a molecule's mirror image is another one
}

TEST(Observable, SkipsConfigurationsThatAreNotLookedAt) {
  const ObservedSystem line = unnamed_system(2, 1);
  Configurations<double> x(600, 2, 1);
  std::vector<bool> look(600, true);
  for (std::size_t b = 0; b < 600; ++b) x[b][1] = static_cast<double>(b);
  look[0] = look[255] = look[256] = look[599] = false;
  ThreadPool pool(2);
  const ObservedValues values =
      values_of(parse_observable(line, "distance 0 1", "test"), x.view(), look, pool);
  for (std::size_t b = 0; b < 600; ++b) {
    if (look[b]) {
      EXPECT_EQ(values.values[b], static_cast<double>(b));
    } else {
      EXPECT_TRUE(std::isnan(values.values[b]));
    }
  }
}

TEST(State, IsAnIntervalOrABox) {
  const ObservedSystem system = dipeptide({"system.observables=gyration"});
  const State box = parse_state(system.named, "phi 0 2, psi 2 -2, gyration 2.5 inf", "--state");
  ASSERT_EQ(box.ranges.size(), 3U);
  EXPECT_TRUE(box.ranges[1].contains(std::numbers::pi));
  EXPECT_TRUE(box.ranges[1].contains(-3));
  EXPECT_FALSE(box.ranges[1].contains(0));
  EXPECT_TRUE(box.ranges[2].contains(100));
  EXPECT_FALSE(box.ranges[2].contains(2.5));
  EXPECT_FALSE(box.ranges[0].contains(std::nan("")));
  const auto message = [&](const char* text) {
    return refused([&] { (void)parse_state(system.named, text, "--state"); });
  };
  EXPECT_THAT(message("phi 0 120"), AllOf(StartsWith("--state: "), HasSubstr("radians")));
  EXPECT_THAT(message("gyration 3 2"), HasSubstr("low < high"));
  EXPECT_THAT(message("chi 0 2"), HasSubstr("there are phi, psi, gyration"));
  for (const char* wrong : {"", "phi", "phi 0", "phi 0 2 3", "phi 0 x", "phi 0 2,,"})
    EXPECT_THAT(message(wrong), StartsWith("--state: ")) << wrong;
}

}  // namespace
}  // namespace equibolt
