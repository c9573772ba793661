#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "equibolt/energy.h"
#include "system/molecule_options.h"

namespace equibolt {

enum class XtbMethod { gfn2, gfn1, gfnff };

/// A molecule whose atoms of one element are interchangeable.
inline MoleculeOptions molecule_of_elements() {
  MoleculeOptions molecule;
  molecule.types = "elements";
  return molecule;
}

struct XtbParameters {
  MoleculeOptions molecule = molecule_of_elements();
  XtbMethod method = XtbMethod::gfn2;
  std::string solvent = "water";  ///< implicit, by GBSA; empty: vacuum
  int charge = 0;
  std::size_t unpaired = 0;             ///< unpaired electrons
  double electronic_temperature = 300;  ///< K
  std::size_t max_iterations = 100;     ///< of the self-consistent cycle; xtb's own limit is 250
  std::string parameters;               ///< a parameter file; empty: those that are built into xtb
};

/// Semi-empirical energies from the library xtb. Å and kT outside.
///
/// Where the self-consistent cycle does not converge, it is tried again at ten times the electronic
/// temperature, as in the paper's code; if that fails too the status is `failed`. GFN-FF takes its bonds from
/// the structure and, as other classical energies, knows no permutations of elements.
///
/// In a batch of several each configuration starts from a fresh density, so that its energy depends on itself
/// alone. In dynamics, where batches are of one configuration, it starts from the density of the call before
/// if no coordinate has moved by more than 0.2 Å; clones, first calls and calls after forget() or a batch of
/// several start afresh.
class XtbEnergy : public Energy {
 public:
  /// Throws UsageError where charge and unpaired electrons do not fit the elements, for a solvent without
  /// parameters and what else xtb refuses, where a parameter file lies that xtb would use unasked, and where
  /// equibolt was built without xtb.
  XtbEnergy(std::size_t particles, std::size_t dim, const XtbParameters& parameters);
  ~XtbEnergy() override;

  std::size_t particles() const override { return types_.size(); }
  std::size_t dim() const override { return 3; }
  const ParticleTypes& types() const override { return types_; }
  void evaluate(ConfigurationsView<const double> x, std::span<double> energy,
                ConfigurationsView<double> gradient, std::span<EnergyStatus> status) override;
  void forget() override;
  std::unique_ptr<Energy> clone() const override;
  /// Whether the energy comes from a self-consistent cycle, which may have several solutions.
  bool is_self_consistent() const { return parameters_.method != XtbMethod::gfnff; }
  /// GBSA integrates the solvent-accessible surface on a grid for each atom, which does not turn with the
  /// molecule: 0.01 kT for a small neutral one, 0.1 kT for ions.
  double symmetry_noise() const override { return parameters_.solvent.empty() ? 0 : 0.1; }

 private:
  struct Impl;
  XtbEnergy(const XtbEnergy& other);

  XtbParameters parameters_;
  Molecule molecule_;
  ParticleTypes types_;
  std::unique_ptr<Impl> impl_;
};

/// Whether equibolt was built with xtb.
bool has_xtb();

}  // namespace equibolt
