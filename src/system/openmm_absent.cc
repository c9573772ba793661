// In the place of openmm_energy.cc where there is no OpenMM.

#include "equibolt/error.h"
#include "system/openmm_energy.h"

namespace equibolt {

struct OpenMmEnergy::Impl {};

OpenMmEnergy::OpenMmEnergy(std::size_t, std::size_t, const OpenMmParameters&) : temperature_(0) {
  throw UsageError(
      "system.kind = \"openmm\": this equibolt was built without OpenMM (Debian: libopenmm-dev, compiled "
      "with g++)");
}

OpenMmEnergy::OpenMmEnergy(const OpenMmEnergy& other) : Energy(other), temperature_(0) {}
OpenMmEnergy::OpenMmEnergy(const OpenMmEnergy& other, std::unique_ptr<Impl>)
    : Energy(other), temperature_(0) {}
OpenMmEnergy::~OpenMmEnergy() = default;

std::unique_ptr<Energy> OpenMmEnergy::clone() const {
  return nullptr;
}

void OpenMmEnergy::evaluate(ConfigurationsView<const double>, std::span<double>, ConfigurationsView<double>,
                            std::span<EnergyStatus>) {}

std::vector<OpenMmEnergy::ForceEnergy> OpenMmEnergy::force_energies(std::span<const double>) const {
  return {};
}

std::string openmm_version() {
  return "";
}

}  // namespace equibolt
