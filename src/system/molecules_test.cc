#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <numbers>
#include <thread>

#include "core/random.h"
#include "equibolt/error.h"
#include "io/atomic_file.h"
#include "io/configurations_file.h"
#include "io/npz.h"
#include "system/evaluated.h"
#include "system/make_energy.h"
#include "system/restrained.h"
#include "system/symmetry.h"
#include "system/units.h"

namespace equibolt {
namespace {

const Npz& golden() {
  static const Npz npz = read_npz(EQUIBOLT_SOURCE_DIR "/tests/golden/molecules/alanine_dipeptide.npz");
  return npz;
}

Configurations<double> frames() {
  return configurations_of(golden()["x"], 22, 3);
}

/// An energy with the unit that the program behind it has, and its golden values.
struct Case {
  std::string name;
  bool present;
  SystemSpec spec;
  double energy_unit;  ///< in kT
  double length_unit;  ///< in Å
  double tolerance;    ///< in energy_unit, of energies and of gradients
  std::size_t count;   ///< of golden configurations that are tried
};

XtbParameters xtb_parameters(XtbMethod method, const char* solvent) {
  XtbParameters p;
  p.method = method;
  p.solvent = solvent;
  if (method == XtbMethod::gfnff) p.molecule.types = "distinct";
  return p;
}

std::vector<Case> cases() {
  const double hartree = units::hartree_in_kt(300);
  const bool xtb = has_xtb();
  std::vector<Case> all;
  all.push_back({"openmm",
                 !openmm_version().empty(),
                 {22, 3, OpenMmParameters{}},
                 units::kilojoule_per_mole_in_kt(300),
                 units::nanometer_angstrom,
                 1e-6,
                 6});
  // The command line prints twelve digits.
  const auto add = [&](const char* name, XtbMethod method, const char* solvent, std::size_t count) {
    all.push_back(
        {name, xtb, {22, 3, xtb_parameters(method, solvent)}, hartree, units::bohr_angstrom, 1e-8, count});
  };
  add("gfn2_water", XtbMethod::gfn2, "water", 3);
  add("gfn2", XtbMethod::gfn2, "", 2);
  add("gfn1_water", XtbMethod::gfn1, "water", 1);
  add("gfnff", XtbMethod::gfnff, "", 2);
  return all;
}

class EachMolecularEnergy : public testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (!GetParam().present) GTEST_SKIP() << "built without it";
  }
};

INSTANTIATE_TEST_SUITE_P(Kinds, EachMolecularEnergy, testing::ValuesIn(cases()),
                         [](const auto& tested) { return tested.param.name; });

TEST_P(EachMolecularEnergy, AgreesWithItsOwnProgram) {
  const Case& c = GetParam();
  const auto energy = make_energy(c.spec);
  const auto x = frames();
  const auto result = evaluated(*energy, x.view().slice(0, c.count));
  const auto energies = golden()[c.name + "_energy"].as_double();
  const auto gradients = golden()[c.name + "_gradient"].as_double();
  for (std::size_t b = 0; b < c.count; ++b) {
    ASSERT_EQ(result.status[b], EnergyStatus::ok);
    EXPECT_NEAR(result.energy[b] / c.energy_unit, energies[b], c.tolerance);
    for (std::size_t k = 0; k < x.coordinates(); ++k) {
      const double gradient = result.gradient[b][k] * c.length_unit / c.energy_unit;
      const double expected = gradients[b * x.coordinates() + k];
      EXPECT_NEAR(gradient, expected, c.tolerance * (1 + std::abs(expected)));
    }
  }
}

