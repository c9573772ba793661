// The only file that includes OpenMM's headers; openmm_absent.cc takes its place where there is no OpenMM.

#include "system/openmm_energy.h"

#include <OpenMM.h>
#include <openmm/serialization/XmlSerializer.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <mutex>
#include <new>
#include <sstream>
#include <vector>

#include "chemistry/elements.h"
#include "equibolt/error.h"
#include "system/evaluated.h"
#include "system/openmm_xml.h"
#include "system/symmetry.h"
#include "system/units.h"

namespace equibolt {
namespace {

/// Contexts register themselves in globals of the library.
std::mutex& construction() {
  static std::mutex mutex;
  return mutex;
}

/// "…: " and the forces that this OpenMM cannot read, with its reasons; empty where it can read each.
std::string unreadable_forces(const std::string& text, const OpenMmXml& xml) {
  std::string faults;
  for (const OpenMmXml::Force& force : xml.forces) {
    std::istringstream part(text.substr(force.first, force.length));
    try {
      const std::unique_ptr<OpenMM::Force> read(OpenMM::XmlSerializer::deserialize<OpenMM::Force>(part));
    } catch (const std::exception& error) {
      faults += fmt::format("\n  {}: {}", force.type, error.what());
    }
  }
  return faults.empty() ? "" : ". It cannot read" + faults;
}

std::shared_ptr<const OpenMM::System> parse_system(const std::string& name) {
  const std::string text = load_system_xml(name);
  const OpenMmXml xml = inspect_openmm_xml(text, name);
  std::istringstream stream(text);
  try {
    return std::shared_ptr<const OpenMM::System>(OpenMM::XmlSerializer::deserialize<OpenMM::System>(stream));
  } catch (const std::bad_alloc&) {
    throw;  // says nothing of the file
  } catch (const std::exception& error) {
    throw DataError("{}: written by OpenMM {}, this is OpenMM {}, which refuses it: {}{}", name,
                    xml.openmm_version.empty() ? "of an unknown version" : xml.openmm_version,
                    openmm_version(), error.what(), unreadable_forces(text, xml));
  }
}

/// The mass of each atom, u, by its element and, where the System has heavier hydrogens, less what these have
/// taken from the atom that they are bonded to.
std::vector<double> expected_masses(const OpenMM::System& system, const Molecule& molecule) {
  std::vector<double> masses = molecule.masses();
  const auto neighbours =
      neighbours_of(molecule.size(), bonds_of(molecule.elements(), molecule.positions.data()));
  for (std::size_t i = 0; i < molecule.size(); ++i) {
    if (molecule.atoms[i].element != 1 || neighbours[i].size() != 1) continue;
    const std::size_t heavy = neighbours[i].front();
    const double taken = system.getParticleMass(static_cast<int>(i)) - atomic_mass(1);
    if (molecule.atoms[heavy].element != 1 && taken > 0) masses[heavy] -= taken;
  }
  return masses;
}

/// Masses do not enter U. They tell whether the System and the structure have the same order of atoms.
void check_masses(const OpenMM::System& system, const std::string& name, const Molecule& molecule) {
  constexpr double near = 0.5, heaviest_hydrogen = 4.5;  // u
  const std::vector<double> repartitioned = expected_masses(system, molecule);
  for (std::size_t i = 0; i < molecule.size(); ++i) {
    const int element = molecule.atoms[i].element;
    const double mass = system.getParticleMass(static_cast<int>(i)), standard = atomic_mass(element);
    if (mass == 0) {
      throw UsageError(
          "the OpenMM System {}: particle {} ({}) has mass 0, which OpenMM keeps in its place; here all "
          "atoms "
          "move: set its mass, {} u",
          name, i, molecule.atoms[i].name, standard);
    }
    const bool hydrogen = element == 1 && mass > standard - near && mass <= heaviest_hydrogen;
    const bool expected = std::abs(mass - standard) < near || std::abs(mass - repartitioned[i]) < near;
    if (hydrogen || expected) continue;
    throw UsageError(
        "the OpenMM System {}: particle {} has mass {}, but atom {} of {} is {} ({}) with {}: is the order "
        "of "
        "atoms the same? (Repartitioned masses are fine: hydrogens up to {} u, taken from the atoms that "
        "they "
        "are bonded to.)",
        name, i, mass, i, molecule.origin, element_symbol(element), molecule.atoms[i].name, standard,
        heaviest_hydrogen);
  }
}

void check(const OpenMM::System& system, const std::string& name, const Molecule& molecule) {
  for (int i = 0; i < system.getNumParticles(); ++i) {
    if (!system.isVirtualSite(i)) continue;
    throw UsageError(
        "the OpenMM System {}: particle {} is a virtual site, a place without an atom, as in water models of "
        "four points: its position depends on the others' and has no density of its own; use a model without "
        "(TIP3P), and a structure without its atoms",
        name, i);
  }
  if (static_cast<std::size_t>(system.getNumParticles()) != molecule.size()) {
    throw UsageError("the OpenMM System {} has {} particles, the structure {} has {}", name,
                     system.getNumParticles(), molecule.origin, molecule.size());
  }
  if (system.getNumConstraints() > 0) {
    throw UsageError(
        "the OpenMM System {} has {} constraints: its configurations have no density in all coordinates; "
        "make it without (constraints=None)",
        name, system.getNumConstraints());
  }
  if (system.usesPeriodicBoundaryConditions()) {
    throw UsageError("the OpenMM System {} is periodic: its energy is not invariant under rotations", name);
  }
  check_masses(system, name, molecule);
}

/// Whether U of the molecule's configurations is another one than that of their mirror images.
bool has_chiral_terms(Energy& energy, const Molecule& molecule) {
  const Configurations<double> x = shaken(molecule);
  Configurations<double> mirrored = x;
  for (double& value : mirrored.view().values()) value = -value;
  const Evaluated own = energies_of(energy, x.view()), other = energies_of(energy, mirrored.view());
  for (std::size_t b = 0; b < x.count(); ++b) {
    const bool known = own.status[b] == EnergyStatus::ok && other.status[b] == EnergyStatus::ok;
    if (known &&
        std::abs(own.energy[b] - other.energy[b]) > kSymmetryTolerance + 1e-8 * std::abs(own.energy[b]))
      return true;
  }
  return false;
}

}  // namespace

struct OpenMmEnergy::Impl {
  explicit Impl(std::shared_ptr<const OpenMM::System> s)
      : system(std::move(s)), positions(static_cast<std::size_t>(system->getNumParticles())) {
    const std::lock_guard lock(construction());
    integrator = std::make_unique<OpenMM::VerletIntegrator>(0.001);
    context = std::make_unique<OpenMM::Context>(*system, *integrator,
                                                OpenMM::Platform::getPlatformByName("Reference"));
  }
  ~Impl() {
    const std::lock_guard lock(construction());
    context.reset();  // before the integrator, which it uses
  }

