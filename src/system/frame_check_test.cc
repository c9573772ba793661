#include "system/frame_check.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "equibolt/error.h"
#include "system/molecule_options.h"
#include "system/symmetry.h"

namespace equibolt {
namespace {

/// What the frames are refused with.
std::string refused(const Molecule& molecule, ConfigurationsView<const double> x) {
  try {
    require_frames_of(molecule, x, "frames.npz");
  } catch (const DataError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(FrameCheck, AcceptsTheMoleculeInMotion) {
  const Molecule molecule = load_molecule("alanine_dipeptide");
  EXPECT_EQ(FrameCheck(molecule).fault(molecule.positions), "");
  // A deviation of 0.05 Å from the structure is more than that of a bond at room temperature.
  Configurations<double> x = shaken(molecule, 50);
  for (std::size_t b = 0; b < x.count(); ++b) {
    for (std::size_t k = 0; k < x.coordinates(); ++k) x[b][k] = (x[b][k] + molecule.positions[k]) / 2;
  }
  EXPECT_EQ(refused(molecule, x), "(accepted)");
}

TEST(FrameCheck, KnowsOtherUnits) {
  const Molecule molecule = load_molecule("alanine_dipeptide");
  for (const auto& [scale, advice] : {std::pair{0.1, "in nm, and Å are expected; multiply them by 10"},
                                      {1 / 0.529177, "in Bohr"},
                                      {100.0, "in pm"}}) {
    Configurations<double> x = shaken(molecule, 3);
    for (double& value : x[1]) value *= scale;
    const std::string message = refused(molecule, x);
    EXPECT_NE(message.find("frames.npz: configuration 1 is not one of the molecule"), std::string::npos)
        << message;
    EXPECT_NE(message.find(advice), std::string::npos) << message;
  }
}

TEST(FrameCheck, KnowsAnotherOrderOfAtoms) {
  const Molecule molecule = load_molecule("alanine_dipeptide");
  Configurations<double> x = shaken(molecule, 2);
  for (std::size_t b = 0; b < 2; ++b) {  // backwards
    for (std::size_t i = 0; i < 11; ++i)
      std::swap_ranges(&x[b][3 * i], &x[b][3 * i] + 3, &x[b][3 * (21 - i)]);
  }
  const std::string message = refused(molecule, x);
  EXPECT_NE(message.find("configuration 0"), std::string::npos) << message;
  EXPECT_NE(message.find("bonded in alanine_dipeptide"), std::string::npos) << message;
  EXPECT_NE(message.find("order of atoms"), std::string::npos) << message;
}

}  // namespace
}  // namespace equibolt