TEST_P(EachMolecularEnergy, GradientIsTheDerivative) {
  const auto energy = make_energy(GetParam().spec);
  const auto x = frames();
  constexpr double h = 2e-3;
  Random random(5, Stream::test);
  std::vector<double> direction(x.coordinates());
  random.fill_normal(std::span(direction));
  // Central differences, extrapolated to h → 0.
  Configurations<double> moved(5, 22, 3);
  for (std::size_t k = 0; k < x.coordinates(); ++k) {
    for (const int step : {-2, -1, 0, 1, 2}) {
      moved[static_cast<std::size_t>(step + 2)][k] = x[0][k] + step * h * direction[k];
    }
  }
  // A gradient from a fresh density: one that follows another's is of first order in what is left of it.
  const auto gradient = evaluated(*energy, x.view().slice(0, 1)).gradient;
  const auto result = evaluated(*energy, moved);
  double slope = 0, gradient_square = 0, direction_square = 0;
  for (std::size_t k = 0; k < x.coordinates(); ++k) {
    slope += gradient[0][k] * direction[k];
    gradient_square += gradient[0][k] * gradient[0][k];
    direction_square += direction[k] * direction[k];
  }
  const auto& e = result.energy;
  const double difference = (8 * (e[3] - e[1]) - (e[4] - e[0])) / (12 * h);
  EXPECT_NEAR(slope, difference, 5e-6 * std::sqrt(gradient_square * direction_square));
}

TEST_P(EachMolecularEnergy, ClonesGiveTheSameBitsInThreads) {
  const auto energy = make_energy(GetParam().spec);
  const auto x = frames();
  const auto alone = evaluated(*energy, x.view().slice(0, 2));
  std::vector<Evaluated> both(2);
  std::vector<std::thread> threads;
  for (auto& one : both) {
    threads.emplace_back([&] { one = evaluated(*energy->clone(), x.view().slice(0, 2)); });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& one : both) {
    EXPECT_EQ(one.energy, alone.energy);
    EXPECT_TRUE(
        std::equal(one.gradient.values().begin(), one.gradient.values().end(), alone.gradient.data()));
  }
}

TEST_P(EachMolecularEnergy, BadConfigurationsHaveAStatusAndPoisonNothing) {
  const auto energy = make_energy(GetParam().spec);
  const auto good = frames();
  const auto alone = evaluated(*energy, good.view().slice(1, 1));
  Configurations<double> x(4, 22, 3);
  for (std::size_t b = 0; b < 4; ++b) std::copy(good[1].begin(), good[1].end(), x[b].begin());
  for (std::size_t k = 0; k < 3; ++k) x[0][15 + k] = x[0][12 + k];  // coincident atoms
  x[1][7] = std::numeric_limits<double>::quiet_NaN();
  x[2][7] = std::numeric_limits<double>::infinity();
  const auto result = evaluated(*energy, x);
  for (std::size_t b = 0; b < 3; ++b) {
    EXPECT_NE(result.status[b], EnergyStatus::ok) << b;
    EXPECT_EQ(result.energy[b], std::numeric_limits<double>::infinity());
    for (const double g : result.gradient[b]) EXPECT_EQ(g, 0);
  }
  EXPECT_EQ(result.status[3], EnergyStatus::ok);
  EXPECT_EQ(result.energy[3], alone.energy[0]);
}

TEST(Molecules, TypesFollowTheSchemes) {
  const Molecule molecule = load_molecule("alanine_dipeptide");
  EXPECT_EQ(particle_types_of(molecule, "elements"),
            (ParticleTypes{0, 1, 0, 0, 1, 3, 2, 0, 1, 0, 1, 0, 0, 0, 1, 3, 2, 0, 1, 0, 0, 0}));
  EXPECT_EQ(particle_types_of(molecule, "backbone"),
            (ParticleTypes{0, 1, 0, 0, 4, 3, 5, 0, 6, 0, 1, 0, 0, 0, 7, 3, 8, 0, 1, 0, 0, 0}));
  const auto groups = groups_of(particle_types_of(molecule, "symmetry"));
  std::vector<std::vector<std::size_t>> large;
  for (const auto& group : groups) {
    if (group.size() > 1) large.push_back(group);
  }
  EXPECT_EQ(large, (std::vector<std::vector<std::size_t>>{{0, 2, 3}, {11, 12, 13}, {19, 20, 21}}));
  EXPECT_EQ(groups.size(), 16U);
  EXPECT_EQ(groups_of(particle_types_of(molecule, "distinct")).size(), 22U);
  EXPECT_THROW(particle_types_of(molecule, "0 1 2"), UsageError);
  EXPECT_THROW(particle_types_of(molecule, "0 1 x"), UsageError);
  EXPECT_THROW(particle_types_of(molecule, "nonsense"), UsageError);
}