  std::shared_ptr<const OpenMM::System> system;
  std::unique_ptr<OpenMM::Integrator> integrator;
  std::unique_ptr<OpenMM::Context> context;
  std::vector<OpenMM::Vec3> positions;  // nm
};

OpenMmEnergy::OpenMmEnergy(std::size_t particles, std::size_t dim, const OpenMmParameters& parameters)
    : temperature_(parameters.molecule.temperature) {
  const Molecule molecule = load_molecule(parameters.molecule.structure);
  require_molecule_shape(molecule, particles, dim);
  types_ = particle_types_of(molecule, parameters.molecule.types);
  auto system = parse_system(parameters.system);
  check(*system, parameters.system, molecule);
  try {
    impl_ = std::make_unique<Impl>(std::move(system));
  } catch (const OpenMM::OpenMMException& error) {
    throw UsageError("the OpenMM System {}: {}", parameters.system, error.what());
  }
  if (const auto hand = Handedness::of(molecule); hand && has_chiral_terms(*this, molecule)) hand_ = hand;
  if (parameters.molecule.types == "symmetry") types_ = split_types(*this, shaken(molecule).view());
}

OpenMmEnergy::OpenMmEnergy(const OpenMmEnergy& other)
    : Energy(other),
      types_(other.types_),
      hand_(other.hand_),
      temperature_(other.temperature_),
      impl_(std::make_unique<Impl>(other.impl_->system)) {}

OpenMmEnergy::OpenMmEnergy(const OpenMmEnergy& other, std::unique_ptr<Impl> impl)
    : Energy(other),
      types_(other.types_),
      hand_(other.hand_),
      temperature_(other.temperature_),
      impl_(std::move(impl)) {}

OpenMmEnergy::~OpenMmEnergy() = default;

std::unique_ptr<Energy> OpenMmEnergy::clone() const {
  return std::unique_ptr<Energy>(new OpenMmEnergy(*this));
}

void OpenMmEnergy::evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                            ConfigurationsView<double> gradient, std::span<EnergyStatus> status) {
  assert(x.particles() == particles() && x.dim() == 3);
  using OpenMM::State;
  const double in_kt = units::kilojoule_per_mole_in_kt(temperature_);
  const bool wants_gradient = gradient.size() > 0;
  const auto fail = [&](std::size_t b, EnergyStatus reason) {
    status[b] = reason;
    energy[b] = std::numeric_limits<double>::infinity();
    if (wants_gradient) std::fill(gradient[b].begin(), gradient[b].end(), 0.0);
  };
  for (std::size_t b = 0; b < x.count(); ++b) {
    const double sign = hand_ && hand_->is_mirrored(x[b]) ? -1 : 1;
    for (std::size_t i = 0; i < particles(); ++i) {
      for (int k = 0; k < 3; ++k) {
        impl_->positions[i][k] = sign * x[b][3 * i + static_cast<std::size_t>(k)] / units::nanometer_angstrom;
      }
    }
    try {
      impl_->context->setPositions(impl_->positions);
      const State state = impl_->context->getState(State::Energy | (wants_gradient ? State::Forces : 0));
      energy[b] = state.getPotentialEnergy() * in_kt;
      bool finite = std::isfinite(energy[b]);
      if (wants_gradient) {
        const std::vector<OpenMM::Vec3>& forces = state.getForces();
        for (std::size_t i = 0; i < particles(); ++i) {
          for (int k = 0; k < 3; ++k) {
            const double value = -sign * forces[i][k] * in_kt / units::nanometer_angstrom;
            gradient[b][3 * i + static_cast<std::size_t>(k)] = value;
            finite = finite && std::isfinite(value);
          }
        }
      }
      status[b] = EnergyStatus::ok;
      // Coincident atoms give infinities and NaN without an exception.
      if (!finite) fail(b, EnergyStatus::not_finite);
    } catch (const OpenMM::OpenMMException&) {
      fail(b, EnergyStatus::failed);
    }
  }
}

std::vector<OpenMmEnergy::ForceEnergy> OpenMmEnergy::force_energies(std::span<const double> x) const {
  Configurations<double> alone(1, particles(), 3);
  std::copy(x.begin(), x.end(), alone[0].begin());
  std::vector<ForceEnergy> energies;
  const OpenMM::System& system = *impl_->system;
  for (int f = 0; f < system.getNumForces(); ++f) {
    // A System of one force at a time: there is no limit on their number, as there is on that of force
    // groups.
    auto one = std::make_shared<OpenMM::System>();
    for (int i = 0; i < system.getNumParticles(); ++i) one->addParticle(system.getParticleMass(i));
    one->addForce(OpenMM::XmlSerializer::clone(system.getForce(f)));
    try {
      OpenMmEnergy energy(*this, std::make_unique<Impl>(std::move(one)));
      energies.push_back({system.getForce(f).getName(), energies_of(energy, alone.view()).energy[0]});
    } catch (const OpenMM::OpenMMException&) {
      // Some forces need others beside them; then they are left out.
    }
  }
  return energies;
}

std::string openmm_version() {
  return OpenMM::Platform::getOpenMMVersion();
}

}  // namespace equibolt
