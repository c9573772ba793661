// In the place of xtb_energy.cc where there is no xtb.

#include "equibolt/error.h"
#include "system/xtb_energy.h"

namespace equibolt {

struct XtbEnergy::Impl {};

XtbEnergy::XtbEnergy(std::size_t, std::size_t, const XtbParameters&) {
  throw UsageError("system.kind = \"xtb\": this equibolt was built without xtb (Debian: libxtb-dev)");
}

XtbEnergy::XtbEnergy(const XtbEnergy& other) : Energy(other) {}
XtbEnergy::~XtbEnergy() = default;

std::unique_ptr<Energy> XtbEnergy::clone() const {
  return nullptr;
}

void XtbEnergy::evaluate(ConfigurationsView<const double>, std::span<double>, ConfigurationsView<double>,
                         std::span<EnergyStatus>) {}

void XtbEnergy::forget() {}

bool has_xtb() {
  return false;
}

}  // namespace equibolt