TEST(Molecules, AClassicalEnergyDoesNotKnowPermutationsOfElements) {
  if (openmm_version().empty()) GTEST_SKIP() << "built without OpenMM";
  const auto x = frames();
  OpenMmParameters p;
  EXPECT_TRUE(check_symmetry(*make_energy({22, 3, p}), x.view(), 1).empty());
  for (const char* types : {"elements", "backbone"}) {
    p.molecule.types = types;
    try {
      (void)check_symmetry(*make_energy({22, 3, p}), x.view(), 1);
      FAIL() << types;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("a permutation of particles of the same type"),
                std::string::npos);
    }
  }
}

TEST(Molecules, TheSemiEmpiricalEnergyDoes) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  const auto x = frames();
  for (const char* types : {"elements", "backbone"}) {
    XtbParameters p;
    p.molecule.types = types;
    EXPECT_TRUE(check_symmetry(*make_energy({22, 3, p}), x.view().slice(0, 1), 1).empty());
  }
}

TEST(Molecules, OpenMmRefusesWhatHasNoDensity) {
  if (openmm_version().empty()) GTEST_SKIP() << "built without OpenMM";
  OpenMmParameters p;
  EXPECT_THROW(make_energy({21, 3, p}), UsageError);
  EXPECT_THROW(make_energy({22, 2, p}), UsageError);
  const std::string xml = load_system_xml("alanine_dipeptide");
  const std::string path = testing::TempDir() + "system.xml";
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = xml;
    changed.replace(changed.find(from), from.size(), to);
    write_file(path, std::string_view(changed));
    OpenMmParameters q;
    q.system = path;
    return SystemSpec{22, 3, q};
  };
  EXPECT_THROW(make_energy(with("<Constraints/>",
                                "<Constraints><Constraint d=\".1\" p1=\"0\" p2=\"1\"/></Constraints>")),
               UsageError);
  EXPECT_THROW(make_energy(with("<Particle mass=\"1.007947\"/>", "<Particle mass=\"12\"/>")), UsageError);
  EXPECT_THROW(make_energy(with("<Particle mass=\"1.007947\"/>", "")), UsageError);
  EXPECT_THROW(make_energy(with("type=\"System\"", "type=\"Sistem\"")), DataError);
}

TEST(Xtb, RefusesWhatDoesNotFit) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  XtbParameters odd;
  odd.charge = 1;
  EXPECT_THROW(make_energy({22, 3, odd}), UsageError);
  odd.unpaired = 1;
  EXPECT_NO_THROW(make_energy({22, 3, odd}));
}

/// What the parameters are refused with.
std::string refused(const XtbParameters& parameters) {
  try {
    (void)make_energy({22, 3, parameters});
  } catch (const UsageError& error) {
    return error.what();
  }
  return "(accepted)";
}

TEST(Xtb, SaysWhichSolventsThereAre) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  XtbParameters wine;
  wine.solvent = "wine";
  const std::string gfn2 = refused(wine);
  EXPECT_NE(gfn2.find("'wine' with GFN2-xTB; expected one of acetone, "), std::string::npos) << gfn2;
  for (const char* known : {" water", " dmf,", " hexane,", "or \"\" for vacuum"}) {
    EXPECT_NE(gfn2.find(known), std::string::npos) << known << ": " << gfn2;
  }
  wine.method = XtbMethod::gfn1;  // has fewer
  const std::string gfn1 = refused(wine);
  EXPECT_NE(gfn1.find("GFN1-xTB"), std::string::npos) << gfn1;
  EXPECT_EQ(gfn1.find("dmf"), std::string::npos) << gfn1;
  for (const char* name : {"thf", "CH2Cl2", ""}) {
    wine.solvent = name;
    EXPECT_EQ(refused(wine), "(accepted)") << name;
  }
}

