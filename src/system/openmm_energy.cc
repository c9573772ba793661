// The only file that includes OpenMM's headers; openmm_absent.cc takes its place where there is no OpenMM.

#include "system/openmm_energy.h"

#include <OpenMM.h>
#include <openmm/serialization/XmlSerializer.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <mutex>
#include <sstream>
#include <vector>

#include "chemistry/elements.h"
#include "equibolt/error.h"
#include "system/units.h"

namespace equibolt {
namespace {

/// Contexts register themselves in globals of the library.
std::mutex& construction() {
  static std::mutex mutex;
  return mutex;
}

std::shared_ptr<const OpenMM::System> parse_system(const std::string& name) {
  std::istringstream xml(load_system_xml(name));
  try {
    return std::shared_ptr<const OpenMM::System>(OpenMM::XmlSerializer::deserialize<OpenMM::System>(xml));
  } catch (const std::exception& error) {
    throw DataError("{}: OpenMM cannot read it as a System: {}", name, error.what());
  }
}

void check(const OpenMM::System& system, const std::string& name, const Molecule& molecule) {
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
  for (int i = 0; i < system.getNumParticles(); ++i) {
    const Atom& atom = molecule.atoms[static_cast<std::size_t>(i)];
    if (system.isVirtualSite(i))
      throw UsageError("the OpenMM System {}: particle {} is a virtual site", name, i);
    if (!(std::abs(system.getParticleMass(i) - atomic_mass(atom.element)) < 0.5)) {
      throw UsageError(
          "the OpenMM System {}: particle {} has mass {}, but atom {} of {} is {} with {}: is the order of "
          "atoms the same?",
          name, i, system.getParticleMass(i), i, molecule.origin, element_symbol(atom.element),
          atomic_mass(atom.element));
    }
  }
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
}

OpenMmEnergy::OpenMmEnergy(const OpenMmEnergy& other)
    : Energy(other),
      types_(other.types_),
      temperature_(other.temperature_),
      impl_(std::make_unique<Impl>(other.impl_->system)) {}

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
    for (std::size_t i = 0; i < particles(); ++i) {
      for (int k = 0; k < 3; ++k) {
        impl_->positions[i][k] = x[b][3 * i + static_cast<std::size_t>(k)] / units::nanometer_angstrom;
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
            const double value = -forces[i][k] * in_kt / units::nanometer_angstrom;
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

std::string openmm_version() {
  return OpenMM::Platform::getOpenMMVersion();
}

}  // namespace equibolt
