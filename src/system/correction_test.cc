#include "system/correction.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "core/random.h"
#include "equibolt/error.h"
#include "system/correction_fit.h"
#include "system/harmonic.h"

namespace equibolt {
namespace {

/// Two carbons with three hydrogens each.
Molecule ethane() {
  Molecule molecule;
  const double z[8] = {0, 1.53, -0.36, -0.36, -0.36, 1.89, 1.89, 1.89};
  for (std::size_t i = 0; i < 8; ++i) {
    Atom& atom = molecule.atoms.emplace_back();
    atom.element = i < 2 ? 6 : 1;
    atom.name = std::string(i < 2 ? "C" : "H");
    atom.residue = std::string("ETH");
    const double angle = (i < 5 ? 0.0 : 1.0) + 2.0944 * static_cast<double>(i), radius = i < 2 ? 0.0 : 1.03;
    for (const double value : {radius * std::cos(angle), radius * std::sin(angle), z[i]}) {
      molecule.positions.push_back(value);
    }
  }
  return molecule;
}

/// Configurations about it.
Configurations<double> shaken(const Molecule& molecule, std::size_t count, double deviation,
                              std::uint64_t seed = 1) {
  Configurations<double> x(count, molecule.size(), 3);
  for (std::size_t b = 0; b < count; ++b) {
    Random random(seed, Stream::test, b);
    for (std::size_t k = 0; k < x.coordinates(); ++k)
      x[b][k] = molecule.positions[k] + deviation * random.normal();
  }
  return x;
}

Correction random_correction(const Molecule& molecule) {
  Correction correction(molecule, shaken(molecule, 50, 0.05).view());
  Random random(2, Stream::test);
  for (double& weight : correction.weights()) weight = random.normal();
  correction.set_offset(3);
  return correction;
}

TEST(Correction, GradientIsTheEnergysDerivative) {
  const Molecule molecule = ethane();
  const Correction correction = random_correction(molecule);
  EXPECT_GT(correction.size(), 28U * 7);  // splines and more
  const Configurations<double> x = shaken(molecule, 5, 0.05, 3);
  for (std::size_t b = 0; b < x.count(); ++b) {
    std::vector<double> gradient(24, 0.0), at(x[b].begin(), x[b].end());
    (void)correction.evaluate(at, gradient);
    for (std::size_t k = 0; k < 24; ++k) {
      constexpr double h = 1e-5;
      const double here = at[k];
      at[k] = here + h;
      const double up = correction.evaluate(at, {});
      at[k] = here - h;
      const double down = correction.evaluate(at, {});
      at[k] = here;
      EXPECT_NEAR(gradient[k], (up - down) / (2 * h), 1e-5 * (1 + std::abs(gradient[k])));
    }
  }
}

TEST(Correction, IsTheSameTurnedAndMoved) {
  const Molecule molecule = ethane();
  const Correction correction = random_correction(molecule);
  const double before = correction.evaluate(molecule.positions, {});
  std::vector<double> x = molecule.positions;
  for (std::size_t i = 0; i < 8; ++i) {
    const double a = x[3 * i], b = x[3 * i + 1];
    x[3 * i] = 0.6 * a - 0.8 * b + 7;
    x[3 * i + 1] = 0.8 * a + 0.6 * b;
  }
  EXPECT_NEAR(correction.evaluate(x, {}), before, 1e-10);
}

TEST(Correction, IsBoundedFarFromWhatWasSeen) {
  const Molecule molecule = ethane();
  const Correction correction = random_correction(molecule);
  double sum = std::abs(correction.offset());
  for (const double weight : correction.weights()) sum += std::abs(weight);
  for (const double deviation : {0.3, 2.0, 100.0}) {
    const Configurations<double> x = shaken(molecule, 20, deviation, 5);
    for (std::size_t b = 0; b < x.count(); ++b) EXPECT_LT(std::abs(correction.evaluate(x[b], {})), sum);
  }
}

TEST(Correction, FilesKeepIt) {
  const Molecule molecule = ethane();
  const Correction correction = random_correction(molecule);
  Npz npz = correction.to_npz();
  EXPECT_EQ(Correction::from(npz).evaluate(molecule.positions, {}),
            correction.evaluate(molecule.positions, {}));
  npz.arrays["weights"] = Array::of(std::vector<double>(3));
  EXPECT_THROW((void)Correction::from(npz), DataError);
  npz = correction.to_npz();
  npz.arrays["offset"] = Array::of(std::vector<double>{std::nan("")});
  EXPECT_THROW((void)Correction::from(npz), DataError);
}

/// Whether a file with this array instead is refused.
testing::AssertionResult refused(const Npz& npz, const char* name, Array array) {
  Npz changed = npz;
  changed.arrays[name] = std::move(array);
  try {
    (void)Correction::from(changed);
  } catch (const DataError& error) {
    return testing::AssertionSuccess() << error.what();
  }
  return testing::AssertionFailure() << name << ": accepted";
}

TEST(Correction, FilesAreNotTrustedWithMemory) {
  const Npz npz = random_correction(ethane()).to_npz();
  // 5·10⁹ pairs would be made of this one number.
  EXPECT_TRUE(refused(npz, "particles", Array::scalar(std::int64_t{100000})));
  // Stiff distances again and again would have products without number.
  const std::vector<double> stiff = npz["stiff"].as_double();
  std::vector<double> often;
  for (int k = 0; k < 3; ++k) often.insert(often.end(), stiff.begin(), stiff.begin() + 3);
  EXPECT_TRUE(refused(npz, "stiff", Array::of(std::span<const double>(often), {3, 3})));
  // All distances are stiff: no number is wrong, but together they have more products than weights.
  std::vector<double> all;
  for (int p = 0; p < 28; ++p) all.insert(all.end(), {static_cast<double>(p), 1.0, 0.1});
  EXPECT_TRUE(refused(npz, "stiff", Array::of(std::span<const double>(all), {28, 3})));
  const std::vector<std::int64_t> twice{0, 1, 1, 2};
  EXPECT_TRUE(refused(npz, "dihedrals", Array::of(std::span<const std::int64_t>(twice), {1, 4})));
}

TEST(Correction, HasItsFunctionsInTheOrderOfItsWeights) {
  const Molecule molecule = ethane();
  const Correction correction = random_correction(molecule);
  const auto terms = correction.terms(correction.coordinates().values(molecule.positions));
  EXPECT_TRUE(std::is_sorted(terms.begin(), terms.end(),
                             [](const Term& a, const Term& b) { return a.index < b.index; }));
  EXPECT_LT(terms.back().index, correction.size());
  // 28 distances, of which 7 are bonds and 12 between next neighbours; one dihedral.
  const std::size_t splines = 28 * 4, single = 12;
  EXPECT_GT(terms.size(), splines + single);
  double sum = correction.offset();
  for (const Term& term : terms) sum += correction.weights()[term.index] * term.value;
  EXPECT_DOUBLE_EQ(sum, correction.evaluate(molecule.positions, {}));
}

TEST(CorrectionFit, FindsADifferenceThatItsTermsHold) {
  const Molecule molecule = ethane();
  const Correction truth = random_correction(molecule);
  const Configurations<double> x = shaken(molecule, 400, 0.05);
  CorrectionFit fit(truth);
  for (std::size_t b = 0; b < x.count(); ++b) {
    std::vector<double> gradient(24, 0.0);
    const double value = truth.evaluate(x[b], gradient);
    fit.add(x[b], value, gradient, 1);
  }
  const Correction found = fit.solve(1e-6);
  const Configurations<double> others = shaken(molecule, 50, 0.04, 7);
  double mean = 0, square = 0, spread = 0, all = 0;
  for (std::size_t b = 0; b < others.count(); ++b) {
    const double value = truth.evaluate(others[b], {}), error = found.evaluate(others[b], {}) - value;
    mean += value / 50;
    all += value * value / 50;
    square += error * error / 50;
  }
  spread = all - mean * mean;
  EXPECT_LT(square, 1e-4 * spread);
}

TEST(CorrectionFit, WantsConfigurations) {
  const Molecule molecule = ethane();
  EXPECT_THROW(Correction(molecule, shaken(molecule, 1, 0.1).view()), UsageError);
  EXPECT_THROW((void)CorrectionFit(random_correction(molecule)).solve(1), NumericalError);
}

TEST(Corrected, AddsTheCorrectionAndRefusesOtherMolecules) {
  const Molecule molecule = ethane();
  const auto correction = std::make_shared<const Correction>(random_correction(molecule));
  EXPECT_THROW(Corrected(std::make_unique<Harmonic>(7, 3, HarmonicParameters{}), correction), DataError);
  Corrected energy(std::make_unique<Harmonic>(8, 3, HarmonicParameters{}), correction);
  const Configurations<double> x = shaken(molecule, 3, 0.05);
  Configurations<double> gradient(3, 8, 3), plain(3, 8, 3);
  std::vector<double> values(3), below(3);
  std::vector<EnergyStatus> status(3);
  energy.clone()->evaluate(x.view(), values, gradient.view(), status);
  Harmonic(8, 3, HarmonicParameters{}).evaluate(x.view(), below, plain.view(), status);
  for (std::size_t b = 0; b < 3; ++b) {
    std::vector<double> expected(plain[b].begin(), plain[b].end());
    EXPECT_DOUBLE_EQ(values[b], below[b] + correction->evaluate(x[b], expected));
    for (std::size_t k = 0; k < 24; ++k) EXPECT_NEAR(gradient[b][k], expected[k], 1e-12);
  }
}

}  // namespace
}  // namespace equibolt