TEST(Xtb, SaysWhichElementsItHasRead) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  XtbParameters odd;
  odd.charge = 1;
  const std::string message = refused(odd);
  EXPECT_NE(message.find("C6H12N2O2 with charge 1 has 77 electrons, of which 0 cannot be unpaired"),
            std::string::npos)
      << message;
}

TEST(Xtb, WritesNothingToStandardOutput) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  testing::internal::CaptureStdout();
  std::fputs("before\n", stdout);  // in a buffer still
  for (const XtbMethod method : {XtbMethod::gfnff, XtbMethod::gfn2}) {
    const auto energy = make_energy({22, 3, xtb_parameters(method, "water")});
    (void)evaluated(*energy->clone(), frames().view().slice(0, 1));
  }
  std::fputs("after\n", stdout);
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "before\nafter\n");
}

/// Answers `unshare` as Docker's default profile does.
void forbid_unshare() {
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{std::size(filter), filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
      prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
    std::_Exit(77);
}

TEST(Xtb, WorksWhereNoThreadMayHaveItsOwnDirectory) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto in_container = [] {
    forbid_unshare();
    if (unshare(CLONE_FS) == 0) std::_Exit(78);
    const auto before = std::filesystem::current_path();
    const auto energy = make_energy({22, 3, xtb_parameters(XtbMethod::gfnff, "")});
    const double value = evaluated(*energy->clone(), frames().view().slice(0, 1)).energy[0];
    const double expected = golden()["gfnff_energy"].as_double()[0] * units::hartree_in_kt(300);
    const bool left_nothing = !std::filesystem::exists(before / "gfnff_topo");
    std::_Exit(std::abs(value - expected) < 1e-4 && std::filesystem::current_path() == before && left_nothing
                   ? 0
                   : 1);
  };
  EXPECT_EXIT(in_container(), testing::ExitedWithCode(0), "");
}

TEST(Xtb, TriesAgainAtTenTimesTheElectronicTemperature) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  // A broken peptide bond, of twice its length: near degenerate, so that 15 iterations do not suffice at 300
  // K.
  const auto good = frames();
  Configurations<double> x(2, 22, 3);
  const std::vector<double> positions = load_molecule("alanine_dipeptide").positions;
  std::copy(positions.begin(), positions.end(), x[0].begin());
  std::copy(good[0].begin(), good[0].end(), x[1].begin());
  for (std::size_t k = 0; k < 3; ++k) {
    const double bond = positions[16 * 3 + k] - positions[14 * 3 + k];
    for (std::size_t i = 16; i < 22; ++i) x[0][3 * i + k] += bond;
  }
  const auto at = [&](std::size_t iterations, double temperature) {
    XtbParameters p;
    p.max_iterations = iterations;
    p.electronic_temperature = temperature;
    return evaluated(*make_energy({22, 3, p}), x);
  };
  const auto patient = at(100, 300), hurried = at(15, 300), hot = at(15, 3000);
  for (const auto* result : {&patient, &hurried, &hot}) {
    EXPECT_EQ(result->status, std::vector<EnergyStatus>(2, EnergyStatus::ok));
  }
  EXPECT_GT(std::abs(patient.energy[0] - hot.energy[0]), 10);
  EXPECT_NEAR(hurried.energy[0], hot.energy[0], 1e-6);
  for (std::size_t k = 0; k < 66; ++k) EXPECT_NEAR(hurried.gradient[0][k], hot.gradient[0][k], 1e-5);
  // The next one is cold again, from a fresh density.
  EXPECT_EQ(hurried.energy[1], patient.energy[1]);
  EXPECT_GT(std::abs(hurried.energy[1] - hot.energy[1]), 1e-4);
}

