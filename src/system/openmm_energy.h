#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "chemistry/handedness.h"
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
///
/// With the types "symmetry" the bond graph proposes which atoms are interchangeable, and the energy decides:
/// some force fields treat equivalent atoms differently (system/symmetry.h, split_types).
///
/// Some force fields distinguish a configuration from its mirror image (CMAP corrections). For a chiral
/// molecule U is then that of the structure's chirality: a configuration of the other one is mirrored before
/// it is evaluated, so that U is invariant under reflections, as the flow is.
class OpenMmEnergy : public Energy {
 public:
  /// Throws DataError where the file is no System that this OpenMM reads, UsageError where the System does
  /// not fit the structure or is none of that kind, and where equibolt was built without OpenMM.
  OpenMmEnergy(std::size_t particles, std::size_t dim, const OpenMmParameters& parameters);
  ~OpenMmEnergy() override;

  std::size_t particles() const override { return types_.size(); }
  std::size_t dim() const override { return 3; }
  const ParticleTypes& types() const override { return types_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  std::unique_ptr<Energy> clone() const override;

  /// Whether configurations of the other chirality than the structure's are mirrored.
  bool mirrors() const { return hand_.has_value(); }

  /// The energy of each force of the System at x (N, 3), by the force's name.
  struct ForceEnergy {
    std::string name;
    double energy;  ///< kT
  };
  std::vector<ForceEnergy> force_energies(std::span<const double> x) const;

 private:
  struct Impl;
  OpenMmEnergy(const OpenMmEnergy& other);
  OpenMmEnergy(const OpenMmEnergy& other, std::unique_ptr<Impl> impl);

  ParticleTypes types_;
  std::optional<Handedness> hand_;       ///< of a System that is not invariant under reflections
  [[maybe_unused]] double temperature_;  // where OpenMM is not built in
  std::unique_ptr<Impl> impl_;
};

/// Which OpenMM this is, "7.7"; empty without it.
std::string openmm_version();

}  // namespace equibolt
