#pragma once

#include <memory>
#include <string>

#include "equibolt/energy.h"
#include "system/molecule_options.h"

namespace equibolt {

struct OpenMmParameters {
  MoleculeOptions molecule;
  /// An OpenMM System as XML: a file, or the name of a built-in one (systems/*.xml).
  std::string system = "alanine_dipeptide";
};

/// A classical force field: any OpenMM System without constraints, virtual sites and periodicity, computed by
/// OpenMM's Reference platform in double precision. Å and kT outside. Clones share the System; each has its
/// own Context.
class OpenMmEnergy : public Energy {
 public:
  /// Throws UsageError where the System does not fit the structure or is none of that kind, and where
  /// equibolt was built without OpenMM.
  OpenMmEnergy(std::size_t particles, std::size_t dim, const OpenMmParameters& parameters);
  ~OpenMmEnergy() override;

  std::size_t particles() const override { return types_.size(); }
  std::size_t dim() const override { return 3; }
  const ParticleTypes& types() const override { return types_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  std::unique_ptr<Energy> clone() const override;

 private:
  struct Impl;
  OpenMmEnergy(const OpenMmEnergy& other);

  ParticleTypes types_;
  double temperature_;
  std::unique_ptr<Impl> impl_;
};

/// Which OpenMM this is, "7.7"; empty without it.
std::string openmm_version();

}  // namespace equibolt