TEST(Xtb, StartsFromAnotherDensityOnlyAlongATrajectory) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  const auto good = frames();
  Configurations<double> x(2, 22, 3);  // nearer to each other than where a density is kept
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t k = 0; k < x.coordinates(); ++k)
      x[b][k] = good[0][k] + (k % 2 == 0 ? 0.05 : 0) * static_cast<double>(b);
  }
  const auto last = x.view().slice(1, 1);
  const auto energy = make_energy({22, 3, XtbParameters{}});
  const double alone = evaluated(*energy, last).energy[0];
  EXPECT_EQ(evaluated(*energy, x).energy[1], alone);  // in a batch it depends on itself alone
  evaluated(*energy, x.view().slice(0, 1));
  EXPECT_NE(evaluated(*energy, last).energy[0], alone);  // call after call it follows
  evaluated(*energy, x.view().slice(0, 1));
  energy->forget();
  EXPECT_EQ(evaluated(*energy, last).energy[0], alone);
}

TEST(Xtb, UsesNoParameterFileUnasked) {
  if (!has_xtb()) GTEST_SKIP() << "built without xtb";
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(testing::TempDir()) / "parameters";
  fs::create_directories(folder);
  write_file(folder / "param_gfn2-xtb.txt", std::string_view("$end\n"));
  setenv("XTBPATH", folder.c_str(), 1);
  EXPECT_THROW(make_energy({22, 3, XtbParameters{}}), UsageError);
  unsetenv("XTBPATH");
  // In the working directory it is not found, and nothing is left there.
  const fs::path before = fs::current_path();
  fs::current_path(folder);
  const auto energy = make_energy({22, 3, XtbParameters{}});
  const auto value = evaluated(*energy, frames().view().slice(0, 1)).energy[0];
  evaluated(*make_energy({22, 3, xtb_parameters(XtbMethod::gfnff, "")}), frames().view().slice(0, 1));
  fs::current_path(before);
  EXPECT_NEAR(value / units::hartree_in_kt(300), golden()["gfn2_water_energy"].as_double()[0], 1e-8);
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 1);
  fs::remove_all(folder);
}

TEST(Restraints, ActBeyondTheirFlatBottomAndAcrossTheJump) {
  const DihedralRestraint r{{0, 1, 2, 3}, 3.0, 0.5, 10};
  EXPECT_EQ(r.energy(2.6), 0);
  EXPECT_EQ(r.energy(-3.0), 0);
  EXPECT_NEAR(r.energy(2.0), 0.5 * 10 * 0.25, 1e-12);
  const double across = -2.5 + 2 * std::numbers::pi - 3.5;
  EXPECT_NEAR(r.energy(-2.5), 5 * across * across, 1e-12);
  EXPECT_NEAR(r.derivative(-2.5), 10 * across, 1e-12);
  EXPECT_NEAR(r.derivative(2.0), -5, 1e-12);
}

TEST(Restraints, AddToAnEnergyWithTheirGradient) {
  const DihedralRestraint r{{4, 6, 8, 14}, 1.0, 0, 40};
  const Restrained restrained(make_energy({22, 3, HarmonicParameters{}}), {r});
  const auto x = frames();
  const auto plain = evaluated(*make_energy({22, 3, HarmonicParameters{}}), x);
  const auto energy = restrained.clone();
  const auto result = evaluated(*energy, x);
  EXPECT_NEAR(result.energy[2] - plain.energy[2], r.energy(dihedral(x[2], r.atoms)), 1e-9);
  constexpr double h = 1e-5;
  Configurations<double> moved(2, 22, 3);
  for (std::size_t k = 0; k < 66; ++k) moved[0][k] = moved[1][k] = x[2][k];
  moved[0][8 * 3 + 1] -= h;
  moved[1][8 * 3 + 1] += h;
  const auto near = evaluated(*energy, moved);
  EXPECT_NEAR(result.gradient[2][8 * 3 + 1], (near.energy[1] - near.energy[0]) / (2 * h), 1e-5);
}

TEST(Restraints, GuardPeptideBonds) {
  const auto guards = peptide_bond_guards(load_molecule("alanine_dipeptide"));
  ASSERT_EQ(guards.size(), 2U);
  EXPECT_EQ(guards[0].atoms, (DihedralAtoms{1, 4, 6, 8}));
  EXPECT_EQ(guards[1].atoms, (DihedralAtoms{8, 14, 16, 18}));
  EXPECT_NEAR(guards[0].centre, std::numbers::pi, 1e-12);
}

}  // namespace
}  // namespace equibolt
